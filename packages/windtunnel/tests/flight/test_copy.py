from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import FlightError
from windtunnel.flight.copy import copy_repository

if TYPE_CHECKING:
    from .conftest import Experiment


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def test_only_what_belongs_to_the_experiment_is_copied(experiment: Experiment, tmp_path: Path) -> None:
    experiment.run("a")
    for path in (
        ".venv/x",
        ".cache/x",
        "src/__pycache__/x.pyc",
        "results/x",
        "outputs/x",
        "wandb/x",
        "mine/x",
        ".windtunnel/key",
    ):
        experiment.write(path, "")
    experiment.write("src/results/kept.py", "")
    copy_repository(experiment.folder, tmp_path / "copy", results_dir=experiment.folder / "mine")
    assert listing(tmp_path / "copy") == {
        "src/main.py",
        "src/evaluate.py",
        "src/results/kept.py",
        "config/config.yaml",
        "config/run/a.yaml",
    }


def test_what_git_ignores_is_left_out(experiment: Experiment, tmp_path: Path) -> None:
    experiment.run("a")
    experiment.write(".gitignore", "*.bin\nbig/\n")
    experiment.write("weights.bin", "")
    experiment.write("big/data", "")
    subprocess.run(["git", "init", "-q", str(experiment.folder)], check=True)
    copy_repository(experiment.folder, tmp_path / "copy", results_dir=tmp_path / "results")
    copied = listing(tmp_path / "copy")
    assert ".gitignore" in copied
    assert not {"weights.bin", "big/data"} & copied


def test_a_repository_that_an_enclosing_one_ignores_is_not_empty(experiment: Experiment, tmp_path: Path) -> None:
    experiment.run("a")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("experiment/\n")
    copy_repository(experiment.folder, tmp_path / "copy", results_dir=tmp_path / "results")
    assert "src/main.py" in listing(tmp_path / "copy")


def test_a_program_named_in_the_repository_s_git_configuration_does_not_run(
    experiment: Experiment, tmp_path: Path
) -> None:
    experiment.run("a")
    subprocess.run(["git", "init", "-q", str(experiment.folder)], check=True)
    hook = experiment.write("hook", f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    subprocess.run(["git", "-C", str(experiment.folder), "config", "core.fsmonitor", str(hook)], check=True)
    copy_repository(experiment.folder, tmp_path / "copy", results_dir=tmp_path / "results")
    assert not (tmp_path / "ran").exists()


def test_links_stay_within_the_copy_or_are_left_out(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (experiment.folder / "out").symlink_to(tmp_path / "secret")
    (experiment.folder / "up").symlink_to("..")
    (experiment.folder / "alias.py").symlink_to(experiment.folder / "src" / "main.py")
    copied = copy_repository(experiment.folder, tmp_path / "copy", results_dir=tmp_path / "results")
    assert copied.left_out == ("out", "up")
    assert (tmp_path / "copy" / "alias.py").readlink() == Path("src/main.py")
    assert "secret" not in {path.name for path in (tmp_path / "copy").rglob("*")}


def test_a_pipe_in_the_repository_does_not_hang_the_copy(experiment: Experiment, tmp_path: Path) -> None:
    os.mkfifo(experiment.folder / "pipe")
    assert copy_repository(experiment.folder, tmp_path / "copy", results_dir=tmp_path / "r").left_out == ("pipe",)


def test_the_hash_depends_on_names_and_contents_alone(experiment: Experiment, tmp_path: Path) -> None:
    def tree(name: str) -> str:
        return copy_repository(experiment.folder, tmp_path / name, results_dir=tmp_path / "r").tree_sha256

    first = tree("1")
    os.utime(experiment.folder / "src" / "main.py", (0, 0))
    assert tree("2") == first
    renamed = (experiment.folder / "src" / "main.py").rename(experiment.folder / "src" / "other.py")
    moved = tree("3")
    renamed.write_text("changed")
    assert len({first, moved, tree("4")}) == 3


def test_what_cannot_be_copied_is_named(experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(FlightError, match="could not be copied"):
        copy_repository(experiment.folder, tmp_path / "copy", results_dir=tmp_path / "r")
