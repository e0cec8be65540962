"""Where the experiment's training time goes: forward, backward, optimizer, and all the rest.

    python -m benchmarks.training_split --run '*MiniLM*SST-2'

Trains with the experiment's own code on the loopback hub's data, the clock wrapped around the calls that do the work. A
GPU would be waited for at each border, which costs it time: the shares, not the sums, are what to read there.
"""

from __future__ import annotations

import argparse
import contextlib
import fnmatch
import json
import os
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from hydra import compose, initialize_config_dir

from windtunnel.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

EXPERIMENT = Path(__file__).resolve().parent.parent / "experiments" / "glora-glue"
WORK = ("forward", "backward", "optimizer")
EXAMPLES = """\
examples:
  python -m benchmarks.training_split
  python -m benchmarks.training_split --run 'proposed-*MiniLM*' --epochs 1 --json split.json
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.training_split",
        description="Measure which share of the experiment's training time is forward, backward and optimizer.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--run", default="*MiniLM*SST-2", metavar="GLOB", help="run configurations (*MiniLM*SST-2)")
    parser.add_argument("--epochs", type=int, default=2, metavar="N", help="of each run (2)")
    parser.add_argument("--rows", type=int, metavar="N", help="training rows (as configured)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the seconds to FILE")
    return parser.parse_args(arguments)


class Clock:
    """Seconds by part; a part inside another counts for the inner one alone."""

    def __init__(self, device: torch.device) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._device = device
        self._inner = [0.0]

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    @contextlib.contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time of the block for ``name``."""
        started = self._now()
        self._inner.append(0.0)
        try:
            yield
        finally:
            spent = self._now() - started
            self.seconds[name] += spent - self._inner.pop()
            self._inner[-1] += spent

    def wrap(self, owner: Any, attribute: str, name: str) -> None:
        """Count every call of ``owner.attribute`` for ``name``."""
        inner: Callable[..., Any] = getattr(owner, attribute)

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.part(name):
                return inner(*args, **kwargs)

        setattr(owner, attribute, timed)


def measure(run_id: str, arguments: argparse.Namespace, folder: Path) -> tuple[str, dict[str, float]]:
    """Train one configuration; returns the method's name and the seconds of each part of its training loops."""
    # Only now: the hub's address must be in the environment before the client is imported.
    from src import train as training  # noqa: PLC0415
    from src.main import prepare  # noqa: PLC0415
    from src.preprocess import load_data  # noqa: PLC0415

    overrides = [f"run={run_id}", f"results_dir={folder}", "mode=full", f"run.training.epochs={arguments.epochs}"]
    if arguments.rows is not None:
        overrides.append(f"run.dataset.train_rows={arguments.rows}")
    with initialize_config_dir(version_base="1.3", config_dir=str(EXPERIMENT / "config")):
        cfg = prepare(compose("config", overrides=overrides))
    fit = training.Fit(cfg, load_data(cfg), log=lambda _row, _step: None)
    clock = Clock(fit.device)
    clock.wrap(fit, "_forward", "forward")
    clock.wrap(fit.optimizer, "step", "optimizer")
    clock.wrap(fit.method, "after_backward", "method")
    clock.wrap(fit.method, "after_step", "method")
    plain = torch.Tensor.backward
    clock.wrap(torch.Tensor, "backward", "backward")
    try:
        while fit.epoch < cfg.training.epochs:
            fit.run_epoch()
    finally:
        torch.Tensor.backward = plain  # type: ignore[method-assign]
    seconds = {name: clock.seconds[name] for name in (*WORK, "method")}
    return str(cfg.method_name), {**seconds, "other": fit.training_seconds - sum(seconds.values())}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    options = parse(arguments)
    run_ids = [path.stem for path in sorted((EXPERIMENT / "config" / "run").glob("*.yaml"))]
    chosen = [run_id for run_id in run_ids if fnmatch.fnmatch(run_id, options.run)]
    if not chosen:
        print(f"--run: no run configuration matches {options.run!r}; there are {', '.join(run_ids)}", file=sys.stderr)
        return 2
    written = options.json.resolve() if options.json is not None else None
    with tempfile.TemporaryDirectory() as name, Hub(store=Path(name) / "store") as hub, contextlib.chdir(name):
        os.environ.update(hub.environment(Path(name) / "home"))
        sys.path.insert(0, str(EXPERIMENT))
        found = []
        for run_id in chosen:
            with contextlib.redirect_stdout(sys.stderr):
                found.append((run_id, *measure(run_id, options, Path(name))))
    print(f"{'':8}  {'seconds':>8}  {'forward':>8}  {'backward':>8}  {'optimizer':>9}  {'the three':>9}  {'method':>7}")
    for _, method, seconds in found:
        total = sum(seconds.values())
        work, *parts = (100 * part / total for part in (sum(seconds[n] for n in WORK), *seconds.values()))
        print(
            f"{method:8}  {total:8.1f}  {parts[0]:6.1f} %  {parts[1]:6.1f} %  {parts[2]:7.1f} %  {work:7.1f} %  "
            f"{parts[3]:5.1f} %"
        )
    if written is not None:
        written.write_text(json.dumps({run_id: seconds for run_id, _, seconds in found}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
