"""How much of AdaLoRA's gain over LoRA does GLoRA reach?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from benchmarks.study.comparisons import POOLED, Comparison, compare, family
from benchmarks.study.style import COLOURS, save
from benchmarks.study.tables import image, listed, shown_p

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.study.frame import Study

PREDICTED = 0.9  # of AdaLoRA's gain, at least


def share_of_adalora(study: Study) -> list[str]:
    """The gains of both over LoRA, beside each other."""
    own = {(one.task, one.mean_rank): one for one in study.gains if one.other == "lora"}
    adalora = family(compare(study.core, "adalora", ["lora"]))
    other = {(one.task, one.mean_rank): one for one in adalora}
    both = [(own[key], other[key]) for key in own if key in other]
    if not both:
        return []
    _draw(both, study.folder / "adalora.png")
    return [
        "## How much of AdaLoRA's gain does it reach?",
        *(_said(one, two) for one, two in [pair for pair in both if pair[0].task == POOLED] or both),
        image("gains of GLoRA and of AdaLoRA over LoRA", "adalora"),
    ]


def _said(one: Comparison, two: Comparison) -> str:
    gained = two.sure and two.found.mean > 0
    said = (
        f"On {listed(two.tasks)}, mean rank {two.mean_rank}, AdaLoRA is {two.found.mean:+.2f} points against LoRA "
        f"({two.found.interval}, {shown_p(two.adjusted)}), GLoRA {one.found.mean:+.2f}"
    )
    if gained:
        return f"{said}: {one.found.mean / two.found.mean:.0%} of AdaLoRA's gain; 90 to 95 % were predicted."
    lost = two.sure and two.found.mean < 0
    return f"{said}: AdaLoRA {'loses' if lost else 'has no certain gain'} here, and GLoRA can reach no share of a gain."


def _draw(both: list[tuple[Comparison, Comparison]], path: Path) -> None:
    """A point for each task and mean rank: a colour a task, a form a mean rank."""
    figure, axis = plt.subplots(figsize=(4.6, 4.2))
    tasks = list(dict.fromkeys(one.where for one, _ in both))
    forms = dict(zip(sorted({one.mean_rank for one, _ in both}), "os^Dv", strict=False))
    colours = [*COLOURS.values()]
    for one, two in both:
        colour = "#000000" if one.task == POOLED else colours[tasks.index(one.where) % len(colours)]
        axis.plot([two.found.low, two.found.high], [one.found.mean] * 2, color=colour, linewidth=0.7, alpha=0.4)
        axis.plot([two.found.mean] * 2, [one.found.low, one.found.high], color=colour, linewidth=0.7, alpha=0.4)
        axis.plot(
            two.found.mean, one.found.mean, forms[one.mean_rank], color=colour, markersize=5, linestyle="none",
            label=one.label,
        )  # fmt: skip
    most = max(1.0, *(abs(value) for pair in both for one in pair for value in (one.found.low, one.found.high)))
    axis.axhline(0, color="black", linewidth=0.6)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.plot([0, most], [0, most], color="#666666", linewidth=0.8, label="all of AdaLoRA's gain")
    axis.plot([0, most], [0, PREDICTED * most], "--", color="#666666", linewidth=0.8, label="90 % of it")
    axis.set_xlim(-most, most)
    axis.set_ylim(-most, most)
    axis.set_aspect("equal")
    axis.set_xlabel("AdaLoRA over LoRA, points")
    axis.set_ylabel("GLoRA over LoRA, points")
    axis.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    save(figure, path)
