"""One training run as a process of its own, on the tiny data: `recorded_run.py BACKBONE RESULTS METHOD [override ...]`.

With KILL_AT=SAVES in the environment it kills itself, as a power cut would, right after that many checkpoints; with
STOP_AT=STEP it is asked to stop in that step, as by a scheduler.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"))

from conftest import build_data, compose_run

from src import train as training
from src.main import prepare

backbone, results, method, *overrides = sys.argv[1:]
training.load_data = lambda _cfg, *, selection=False: build_data(backbone)
if "KILL_AT" in os.environ:
    left = int(os.environ["KILL_AT"])
    run_epoch = training.Fit.run_epoch

    def run_epoch_or_die(self: Any) -> Any:
        """Die between an epoch's last row and its checkpoint."""
        global left  # noqa: PLW0603
        result = run_epoch(self)
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return result

    training.Fit.run_epoch = run_epoch_or_die  # type: ignore[method-assign]
stop_at = int(os.environ.get("STOP_AT", "0"))
optimize = training.Fit._optimize
asked: list[int] = []


def optimize_and_ask(self: Any, batch: Any) -> Any:
    """Note the request while a step is under way, where a signal would come."""
    result = optimize(self, batch)
    if self.step == stop_at:
        asked.append(signal.SIGTERM)
    return result


training.Fit._optimize = optimize_and_ask  # type: ignore[method-assign]
try:
    training.train(
        prepare(compose_run(method, *overrides, results=Path(results), backbone=backbone)),
        stop_requested=lambda: bool(asked),
    )
except training.Stopped:
    sys.exit(143)
