"""Runs the cells of the study through the experiment's own command line, two at a time, and writes their rows."""

from __future__ import annotations

import math
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.study.answers import packed
from benchmarks.study.order import Todo
from benchmarks.study.rows import append_rows, done, read_rows, tuned_rates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.study.cells import Cell
    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row
    from windtunnel.evidence import RunRecorded
    from windtunnel.hub import Hub
    from windtunnel.recorder import Recorder

ROOT = Path(__file__).parents[2]
EXACTLY, WIDENED = "as the precision says", "fp32, rounded"  # how products of matrices are computed
CACHE = ".cache"  # of the experiment, in its own folder
PLAIN_SEED = 42  # whose run id has no seed in it
VERSIONS = ("glora", "torch", "transformers", "peft", "datasets")
KEPT = ("adapter_parameters", "trainable_parameters", "total_rank", "training_seconds", "peak_memory_bytes")


@dataclass
class Runner:
    """Runs cells until it is stopped.

    Args:
        plan: the plan.
        rows: the file of rows.
        experiment: the experiment's folder, of which a copy is run.
        work: everything else that runs leave.
        hub: serves the data; None: it comes from the public hub, as the environment has it.
        recorder: takes what runs log.
        jobs: how many at a time.
        kind: of the rows that are written: "run", or "repeat" for cells that have one.
    """

    plan: Plan
    rows: Path
    experiment: Path
    work: Path
    hub: Hub | None
    recorder: Recorder
    jobs: int
    kind: str = "run"
    _stopped: threading.Event = field(default_factory=threading.Event)
    _running: set[subprocess.Popen[bytes]] = field(default_factory=set)
    _claimed: set[str] = field(default_factory=set)
    _recording: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        copy = self.work / "experiment"
        for part in copy.iterdir() if copy.exists() else ():
            kept = part.name == CACHE and self.hub is None  # what came from afar is not fetched twice
            if part.is_dir() and not kept:
                shutil.rmtree(part)
        left_out = shutil.ignore_patterns("run", CACHE, "__pycache__", "results")
        shutil.copytree(self.experiment, copy, ignore=left_out, dirs_exist_ok=True)
        (copy / "config" / "run").mkdir(parents=True)
        self._folder = copy
        self._widened = False
        if (self.plan.precision, self.plan.device) == ("bf16", "cpu"):
            from benchmarks.study import bfloat16  # noqa: PLC0415 - takes torch

            self._widened = not bfloat16.is_quick()

    def run(self, cells: Sequence[Cell]) -> int:
        """Run the cells that have no row yet; return how many failed."""
        todo = Todo(self.plan, cells)
        with ThreadPoolExecutor(self.jobs) as pool:
            return sum(pool.map(lambda _: self._work(todo), range(self.jobs)))

    def _work(self, todo: Todo) -> int:
        failed = 0
        while (cell := todo.take()) is not None:
            try:
                failed += not self._tried(cell)
            finally:
                todo.finish(cell)
        return failed

    def _tried(self, cell: Cell) -> bool:
        """Run a cell; whatever goes wrong with it keeps no other from being run."""
        try:
            return self._run(cell)
        except Exception as error:  # noqa: BLE001 - of whatever kind it is, hours of other runs are not to end with it
            _say(f"{cell.id} seed {cell.seed}: {type(error).__name__}: {error}")
            return False

    def stop(self) -> None:
        """Stop what runs, and start nothing more."""
        self._stopped.set()
        for process in list(self._running):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)

    def _run(self, cell: Cell) -> bool:
        if self._stopped.is_set():
            return True
        rate = None
        if cell.phase != "tuning":
            rate = self.plan.rates(read_rows(self.rows)).get(cell)
            if rate is None:
                _say(f"{cell.id}: no learning rate was tuned for it yet")
                return False
        config = self.plan.hash_of(cell, rate)
        with self._recording:
            if config in self._claimed or config in done(read_rows(self.rows), self.kind):
                return True  # of another grid, or of an earlier call
            self._claimed.add(config)
        name = f"{cell.id}-seed{cell.seed}"
        run_id = f"{cell.id}-{config[:8]}"  # what was begun of another configuration is another run
        path = self._folder / "config" / "run" / f"{run_id}.yaml"
        run_file = {**self.plan.run_file(cell, rate), "run_id": run_id}
        path.write_text(yaml.safe_dump(run_file, sort_keys=False), encoding="utf-8")
        began = time.monotonic()
        recorded_as = run_id if cell.seed == PLAIN_SEED else f"{run_id}-seed{cell.seed}"
        afresh = self.kind == "repeat"
        code = 0  # of a run that came to its end while the study was being stopped
        if afresh or (before := self._recorded(recorded_as)) is None or before.state != "finished":
            code = self._start(cell, run_id, self.work / "logs" / f"{name}.log", afresh=afresh)
        if code != 0 and self._stopped.is_set():
            return True
        run = self._recorded(recorded_as)
        seconds = max(time.monotonic() - began, (run.summary.get("training_seconds") or 0.0) if run else 0.0)
        if code != 0 or run is None or run.state != "finished":
            _say(f"{name}: failed with exit code {code}; see {self.work / 'logs' / name}.log")
            return False
        head = {**cell.own, "settings": dict(cell.settings), "config": config}
        rows = [] if rate is not None else self._trials(run.name, head)
        found = rate or tuned_rates(rows).get((cell.task, cell.arm, cell.mean_rank), math.nan)
        if math.isnan(found):
            _say(f"{name}: no trial of its search was completed")
            return False
        rows.append(self._row(cell, head, run, found, seconds))
        append_rows(self.rows, rows)
        shutil.rmtree(self.work / "results" / run.name, ignore_errors=True)
        metric = self.plan.tasks[cell.task].metric
        _say(f"{name}: {metric} {rows[-1]['metrics'].get(metric)}, {seconds:.0f} s")
        return True

    def _start(self, cell: Cell, run_id: str, log: Path, *, afresh: bool) -> int:
        log.parent.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-u", "-m", *(["benchmarks.study.bfloat16"] if self._widened else []),
            "src.main", f"run={run_id}", f"results_dir={self.work / 'results'}",
            "mode=full", f"seed={cell.seed}", f"study.selection_fraction={self.plan.selection_fraction}",
            f"launcher.precision={self.plan.precision}", f"launcher.device={self.plan.device}",
            f"launcher.attention={self.plan.tasks[cell.task].attention}",
            f"overwrite={str(afresh).lower()}",
        ]  # fmt: skip
        threads = str(max(1, (os.cpu_count() or 1) // self.jobs))
        environment = {
            **os.environ,
            **({} if self.hub is None else self.hub.environment(self.work / "home")),
            **self.recorder.environment(self.work / "home"),
            "OMP_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "TOKENIZERS_PARALLELISM": "false",
            **({"PYTHONPATH": str(ROOT)} if self._widened else {}),
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=self._folder, env=environment, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
            if self._stopped.is_set():  # since it was asked last
                self.stop()
            try:
                return process.wait()
            finally:
                self._running.discard(process)

    def _recorded(self, name: str) -> RunRecorded | None:
        with self._recording:
            return next((run for run in self.recorder.recorded() if run.name == name), None)

    def _trials(self, name: str, head: Mapping[str, Any]) -> list[Row]:
        import optuna  # noqa: PLC0415 - of tuning cells alone
        from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

        journal = self.work / "results" / name / "study.journal"
        storage = optuna.storages.JournalStorage(JournalFileBackend(str(journal)))
        study = max(storage.get_all_studies(), key=lambda one: one._study_id)
        return [
            {
                **head,
                "kind": "trial",
                "learning_rate": trial.params["learning_rate"],
                "value": trial.value if trial.state.name == "COMPLETE" else None,
                "state": trial.state.name.lower(),
                "number": trial.number,
            }
            for trial in storage.get_all_trials(study._study_id)
            if trial.state.is_finished()
        ]

    def _row(self, cell: Cell, head: Mapping[str, Any], run: RunRecorded, rate: float, seconds: float) -> Row:
        summary = run.summary
        metrics = self.plan.tasks[cell.task].metrics
        signal_keys = sorted(key for key in run.keys if key.startswith("signal/"))
        # the signal through the warm-up: a step, then the values in the order of the keys, to four digits
        path = [
            [row["_step"], *(float(f"{row[key]:.4g}") for key in signal_keys)]
            for row in run.history
            if signal_keys and all(key in row for key in signal_keys)
        ]
        names = [key.removeprefix("signal/") for key in signal_keys]
        return {
            **head,
            "kind": self.kind,
            "learning_rate": rate,
            "metrics": {name: summary.get(f"final_validation_{name}") for name in metrics},
            "best": {name: summary.get(f"best_validation_{name}") for name in metrics},
            "loss": summary.get("final_validation_loss"),
            "correct": packed(self.work / "results" / run.name / "predictions.csv"),
            "majority": summary.get("majority_class_accuracy"),
            "ranks": summary.get("ranks"),
            "signal": dict(zip(names, path[-1][1:], strict=True)) if path else {},
            "signal_path": path,
            **{key: summary.get(key) for key in KEPT},
            "seconds": round(seconds, 1),
            "products": WIDENED if self._widened else EXACTLY,
            "versions": {name: metadata.version(name) for name in VERSIONS},
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }


def _say(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {text}", file=sys.stderr, flush=True)
