"""What GLoRA costs: training steps of LoRA, GLoRA and AdaLoRA, measured against each other in one process.

    python -m benchmarks.overhead --json overhead.json

Tables go to stdout, progress to stderr. What is measured, and why so, is in README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from benchmarks import report
from benchmarks.arms import LORA, PLANS, SETTLE, Arm, Phase
from benchmarks.rounds import compare, time_rounds
from benchmarks.shapes import SHAPES, linear_layers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

EXAMPLES = """\
examples:
  python -m benchmarks.overhead
  python -m benchmarks.overhead --models minilm --phases warmup --pairs 400 --json minilm.json
  python -m benchmarks.overhead --models tiny --pairs 20                  # does it run?
"""
TITLES: dict[Phase, str] = {"warmup": "warm-up", "after": "after the reallocation"}
BUILDS = 3  # how often the ranks are reallocated
MEMORY_STEPS = 4  # before memory is measured: `exact, every 4th step` measures in the next one


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead",
        description="Measure the cost of GLoRA's training steps relative to LoRA's.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--models", type=_choices(SHAPES), default=["minilm", "deberta"], help=f"of {', '.join(SHAPES)}"
    )
    parser.add_argument("--phases", type=_choices(PLANS), default=list(PLANS), help=f"of {', '.join(PLANS)}")
    parser.add_argument("--pairs", type=_positive, default=200, metavar="N", help="rounds per table (200)")
    parser.add_argument("--rank", type=_positive, help="first rank of every matrix (minilm: 2, deberta: 8)")
    parser.add_argument("--seed", type=int, default=0, help="of the arms' order in the rounds (0)")
    parser.add_argument("--threads", type=_positive, default=torch.get_num_threads(), help="of torch (as it comes)")
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, each ratio included, to FILE")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return 0, or 130 if it was interrupted."""
    options = parse(arguments)
    torch.set_num_threads(options.threads)
    try:
        results = run(options)
    except KeyboardInterrupt:
        print("\nInterrupted. The tables printed so far are complete; no JSON is written.", file=sys.stderr)
        return 130
    if options.json is not None:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and print; return what was measured."""
    device = torch.device(options.device)
    bases = {name: SHAPES[name].build().to(device) for name in options.models}
    seconds = _estimate(options, bases, device)
    _say(f"This takes about {f'{seconds / 60:.0f} minutes' if seconds > 100 else f'{seconds:.0f} seconds'}.")
    environment = report.environment(options.threads)
    print("  ".join(f"{key} {value}" for key, value in environment.items() if key not in {"processor", "cores"}))
    print(f"{environment['processor']}, {environment['cores']} cores\n", flush=True)
    models = {name: _measure_model(name, base, options, device) for name, base in bases.items()}
    return {"environment": environment, "pairs": options.pairs, "seed": options.seed, "models": models}


def _measure_model(name: str, base: nn.Module, options: argparse.Namespace, device: torch.device) -> dict[str, Any]:
    shape, matrices = SHAPES[name], len(linear_layers(base))
    rank = options.rank or shape.rank
    found: dict[str, Any] = {"rank": rank, "matrices": matrices, "rows": shape.rows, "tokens": shape.tokens}
    for phase in options.phases:
        arms = [Arm(plan, phase, shape, base, rank=rank, device=device) for plan in PLANS[phase]]
        for arm in arms:
            for _ in range(SETTLE):
                arm.step()
        title = f"{shape.title}, {TITLES[phase]}"
        times = time_rounds(arms, options.pairs, seed=options.seed, progress=_Progress(title, options.pairs))
        rows = [
            report.Row.of(arm, compare(seconds, times[0], period=arm.plan.period))
            for arm, seconds in zip(arms, times, strict=True)
        ]
        setting = f"{matrices} matrices of rank {rank}, batch {shape.rows} x {shape.tokens}, {options.pairs} rounds"
        print(f"{title}\n{setting}\n")
        print(report.table(matrices, rows[1:]), flush=True)
        found[phase] = [report.row_as_json(row) for row in rows]
        if phase == "after":
            found["reallocations"] = _measure_reallocations(name, base, rank, device, statistics.median(times[0]))
        else:
            found["peak_bytes"] = _measure_memory(name, base, rank, device)
    return found


def _measure_reallocations(
    name: str, base: nn.Module, rank: int, device: torch.device, step_seconds: float
) -> dict[str, list[float]]:
    """Reallocate anew a few times: the first one in a process also pays for what is loaded lazily."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(BUILDS):
        for plan in PLANS["after"]:
            if plan.glora is None:
                continue
            arm = Arm(plan, "after", SHAPES[name], base, rank=rank, device=device)
            for _ in range(SETTLE):
                arm.step()
            if arm.reallocation_seconds is not None:
                found[plan.name].append(arm.reallocation_seconds / step_seconds)
    print(report.reallocations(found), flush=True)
    return dict(found)


def _measure_memory(name: str, base: nn.Module, rank: int, device: torch.device) -> dict[str, int]:
    peaks = {}
    for plan in PLANS["warmup"]:
        if plan is LORA or plan.glora is not None:
            arm = Arm(plan, "warmup", SHAPES[name], base, rank=rank, device=device)
            for _ in range(MEMORY_STEPS):
                arm.step()
            peaks[plan.name] = arm.peak_bytes()
            del arm  # on CUDA, everything that is alive counts
    print(report.memory(peaks), flush=True)
    return peaks


def _estimate(options: argparse.Namespace, bases: dict[str, nn.Module], device: torch.device) -> float:
    """Guess the seconds from a few steps of LoRA."""
    total = 0.0
    for name, base in bases.items():
        arm = Arm(LORA, "warmup", SHAPES[name], base, rank=options.rank or SHAPES[name].rank, device=device)
        step = min(arm.step() for _ in range(4))
        steps = sum(len(PLANS[phase]) * (options.pairs + SETTLE) for phase in options.phases)
        if "after" in options.phases:
            steps += BUILDS * SETTLE * sum(plan.glora is not None for plan in PLANS["after"])
        total += 1.15 * step * steps
    return total


class _Progress:
    """Says on stderr how far a table is: in place on a terminal, at quarters elsewhere."""

    def __init__(self, title: str, rounds: int) -> None:
        self._title = title
        self._rounds = rounds

    def __call__(self, done: int) -> None:
        line = f"{self._title}: round {done} of {self._rounds}"
        if sys.stderr.isatty():
            print(f"\r{line}", end="\n" if done == self._rounds else "", file=sys.stderr, flush=True)
        elif done * 4 % self._rounds < 4:
            _say(line)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _choices(known: Any) -> Any:
    def split(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return names

    return split


def _positive(text: str) -> int:
    with contextlib.suppress(ValueError):
        if int(text) > 0:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")


if __name__ == "__main__":
    sys.exit(main())
