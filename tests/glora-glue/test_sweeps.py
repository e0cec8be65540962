"""Several runs and seeds with one command: Hydra's multirun, its joblib launcher, and a Ray cluster of this machine."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from windtunnel.hub import Hub
from windtunnel.recorder import Recorder

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"
RUN_IDS = [f"{role}-all-MiniLM-L6-v2-22M--GLUE-SST-2" for role in ("proposed", "comparative-2")]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def copied(folder: Path) -> Path:
    """The experiment in a place of its own: runs write .cache/ beside their sources."""
    copy = folder / "glora-glue"
    shutil.copytree(EXPERIMENT, copy, ignore=shutil.ignore_patterns("__pycache__", ".cache", "results"))
    return copy


def sweep(folder: Path, backbone: str, *arguments: str, seeds: str = "42,7") -> tuple[int, str, dict[str, str]]:
    """Exit code, output, and the state of each run by its name."""
    command = [
        sys.executable, "-m", "src.main", "-m", f"run={','.join(RUN_IDS)}", f"seed={seeds}",
        f"results_dir={folder / 'results'}", "mode=full", f"++run.model.backbone={backbone}",
        "++run.dataset.batch_size=8", "++run.dataset.max_length=16", "++run.training.epochs=2",
        "++run.dataset.train_rows=64", "launcher.device=cpu", *arguments,
    ]  # fmt: skip
    with Hub(store=folder / "store") as hub, Recorder(folder / "recorder.sqlite") as recorder:
        environment = {**os.environ, **hub.environment(folder / "home"), **recorder.environment(folder / "home")}
        done = subprocess.run(
            command, cwd=copied(folder), env={**environment, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr, {run.name: run.state for run in recorder.store.runs()}


def rows_of(recorder: Recorder, run_id: str) -> int:
    """How many rows a run has sent; 0 where it has not begun."""
    begun = {run.name for run in recorder.store.runs()}
    return len(recorder.store.history("glora", "glora-glue", run_id)) if run_id in begun else 0


EVERY = {name: "finished" for run_id in RUN_IDS for name in (run_id, f"{run_id}-seed7")}


def written(folder: Path) -> set[str]:
    return {path.parent.name for path in (folder / "results").glob("*/predictions.csv")}


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_runs_and_seeds_are_swept_on_this_machine(tmp_path: Path, backbone: str, launcher: str) -> None:
    workers = ["hydra.launcher.n_jobs=2"] if launcher == "joblib" else []
    code, output, states = sweep(tmp_path, backbone, f"hydra/launcher={launcher}", *workers)
    assert code == 0, output
    assert states == EVERY
    assert written(tmp_path) == set(EVERY)
    assert not (tmp_path / "glora-glue" / "multirun").exists()


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_a_job_that_fails_is_told_and_does_not_keep_the_others_from_running(
    tmp_path: Path, backbone: str, launcher: str
) -> None:
    code, output, states = sweep(tmp_path, backbone, f"hydra/launcher={launcher}", seeds="-1,42")
    assert code != 0
    assert output.count("seed is -1, it must be an integer of 0 or more") >= len(RUN_IDS)
    assert "RunFailedError" in output
    assert states == dict.fromkeys(RUN_IDS, "finished")


def test_the_jobs_of_a_sweep_that_is_ended_store_where_they_are_and_end(tmp_path: Path, backbone: str) -> None:
    """They would train on, unseen, into the folders of the sweep that is started next."""
    command = [
        sys.executable, "-m", "src.main", "-m", f"run={','.join(RUN_IDS)}", f"results_dir={tmp_path / 'results'}",
        "mode=full", f"++run.model.backbone={backbone}", "++run.dataset.batch_size=8", "++run.dataset.max_length=16",
        "++run.training.epochs=500", "++run.dataset.train_rows=64", "launcher.device=cpu", "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    ]  # fmt: skip
    with Hub(store=tmp_path / "store") as hub, Recorder(tmp_path / "recorder.sqlite") as recorder:
        environment = {**os.environ, **hub.environment(tmp_path / "home"), **recorder.environment(tmp_path / "home")}
        with subprocess.Popen(
            command, cwd=copied(tmp_path), env={**environment, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL
        ) as process:
            while not all(rows_of(recorder, run_id) for run_id in RUN_IDS):
                assert process.poll() is None
                time.sleep(0.5)
            children = psutil.Process(process.pid).children()
            jobs = [child for child in children if "LokyProcess" in " ".join(child.cmdline())]
            process.terminate()
        _, alive = psutil.wait_procs(jobs, timeout=60)
        assert len(jobs) >= len(RUN_IDS)
        assert alive == []
        assert {run.state for run in recorder.store.runs()} == {"failed"}
    for run_id in RUN_IDS:
        assert torch.load(tmp_path / "results" / run_id / "checkpoint.pt", weights_only=False)["step"] > 0


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="ray is not installed: uv sync --extra cluster")
def test_runs_and_seeds_are_swept_on_a_ray_cluster(tmp_path: Path, backbone: str) -> None:
    code, output, states = sweep(tmp_path, backbone, "hydra/launcher=ray", "+hydra.launcher.ray.init.num_cpus=2")
    assert code == 0, output
    assert states == EVERY
    assert written(tmp_path) == set(EVERY)
