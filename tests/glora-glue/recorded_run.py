"""One training run as a process of its own, on the tiny data: `recorded_run.py BACKBONE RESULTS METHOD [override ...]`.

It kills itself, as a power cut would, with KILL_AT=EPOCHS in the environment between an epoch's last row and its
checkpoint, that many epochs having been stored; with KILL_STEP=STEP right after that step; with KILL_WRITE=STEP
halfway through the first checkpoint written at that step or later, KILL_WRITE=finished in the last one; with
KILL_AFTER=SECONDS wherever it is then. With STOP_AT=STEP it is asked to stop in that step, as by a scheduler. With
FILL_AT=STEP the disk of the results is full from that step on, and FREE_BYTES=BYTES is what it asks for before it
writes. With STORE_EVERY=STEPS it stores that often, with PAUSE=SECONDS each step takes that much longer.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"))

from conftest import build_data, compose_run

from src import train as training
from src.main import prepare

signal.setitimer(signal.ITIMER_REAL, float(os.environ.get("KILL_AFTER", "0")))  # as SIGKILL: nothing handles its signal
backbone, results, method, *overrides = sys.argv[1:]


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


training.load_data = lambda _cfg, *, selection=False: build_data(backbone)
if "KILL_AT" in os.environ:
    left = int(os.environ["KILL_AT"])
    run_epoch = training.Fit.run_epoch

    def run_epoch_or_die(self: Any) -> Any:
        """Die between an epoch's last row and its checkpoint."""
        global left  # noqa: PLW0603
        result = run_epoch(self)
        if left == 0:
            die()
        left -= 1
        return result

    training.Fit.run_epoch = run_epoch_or_die  # type: ignore[method-assign]
if "STORE_EVERY" in os.environ:
    training.LOG_EVERY, training.CHECKPOINT_SECONDS = int(os.environ["STORE_EVERY"]), -1
training.FREE_BYTES = int(os.environ.get("FREE_BYTES", training.FREE_BYTES))
fill_at = int(os.environ.get("FILL_AT", "0"))
stop_at = int(os.environ.get("STOP_AT", "0"))
kill_step = int(os.environ.get("KILL_STEP", "0"))
kill_write = os.environ.get("KILL_WRITE", "")
pause = float(os.environ.get("PAUSE", "0"))
save = training.torch.save


def save_or_die(state: Any, file: Any) -> None:
    """Write half of what is to be written, and die."""
    due = state["finished"] if kill_write == "finished" else kill_write and state["step"] >= int(kill_write)
    if due:
        whole = io.BytesIO()
        save(state, whole)
        file.write(whole.getvalue()[: len(whole.getvalue()) // 2])
        file.flush()
        die()
    save(state, file)


training.torch.save = save_or_die
optimize = training.Fit._optimize
asked: list[int] = []


def fill() -> None:
    """Write until nothing more fits."""
    with suppress(OSError), (Path(results) / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def optimize_and_ask(self: Any, batch: Any) -> Any:
    """Note the request while a step is under way, where a signal would come."""
    result = optimize(self, batch)
    if self.step == stop_at:
        asked.append(signal.SIGTERM)
    if self.step == kill_step:
        die()
    if self.step == fill_at:
        fill()
    time.sleep(pause)
    return result


training.Fit._optimize = optimize_and_ask  # type: ignore[method-assign]
try:
    training.train(
        prepare(compose_run(method, *overrides, results=Path(results), backbone=backbone)),
        stop_requested=lambda: bool(asked),
    )
except training.Stopped:
    sys.exit(143)
