"""Whole runs against the recorder with the real W&B client: what arrives, after a kill too, and what is read back."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from windtunnel.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
EXPERIMENT = HERE.parents[1] / "experiments" / "glora-glue"
TIMES = {"step_seconds", "training_seconds", "peak_memory_bytes", "_timestamp", "_runtime", "_wandb", "_step"}


def train(
    recorder: Recorder,
    folder: Path,
    backbone: str,
    *arguments: str,
    fails: str = "",
    within: Sequence[str] = (),
    **settings: Any,
) -> int:
    """A process of recorded_run.py, with its settings (``kill_at=1`` is KILL_AT=1); returns its exit code.

    Its standard error holds ``fails``; ``within`` is a command to start it with.
    """
    told = {name.upper(): str(value) for name, value in settings.items()}
    environment = {**os.environ, **recorder.environment(folder / "home"), "OMP_NUM_THREADS": "1", **told}
    done = subprocess.run(
        [*within, sys.executable, str(HERE / "recorded_run.py"), backbone, str(folder / "results"), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    if fails:
        assert fails in done.stderr, done.stderr
    elif not any(name.startswith(("KILL", "STOP")) for name in told):
        assert done.returncode == 0, done.stdout + done.stderr
        assert "less than the current step" not in done.stderr
    return done.returncode


def rows(recorder: Recorder, run_id: str) -> list[dict[str, Any]]:
    history = recorder.store.history("glora", "glora-glue", run_id)
    return [{key: value for key, value in row.items() if key not in TIMES} for row in history]


def summary(recorder: Recorder) -> dict[str, Any]:
    (run,) = recorder.store.runs()
    assert run.state == "finished"
    return {key: value for key, value in run.summary.items() if key not in TIMES}


def uninterrupted(folder: Path, backbone: str, method: str, **settings: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """A run that nothing happens to: the run, its rows and its summary."""
    with Recorder(folder / "recorder.sqlite") as recorder:
        train(recorder, folder, backbone, method, **settings)
        (run,) = recorder.store.runs()
        return run, rows(recorder, run.name), summary(recorder)


def measured(run: Any) -> set[str]:
    """What a run's summary shows: nothing before it is finished."""
    return {name for name in run.summary if not name.startswith("_")}


@pytest.mark.timeout(280)
def test_a_killed_run_goes_on_and_leaves_the_records_of_an_uninterrupted_one(tmp_path: Path, backbone: str) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    run, expected, expected_summary = uninterrupted(whole, backbone, "GLoRA")
    with Recorder(cut / "recorder.sqlite") as recorder:
        assert train(recorder, cut, backbone, "GLoRA", kill_at=1) == -signal.SIGKILL
        recorder.mark_crashed()
        assert recorder.store.runs()[0].state == "crashed"
        assert not measured(recorder.store.runs()[0])
        train(recorder, cut, backbone, "GLoRA")
        assert rows(recorder, run.name) == expected
        assert summary(recorder) == expected_summary
        evaluated = subprocess.run(
            [sys.executable, "-m", "src.evaluate", f"results_dir={cut}/results", f"run_ids={json.dumps([run.name])}"],
            env={**os.environ, **recorder.environment(cut / "home")},
            cwd=EXPERIMENT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert evaluated.returncode == 0, evaluated.stderr
    assert [row["epoch"] for row in expected if "epoch" in row] == [1, 2, 3]
    assert sorted(row["optimizer_step"] for row in expected if "train_loss" in row) == list(range(1, 25))
    predictions = [folder / "results" / run.name / "predictions.csv" for folder in (whole, cut)]
    assert predictions[0].read_bytes() == predictions[1].read_bytes()
    metrics = json.loads((cut / "results" / run.name / "metrics.json").read_text())
    assert math.isclose(metrics["metrics"]["accuracy"], expected_summary["final_validation_accuracy"])


@pytest.mark.timeout(280)
@pytest.mark.parametrize(
    ("method", "step"), [("GLoRA", 5), pytest.param("GLoRA", 8, marks=pytest.mark.slow), ("AdaLoRA", 11)]
)
def test_a_run_that_is_asked_to_stop_goes_on_from_that_step(
    tmp_path: Path, backbone: str, method: str, step: int
) -> None:
    """In the middle of the warm-up, in the step that reallocates, and while AdaLoRA prunes."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    run, expected, expected_summary = uninterrupted(whole, backbone, method)
    with Recorder(cut / "recorder.sqlite") as recorder:
        assert train(recorder, cut, backbone, method, stop_at=step) == 143
        (stopped,) = recorder.store.runs()
        assert stopped.state == "failed"
        assert not measured(stopped)
        assert (cut / "results" / run.name / "checkpoint.pt").is_file()
        train(recorder, cut, backbone, method)
        assert rows(recorder, run.name) == expected
        assert summary(recorder) == expected_summary
    predictions = [folder / "results" / run.name / "predictions.csv" for folder in (whole, cut)]
    assert predictions[0].read_bytes() == predictions[1].read_bytes()


KILLS = [
    {"kill_step": 3},
    {"kill_step": 7},
    {"kill_step": 8},  # right after the reallocation, which is in this step
    {"kill_write": 8},  # inside the first checkpoint of the new ranks
    {"kill_step": 10},
    {"kill_write": 12},
    {"kill_step": 17},
    {"kill_step": 22},
    {"kill_at": 0},  # between the last epoch's last row and its checkpoint
    {"kill_write": "finished"},  # W&B has all, and the run does not know it
]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("store_every", [3, 100])
def test_ten_kills_leave_what_no_kill_leaves(tmp_path: Path, backbone: str, store_every: int) -> None:
    """One run, killed at ten points one after the other, with checkpoints within epochs and with those of epochs."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    run, expected, expected_summary = uninterrupted(whole, backbone, "GLoRA", store_every=store_every)
    with Recorder(cut / "recorder.sqlite") as recorder:
        for kill in KILLS:
            # The run finished sending before the last kill; every other one leaves it as a crash does.
            assert train(recorder, cut, backbone, "GLoRA", store_every=store_every, **kill) == -signal.SIGKILL, kill
            checkpoint = cut / "results" / run.name / "checkpoint.pt"
            stored = torch.load(checkpoint, weights_only=False)["step"] if checkpoint.exists() else 0
            print(f"killed at {kill}: goes on from step {stored}")
            if kill != KILLS[-1]:
                assert not measured(recorder.store.runs()[0])
                recorder.mark_crashed()
                assert recorder.store.runs()[0].state == "crashed"
        train(recorder, cut, backbone, "GLoRA", store_every=store_every)
        assert rows(recorder, run.name) == expected
        assert summary(recorder) == expected_summary
    folders = [folder / "results" / run.name for folder in (whole, cut)]
    for name in ("predictions.csv", "adapter/adapter_model.safetensors"):
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    configs = [json.loads((folder / "adapter" / "adapter_config.json").read_text()) for folder in folders]
    for config in configs:
        config["target_modules"] = sorted(config["target_modules"])  # a set, in no order
    assert configs[0] == configs[1]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kills_at_random_moments_leave_what_no_kill_leaves(tmp_path: Path, backbone: str) -> None:
    """At any moment of the process's life: while it starts, opens W&B, trains, stores, or says that it is done."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        folder.mkdir()
    settings: dict[str, Any] = {"store_every": 1, "pause": 0.2}
    with Recorder(whole / "recorder.sqlite") as recorder:
        begun = time.monotonic()
        train(recorder, whole, backbone, "GLoRA", **settings)
        seconds = time.monotonic() - begun
        (run,) = recorder.store.runs()
        expected, expected_summary = rows(recorder, run.name), summary(recorder)
    with Recorder(cut / "recorder.sqlite") as recorder:
        for _ in range(10):
            moment = random.uniform(0, seconds)
            code = train(recorder, cut, backbone, "GLoRA", kill_after=moment, **settings)
            checkpoint = cut / "results" / run.name / "checkpoint.pt"
            stored = torch.load(checkpoint, weights_only=False)["step"] if checkpoint.exists() else 0
            print(f"killed after {moment:.2f} of {seconds:.2f} s: goes on from step {stored}")
            if code != -signal.SIGALRM:  # it was through before
                break
            recorder.mark_crashed()
        if code == -signal.SIGALRM:
            train(recorder, cut, backbone, "GLoRA", **settings)
        assert rows(recorder, run.name) == expected
        assert summary(recorder) == expected_summary
    predictions = [folder / "results" / run.name / "predictions.csv" for folder in (whole, cut)]
    assert predictions[0].read_bytes() == predictions[1].read_bytes()


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[list[str], Path]]:
    """A disk of 80 MiB on ``folder``, seen only by what is started with the command; and where others see it."""
    script = 'mount -t tmpfs -o size=80m small "$1" && echo mounted && exec sleep 600'
    with subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            assert holder.stdout is not None
            if "mounted" not in holder.stdout.readline():
                pytest.skip("this machine lets no user mount a tmpfs in a namespace of its own")
            inside = ["nsenter", f"--target={holder.pid}", "--user", "--mount", "--preserve-credentials"]
            yield [*inside, f"--wd={folder.parent}"], Path(f"/proc/{holder.pid}/root{folder}")
        finally:
            holder.kill()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a tmpfs in a namespace: Linux")
@pytest.mark.parametrize(
    ("settings", "reason"),
    [({}, "less than 64 MiB are free"), ({"free_bytes": 0}, "No space left on device")],
    ids=["asked-before", "while-writing"],
)
def test_a_full_disk_ends_the_run_and_space_lets_it_go_on(
    tmp_path: Path, backbone: str, settings: dict[str, Any], reason: str
) -> None:
    whole, full = tmp_path / "whole", tmp_path / "full"
    for folder in (whole, full):
        folder.mkdir()
    run, expected, expected_summary = uninterrupted(whole, backbone, "GLoRA")
    (full / "results").mkdir()
    with Recorder(full / "recorder.sqlite") as recorder, small_disk(full / "results") as (within, disk):
        told = f"checkpoint.pt cannot be written ({reason}); free space and start again"
        assert train(recorder, full, backbone, "GLoRA", within=within, fails=told, fill_at=12, **settings) == 1
        assert recorder.store.runs()[0].state == "failed"
        assert not measured(recorder.store.runs()[0])
        assert {path.name for path in (disk / run.name).iterdir()} == {"checkpoint.pt"}
        assert torch.load(disk / run.name / "checkpoint.pt", weights_only=False)["epoch"] == 1
        (disk / "filler").unlink()
        train(recorder, full, backbone, "GLoRA", within=within)
        assert rows(recorder, run.name) == expected
        assert summary(recorder) == expected_summary
        predictions = [folder / run.name / "predictions.csv" for folder in (whole / "results", disk)]
        assert predictions[0].read_bytes() == predictions[1].read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_server_that_is_gone_for_a_minute_gets_all_of_it_afterwards(tmp_path: Path, backbone: str) -> None:
    whole, away = tmp_path / "whole", tmp_path / "away"
    for folder in (whole, away):
        folder.mkdir()
    run, expected, expected_summary = uninterrupted(whole, backbone, "GLoRA")
    with Recorder(away / "recorder.sqlite") as recorder:
        port = int(recorder.url.rpartition(":")[2])
        running = threading.Thread(target=train, args=(recorder, away, backbone, "GLoRA"), kwargs={"pause": 2})
        running.start()
        while not any(row for row in recorder.store.runs() if rows(recorder, row.name)):
            time.sleep(0.5)
    time.sleep(60)
    with Recorder(away / "recorder.sqlite", port=port) as recorder:
        running.join()
        assert rows(recorder, run.name) == expected
        assert summary(recorder) == expected_summary


@pytest.mark.timeout(280)
def test_a_study_leaves_one_run_with_the_parameters_it_chose(tmp_path: Path, backbone: str) -> None:
    with Recorder(tmp_path / "recorder.sqlite") as recorder:
        by_loss = ["run.optuna.metric=validation_loss", "run.optuna.direction=minimize"]  # which no two trials share
        arguments = ["LoRA", "run.training.epochs=2", "run.optuna.n_trials=2", *by_loss]
        train(recorder, tmp_path, backbone, *arguments, "run.training.gradient_checkpointing=true")
        (run,) = recorder.store.runs()
        chosen = run.config["optuna_chosen"]
        assert set(chosen) == {"learning_rate"}
        assert run.config["training"]["learning_rate"] == chosen["learning_rate"]
        assert run.state == "finished"
        assert len([row for row in rows(recorder, run.name) if "epoch" in row]) == 2
        before = recorder.store.runs()
        other = tmp_path / "elsewhere"
        other.mkdir()
        refused = [*arguments, "run.optuna.n_trials=0"]
        assert train(recorder, other, backbone, *refused, fails="W&B has a finished run") == 1
        assert recorder.store.runs() == before


def test_evaluate_refuses_a_run_that_did_not_finish(tmp_path: Path, backbone: str) -> None:
    with Recorder(tmp_path / "recorder.sqlite") as recorder:
        train(recorder, tmp_path, backbone, "LoRA", kill_at=0)
        recorder.mark_crashed()
        (run,) = recorder.store.runs()
        done = subprocess.run(
            [sys.executable, "-m", "src.evaluate", f"results_dir={tmp_path}/out", f'run_ids=["{run.name}", "nobody"]'],
            env={**os.environ, **recorder.environment(tmp_path / "home")},
            cwd=EXPERIMENT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "'crashed'; only finished runs are evaluated" in done.stderr
    assert "nobody" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
