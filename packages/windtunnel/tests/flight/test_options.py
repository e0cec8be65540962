from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import UsageError
from windtunnel.flight.options import check_options, command_line, own_workspace, parse_served

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Experiment


def test_what_is_missing_in_a_repository_is_named_all_at_once(tmp_path: Path, experiment: Experiment) -> None:
    (experiment.folder / "src" / "main.py").unlink()
    with pytest.raises(UsageError, match=r"src/main\.py, config/run/\*\.yaml missing"):
        check_options(experiment.options())


@pytest.mark.parametrize("name", ["nothing", "file"])
def test_a_path_that_is_no_folder_is_refused(tmp_path: Path, experiment: Experiment, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"is a file|does not exist"):
        check_options(experiment.options(repository=tmp_path / name))


def test_the_own_workspace_is_the_folder_with_the_uv_table() -> None:
    root = own_workspace()
    assert root is None or "[tool.uv.workspace]" in (root / "pyproject.toml").read_text()


@pytest.mark.parametrize("inside", ["", "src/out", "config"])
def test_results_do_not_go_among_the_code(experiment: Experiment, inside: str) -> None:
    experiment.run("a")
    with pytest.raises(UsageError, match="the experiment's own code"):
        check_options(experiment.options(results_dir=experiment.folder / inside))


@pytest.mark.parametrize("name", ["two\nlines", "${mine}"])
def test_a_results_folder_that_no_hydra_program_can_use_is_refused(experiment: Experiment, name: str) -> None:
    experiment.run("a")
    with pytest.raises(UsageError, match="choose another folder"):
        check_options(experiment.options(results_dir=experiment.folder.parent / name))


def test_results_may_go_into_the_repository(experiment: Experiment) -> None:
    experiment.run("a")
    target = experiment.folder / "results"
    assert check_options(experiment.options(results_dir=target)).results_dir == target


def test_results_cannot_go_below_a_file(experiment: Experiment, tmp_path: Path) -> None:
    experiment.run("a")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="is a file; give a folder"):
        check_options(experiment.options(results_dir=tmp_path / "file" / "results"))


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_a_timeout_is_above_zero(experiment: Experiment, seconds: float) -> None:
    experiment.run("a")
    with pytest.raises(UsageError, match="--timeout"):
        check_options(experiment.options(timeout_seconds=seconds))


def test_served_folders_are_read_by_id(tmp_path: Path) -> None:
    assert parse_served([f"nyu-mll/glue={tmp_path}"]) == {"nyu-mll/glue": tmp_path}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nyu-mll/glue"], "not of the form ID=DIR"),
        (["=data"], "not of the form ID=DIR"),
        (["../glue=data"], "not of the form ID=DIR"),
        (["a/b=/nowhere/at/all"], "does not exist"),
        (["a/b={tmp}", "a/b={tmp}"], "twice"),
    ],
)
def test_served_folders_that_cannot_be_are_refused(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        parse_served([argument.format(tmp=tmp_path) for argument in arguments])


def test_the_command_that_repeats_a_flight_can_be_pasted(experiment: Experiment, tmp_path: Path) -> None:
    options = experiment.options(mode="full", runs=("*SST-2",), serve={"a/b": tmp_path}, timeout_seconds=60.0)
    line = command_line(options, resume=True)
    assert "--run '*SST-2'" in line
    assert line.endswith(f"--serve a/b={tmp_path} --timeout 60 --sandbox none --resume")
