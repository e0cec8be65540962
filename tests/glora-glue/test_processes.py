"""Several data-parallel processes through the real command line: what one process would have found, and one voice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from windtunnel.hub import Hub
from windtunnel.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"
RUN_IDS = {
    "GLoRA": "proposed-all-MiniLM-L6-v2-22M--GLUE-SST-2",
    "AdaLoRA": "comparative-1-all-MiniLM-L6-v2-22M--GLUE-SST-2",
}
STEPS = 2 * 10  # of 76 rows in batches of 8: the last batch of an epoch has 4

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def without_dropout(backbone: str, tmp_path: Path) -> str:
    """The tiny backbone, which draws nothing: what two processes compute is then what one does."""
    copy = tmp_path / "backbone"
    copy.mkdir()
    for path in Path(backbone).iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    config = json.loads((copy / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (copy / "config.json").write_text(json.dumps(config))
    return str(copy)


@contextmanager
def started(folder: Path, store: Path, method: str, backbone: str, *overrides: str) -> Iterator[Any]:
    """The experiment's own command line, with a hub and a recorder: yields the process and the recorder."""
    folder.mkdir(exist_ok=True)
    command = [
        sys.executable, "-u", "-m", "src.main", f"run={RUN_IDS[method]}", f"results_dir={folder / 'results'}",
        "mode=full", f"run.model.backbone={backbone}", "run.dataset.batch_size=8", "run.dataset.max_length=16",
        "run.training.epochs=2", "run.training.learning_rate=0.01", "run.dataset.train_rows=76", "launcher.device=cpu",
        *overrides,
    ]  # fmt: skip
    with Hub(store=store) as hub, Recorder(folder / "recorder.sqlite") as recorder:
        environment = {
            **os.environ,
            **hub.environment(folder / "home"),
            **recorder.environment(folder / "home"),
            "OMP_NUM_THREADS": "1",
        }
        process = subprocess.Popen(
            command, cwd=EXPERIMENT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            yield process, recorder
        finally:
            process.kill()
            process.wait()


def finish(folder: Path, store: Path, method: str, backbone: str, *overrides: str) -> tuple[Any, list[dict[str, Any]]]:
    """A whole run: its summary and its rows."""
    with started(folder, store, method, backbone, *overrides) as (process, recorder):
        output, errors = process.communicate()
        assert process.returncode == 0, output + errors
        (run,) = recorder.store.runs()
        assert run.state == "finished"
        assert output.count(": finished, ") == 1  # one voice
        return run, recorder.store.history("glora", "glora-glue", run.name)


@pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA"])
def test_two_processes_find_what_one_finds_at_the_same_global_batch(
    tmp_path: Path, store: Path, without_dropout: str, method: str
) -> None:
    alone, rows = finish(tmp_path / "one", store, method, without_dropout)
    both, shared = finish(tmp_path / "two", store, method, without_dropout, "launcher.num_processes=2")
    assert both.config["hardware_found"]["type"] == "cpu, 1 threads, 2 processes"
    steps = [[row for row in found if "train_loss" in row] for found in (rows, shared)]
    assert len(steps[0]) == len(steps[1]) == STEPS
    for name in ("train_loss", "train_accuracy", "gradient_norm"):
        assert [row[name] for row in steps[1]] == pytest.approx([row[name] for row in steps[0]], rel=2e-3, abs=2e-4)
    assert both.summary["ranks"] == alone.summary["ranks"]
    assert both.summary["ranks"] != both.summary["initial_ranks"]
    assert both.summary["final_validation_accuracy"] == alone.summary["final_validation_accuracy"]
    assert both.summary["final_validation_loss"] == pytest.approx(alone.summary["final_validation_loss"], rel=1e-3)


def test_two_processes_stop_together_and_go_on(tmp_path: Path, store: Path, backbone: str) -> None:
    options = ["launcher.num_processes=2", "run.training.epochs=200"]
    with started(tmp_path, store, "GLoRA", backbone, *options) as (process, recorder):
        while not any(recorder.store.history("glora", "glora-glue", run.name) for run in recorder.store.runs()):
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 143
        assert errors.count("the same command goes on from there") == 1, errors
        (run,) = recorder.store.runs()
        assert run.state == "failed"
    with started(tmp_path, store, "GLoRA", backbone, *options) as (process, recorder):
        before = len(recorder.store.history("glora", "glora-glue", run.name))
        while len(recorder.store.history("glora", "glora-glue", run.name)) <= before:
            assert process.poll() is None
            time.sleep(0.2)


@pytest.mark.parametrize("count", [1, 2])
def test_a_scheduler_that_signals_every_process_finds_a_checkpoint(
    tmp_path: Path, store: Path, backbone: str, count: int
) -> None:
    """Loaders and W&B's client are told to end in the same moment as the process that needs them."""
    import psutil

    options = [f"launcher.num_processes={count}", "launcher.num_workers=1", "run.training.epochs=200"]
    with started(tmp_path, store, "GLoRA", backbone, *options) as (process, recorder):
        while not any(recorder.store.history("glora", "glora-glue", run.name) for run in recorder.store.runs()):
            time.sleep(0.2)
        time.sleep(1)
        everyone = psutil.Process(process.pid).children(recursive=True)
        assert any("wandb-core" in child.name() for child in everyone)
        for each in (*everyone, process):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 143, errors
        assert errors.count("the same command goes on from there") == 1, errors
        (run,) = recorder.store.runs()
        recorder.mark_crashed()
        assert run.state != "finished"
    stopped = torch.load(tmp_path / "results" / run.name / "checkpoint.pt", weights_only=False)
    with started(tmp_path, store, "GLoRA", backbone, *options) as (process, recorder):
        while len(recorder.store.history("glora", "glora-glue", run.name)) <= len(stopped["history"]):
            assert process.poll() is None
            time.sleep(0.2)


def test_a_process_that_is_killed_ends_the_run_with_one_line(tmp_path: Path, store: Path, backbone: str) -> None:
    import psutil

    options = ["launcher.num_processes=2", "run.training.epochs=200"]
    with started(tmp_path, store, "GLoRA", backbone, *options) as (process, recorder):
        while not any(recorder.store.history("glora", "glora-glue", run.name) for run in recorder.store.runs()):
            time.sleep(0.2)
        workers = [
            child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())
        ]
        assert len(workers) == 2
        workers[1].kill()
        _, errors = process.communicate(timeout=180)
        assert process.returncode == 128 + signal.SIGKILL
        assert "was ended by SIGKILL" in errors
        assert not any(worker.is_running() for worker in workers)


def test_an_error_that_all_processes_meet_is_said_once(tmp_path: Path, store: Path, backbone: str) -> None:
    options = ["launcher.num_processes=2", "+run.dataset.eval_split=dev"]
    with started(tmp_path, store, "GLoRA", backbone, *options) as (process, recorder):
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 1
        assert errors.count("has no split 'dev'") == 1
        assert "Traceback" not in output + errors
        assert [run.state for run in recorder.store.runs()] == ["failed"]


def test_a_study_is_searched_by_all_processes(tmp_path: Path, store: Path, backbone: str) -> None:
    fine = ["run.optuna.metric=validation_loss", "run.optuna.direction=minimize"]  # no two trials end alike
    options = ["launcher.num_processes=2", "run.optuna.n_trials=3", *fine]
    run, _ = finish(tmp_path, store, "GLoRA", backbone, *options)
    assert set(run.config["optuna_chosen"]) == {"learning_rate", "beta_ema"}
