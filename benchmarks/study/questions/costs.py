"""What does it cost: time of a step, the pause of the reallocation, memory?

From rows of `benchmarks.overhead`: steps of all arms in one process, taking turns, as ratios to LoRA's. The times of
the study's own runs are no measure, two of them share a machine.
"""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt

from benchmarks.study.style import save
from benchmarks.study.tables import image

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.study.frame import Study
    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

PREDICTED = 0.02  # of LoRA's time, either way
PHASES = {"warmup": "warm-up", "after": "after the reallocation"}


def costs(study: Study) -> list[str]:
    """The last measurement of each mean rank."""
    title = "## What does it cost?"
    found = {row["mean_rank"]: row for row in study.rows if row["kind"] == "cost"}
    if not found:
        return [title, "Not measured yet (`--costs`, on a machine that does nothing else)."] if study.tasks else []
    rows = [row for _, row in sorted(found.items())]
    _draw(rows, study.folder / "costs.png")
    return [
        title,
        *(_said(row, study.plan) for row in rows),
        _where(rows[-1]),
        image("steps of every arm as ratios to LoRA's", "costs"),
        *map(_table, rows),
    ]


def _named(row: Row, phase: str) -> dict[str, dict[str, Any]]:
    return {one["arm"]: one for one in row["measured"][phase]}


def _said(row: Row, plan: Plan) -> str:
    warm, after = _named(row, "warmup"), _named(row, "after")
    own, noise = warm["GLoRA delta"], warm["LoRA again"]
    then = after["GLoRA delta, min_rank=0"]
    pause = statistics.median(row["measured"]["reallocations"]["GLoRA delta, min_rank=0"])
    peaks = row["measured"]["peak_bytes"]
    steps = min(task.steps for task in plan.tasks.values())
    share = plan.allocation_share
    whole = share * own["median"] + (1 - share) * then["median"] + pause / steps
    off = max(abs(found["LoRA again"]["median"] - 1) for found in (warm, after))
    beyond = abs(whole - 1) - PREDICTED
    side = f"{abs(whole - 1):.1%} {'slower' if whole > 1 else 'faster'}"
    if beyond <= 0:
        judged = f"{side}, within the predicted 2 %"
    elif beyond <= off:
        judged = f"{side}, at the edge of the predicted 2 %; LoRA against itself is off by up to {off:.1%}"
    else:
        judged = f"{side}, beyond the predicted 2 % either way"
    return (
        f"At mean rank {row['mean_rank']} a step of the warm-up takes {own['median']:.3f} of LoRA's (LoRA against "
        f"itself: {noise['median']:.3f}), a step after the reallocation {then['median']:.3f}, and the reallocation "
        f"{pause:.1f} steps, once. A run of {steps} steps that reallocates after {share:.0%} of them takes {whole:.3f} "
        f"of LoRA's: {judged}. AdaLoRA's step takes {warm['AdaLoRA']['median']:.3f}. Peak memory of tensors is "
        f"{peaks['GLoRA delta'] / peaks['LoRA']:.3f} of LoRA's."
    )


def _where(row: Row) -> str:
    measured, environment = row["measured"], row.get("environment", {})
    return (
        f"Measured in fp32 on {measured.get('rows')} x {measured.get('tokens')} random tokens with "
        f"{environment.get('threads')} threads of {environment.get('processor')}, arms taking turns in one process. "
        "How many adapters are left after the reallocation is of these random tokens; parameters are with the head."
    )


def _table(row: Row) -> str:
    lines = [
        f"| mean rank {row['mean_rank']} | adapters | parameters | step, ratio to LoRA | quartiles |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for phase, title in PHASES.items():
        lines += [
            f"| {one['arm']}, {title} | {one['adapters']} | {one['trained_parameters']:,} | {one['median']:.3f} | "
            f"{one['quartiles'][0]:.3f} to {one['quartiles'][1]:.3f} |"
            for one in row["measured"][phase]
        ]
    return "\n".join(lines)


def _draw(rows: list[Row], path: Path) -> None:
    """A panel for each phase: the median and quartiles of the ratios."""
    figure, grid = plt.subplots(1, 2, figsize=(8.6, 2.9), squeeze=False, layout="constrained")
    for axis, (phase, title) in zip(grid[0], PHASES.items(), strict=True):
        names = list(dict.fromkeys(one["arm"] for row in rows for one in row["measured"][phase]))
        axis.axvspan(1 - PREDICTED, 1 + PREDICTED, color="#009E73", alpha=0.25, linewidth=0, label="± 2 %")
        axis.axvline(1, color="black", linewidth=0.6)
        for place, row in enumerate(rows):
            for one in row["measured"][phase]:
                at = -names.index(one["arm"]) - 0.22 * place
                axis.plot(one["quartiles"], [at, at], color=f"C{place}", linewidth=1.4)
                label = f"mean rank {row['mean_rank']}" if one["arm"] == names[0] else None
                axis.plot(one["median"], at, "o", color=f"C{place}", markersize=4, label=label)
        axis.set_yticks([-place for place in range(len(names))], names, fontsize=7)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step, ratio to LoRA")
    grid[0][0].legend(fontsize=7)
    save(figure, path)
