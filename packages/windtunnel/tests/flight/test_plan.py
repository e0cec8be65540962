from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from windtunnel.errors import UsageError
from windtunnel.flight.plan import choose_runs, evaluate_command, hydra_value, list_run_ids, run_command

PARSER = OverridesParser.create()


def parsed(text: str) -> object:
    """What a Hydra program sees of ``key=text``, interpolations resolved."""
    return OmegaConf.create({"key": PARSER.parse_override(f"key={text}").value()})["key"]


@pytest.mark.parametrize(
    "path", ["/plain/results", "/with space/r", "/a-b_c.d/e+f@g:h", "/x/per%cent?*|", "/a$b/results"]
)
def test_ordinary_paths_reach_hydra_unchanged(path: str) -> None:
    assert parsed(hydra_value(path)) == path


def test_a_path_without_special_characters_is_not_quoted() -> None:
    assert hydra_value("/home/me/my results/v1.2") == "/home/me/my results/v1.2"


@settings(max_examples=400, deadline=None)
@given(st.text(st.sampled_from("ab1/\\'\"$ {}[](),=:;@~#%&?*|<>!`ü-_.+"), max_size=12))
def test_any_text_reaches_hydra_as_itself(text: str) -> None:
    assert parsed(hydra_value("/" + text)) == "/" + text


@pytest.mark.parametrize("text", ["1.0", "null", "true", "1e3", "inf"])
def test_a_run_id_that_looks_like_another_type_stays_text(text: str) -> None:
    assert parsed(hydra_value(text)) == text


def test_proposed_come_first_then_comparative_by_number(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "run"
    folder.mkdir(parents=True)
    for run_id in ("comparative-10-x", "ablation", "comparative-2-x", "proposed-x", "comparative-2-a"):
        (folder / f"{run_id}.yaml").touch()
    assert list_run_ids(tmp_path) == [
        "proposed-x",
        "comparative-2-a",
        "comparative-2-x",
        "comparative-10-x",
        "ablation",
    ]


def test_a_run_named_like_a_folder_of_the_flight_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config" / "run").mkdir(parents=True)
    (tmp_path / "config" / "run" / "comparison.yaml").touch()
    with pytest.raises(UsageError, match=r"config/run/comparison\.yaml.*rename"):
        list_run_ids(tmp_path)


def test_globs_and_ids_choose_runs_in_the_order_of_the_repository() -> None:
    run_ids = ["proposed-MiniLM--SST-2", "proposed-DeBERTa--MNLI", "comparative-1-MiniLM--SST-2"]
    assert choose_runs(run_ids, ["*MiniLM*SST-2", "proposed-DeBERTa--MNLI"]) == run_ids
    assert choose_runs(run_ids, ["comparative*"]) == run_ids[2:]
    assert choose_runs(run_ids, []) == run_ids


def test_an_id_with_glob_characters_means_itself() -> None:
    assert choose_runs(["run[1]", "run1"], ["run[1]"]) == ["run[1]"]


def test_an_unknown_run_lists_what_exists_and_what_is_close() -> None:
    with pytest.raises(UsageError) as caught:
        choose_runs(["proposed-a", "comparative-1-a"], ["proposed-b"])
    text = str(caught.value)
    assert "'proposed-b' matches no run configuration" in text
    assert "Did you mean proposed-a" in text
    assert "\n  comparative-1-a" in text


def test_the_commands_are_those_of_the_contract() -> None:
    command = run_command("proposed-x", python=Path(sys.executable), results_dir=Path("/r"), mode="full")
    assert command.argv == (
        sys.executable,
        "-u",
        "-m",
        "src.main",
        "run=proposed-x",
        "results_dir=/r",
        "mode=full",
    )
    program, *arguments = evaluate_command(
        ["a", "b"], python=Path(sys.executable), results_dir=Path("/my (results)")
    ).argv
    assert program == sys.executable
    assert arguments[:3] == ["-m", "src.evaluate", "results_dir=/my (results)"]
    assert json.loads(arguments[3].removeprefix("run_ids=")) == ["a", "b"]
