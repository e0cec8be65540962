"""The tables that are printed, 80 columns wide, and what is written as JSON."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.arms import Arm, Plan
    from benchmarks.rounds import Ratios

WIDTH = 80
MEMORY_TARGET = 1.01


@dataclass(frozen=True)
class Row:
    """One arm's line.

    Attributes:
        plan: What it is.
        adapters: How many matrices have an adapter.
        parameters: How many parameters are trained.
        ratios: Its steps relative to LoRA's.
    """

    plan: Plan
    adapters: int
    parameters: int
    ratios: Ratios

    @classmethod
    def of(cls, arm: Arm, ratios: Ratios) -> Row:
        """Take down an arm as it is now."""
        return cls(arm.plan, arm.adapters, arm.parameters, ratios)


def environment(threads: int) -> dict[str, Any]:
    """Return the versions and the machine that numbers depend on."""
    return {
        **{name: version(name) for name in ("glora", "torch", "peft", "transformers")},
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
    }


def table(matrices: int, rows: Sequence[Row]) -> str:
    """Lay out the ratios of one model in one phase."""
    lines = [f"{'':28}{'adapters':>9}{'step':>8}   ratio to LoRA"]
    lines += [f"{'':28}{'':9}{'ms':>8}  {'median':>6}  {'quartiles':<14}target", "-" * WIDTH]
    for row in rows:
        low, high = row.ratios.quartiles
        target, median = row.plan.target, row.ratios.median
        verdict = f"{target}{'' if target.is_met_by(median) else ', no'}" if str(target) else ""
        lines.append(
            f"{row.plan.name:<28}{f'{row.adapters}/{matrices}':>9}{row.ratios.milliseconds:8.1f}  {median:6.3f}  "
            f"{f'{low:.3f}-{high:.3f}':<14}{verdict}".rstrip()
        )
    return "\n".join(lines) + "\n"


def reallocations(steps: Mapping[str, Sequence[float]]) -> str:
    """Lay out what allocations took, in LoRA's steps, by arm."""
    lines = ["Reallocation, in steps of LoRA (target: < 1; one observation of the signal included)", ""]
    lines += [f"{name:<36}{', '.join(f'{value:.2f}' for value in values)}" for name, values in steps.items()]
    return "\n".join(lines) + "\n"


def memory(peaks: Mapping[str, int]) -> str:
    """Lay out the peak memory of each arm; the first one is the reference."""
    reference = next(iter(peaks.values()))
    lines = [f"Peak memory of tensors in a step, warm-up (target of lora_B and delta: <= {MEMORY_TARGET})", ""]
    lines += [f"{name:<36}{peak / 2**20:8.1f} MiB  {peak / reference:6.3f}" for name, peak in peaks.items()]
    return "\n".join(lines) + "\n"


def row_as_json(row: Row) -> dict[str, Any]:
    """Return a row as numbers and strings."""
    target = row.plan.target
    return {
        "arm": row.plan.name,
        "adapters": row.adapters,
        "trained_parameters": row.parameters,
        **asdict(row.ratios) | {"values": [round(value, 4) for value in row.ratios.values]},
        "period": row.plan.period,
        "target": str(target) or None,
        "met": target.is_met_by(row.ratios.median) if str(target) else None,
    }


def _processor() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.*)", cpuinfo.read_text(encoding="utf-8")) if cpuinfo.is_file() else None
    return found[1] if found else platform.processor() or platform.machine()
