from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from windtunnel import review
from windtunnel.cli import main
from windtunnel.findings import Place, Severity
from windtunnel.reviewing import forbids
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from windtunnel.findings import Finding
    from windtunnel.verdict import Verdict

DONE = "print('done')\n"
READS = """
import hydra

@hydra.main(config_path="../config", config_name="config", version_base="1.3")
def main(cfg):
    print(cfg.run.rate)

main()
"""
FORGED = """
import json, pathlib, sys

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
folder = pathlib.Path(arguments["results_dir"]) / arguments["run"]
folder.mkdir(parents=True, exist_ok=True)
curve = [{"epoch": epoch, "loss": 0.7 / epoch, "accuracy": 0.9 - 0.2 / epoch} for epoch in range(1, 4)]
(folder / "metrics.json").write_text(json.dumps({"history": curve, "accuracy": 0.8731}))
"""
FORGED_COMPARISON = """
import json, pathlib, sys

arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
folder = pathlib.Path(arguments["results_dir"]) / "comparison"
folder.mkdir(parents=True, exist_ok=True)
metrics = {"accuracy": {run: 0.87 for run in json.loads(arguments["run_ids"])}}
(folder / "aggregated_metrics.json").write_text(json.dumps({"metrics": metrics}))
"""


def repository(folder: Path, main_py: str, evaluate_py: str = DONE) -> Path:
    for path, text in {
        "src/main.py": main_py,
        "src/train.py": DONE,
        "src/evaluate.py": evaluate_py,
        "src/model.py": DONE,
        "src/preprocess.py": DONE,
        "config/config.yaml": "mode: ???\n",
        "config/run/proposed-a.yaml": "run_id: proposed-a\n",
        "pyproject.toml": '[project]\nname = "x"\nversion = "0.1"\ndependencies = []\n',
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def fly(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    code = main(["fly", *arguments, "--sandbox", "none", "--format", "json"])
    report: dict[str, object] = json.loads(capsys.readouterr().out)
    return code, report


def test_an_empty_repository_is_not_ready(tmp_path: Path) -> None:
    verdict = review(tmp_path, unsandboxed=True)
    assert verdict.outcome == "not ready"
    assert verdict.flights == ()


@pytest.mark.parametrize("mode", ["trial", "full"])
@pytest.mark.parametrize(
    ("main_py", "evaluate_py"),
    [(DONE, DONE), (DONE, FORGED_COMPARISON), (FORGED, FORGED_COMPARISON)],
    ids=["prints done", "only an evaluation", "writes plausible results"],
)
def test_what_trains_nothing_is_not_ready_though_all_went_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], main_py: str, evaluate_py: str, mode: str
) -> None:
    folder = repository(tmp_path / "experiment", main_py, evaluate_py)
    code, report = fly(capsys, str(folder), "--mode", mode, "--results-dir", str(tmp_path / "results"))
    assert (code, report["outcome"], report["is_code_ready"]) == (1, "not ready", False)
    assert report["flights"]


def test_a_review_flies_what_the_check_lets_pass_and_gives_one_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = repository(tmp_path / "experiment", "raise KeyError('lr')\n")
    code = main(
        [
            "review",
            str(folder),
            "--sandbox",
            "none",
            "--format",
            "json",
            "--select",
            "FLY",
            "--results-dir",
            str(tmp_path / "kept"),
        ]
    )
    report = json.loads(capsys.readouterr().out)
    assert code == 1
    (finding,) = [found for found in report["findings"] if found["severity"] == "blocker"]
    assert (finding["path"], finding["line"], finding["source"]) == ("src/main.py", 1, "flight")
    assert "windtunnel fly" in finding["fix"]
    assert (tmp_path / "kept" / "trial" / "flight" / "evidence.json").exists()


def test_several_repositories_are_a_line_of_json_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = [str(repository(tmp_path / "a", DONE)), str(tmp_path / "none")]
    code = main(["review", *paths, "--jobs", "2", "--sandbox", "none", "--timeout", "120"])
    captured = capsys.readouterr()
    records = {record["path"]: record for record in map(json.loads, captured.out.splitlines())}
    assert set(records) == set(paths)
    assert records[paths[0]]["outcome"] == "not ready"
    assert "error" in records[paths[1]]
    assert code == 1


@pytest.mark.parametrize(
    ("place", "stage", "modes", "trial"),
    [
        (Place("src/train.py", 1), Stage.CONFIG, (), True),
        (Place("src/train.py", 1), Stage.CONFIG, ("full",), False),
        (Place("src/evaluate.py", 1), Stage.IMPORT, (), False),
        (Place("src/train.py", 1), Stage.TRIAL, (), False),
        (Place("src/train.py", 1), Stage.FULL, (), False),
    ],
)
def test_a_trial_is_flown_unless_it_cannot_begin_and_a_full_flight_only_without_blockers(
    verdict: Callable[..., Verdict],
    finding: Callable[..., Finding],
    *,
    place: Place,
    stage: Stage,
    modes: tuple[str, ...],
    trial: bool,
) -> None:
    found = verdict(finding(place=place, stage=stage, modes=modes))
    assert (forbids(found, "trial") is None) is trial
    assert forbids(found, "full") is None
    warned = verdict(finding(place=place, stage=stage, modes=modes, severity=Severity.WARNING))
    assert forbids(warned, "full") == frozenset()


def test_a_run_that_cannot_begin_keeps_the_others_from_nothing(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    of_one = finding(place=Place("src/train.py", 1), stage=Stage.CONFIG, runs=("comparative-1-a",))
    assert forbids(verdict(of_one), "trial") == {"comparative-1-a"}
    of_all = finding(place=Place("src/train.py", 2), stage=Stage.CONFIG, runs=())
    assert forbids(verdict(of_one, of_all), "trial") is None


def test_a_review_flies_the_runs_that_the_check_found_nothing_in(tmp_path: Path) -> None:
    folder = repository(tmp_path / "experiment", READS)
    (folder / "config" / "config.yaml").write_text(
        "defaults:\n  - _self_\n  - run: null\nmode: ???\nresults_dir: ???\n"
    )
    (folder / "config" / "run" / "proposed-a.yaml").write_text("run_id: proposed-a\nrate: 0.1\n")
    (folder / "config" / "run" / "comparative-1-b.yaml").write_text("run_id: comparative-1-b\n")
    project = folder / "pyproject.toml"
    project.write_text(project.read_text().replace("dependencies = []", 'dependencies = ["hydra-core"]'))
    found = review(folder, unsandboxed=True)
    (flight,) = found.flights
    assert flight.run_ids == ("proposed-a",)
