"""How much of AdaLoRA's gain over LoRA does GLoRA reach?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from benchmarks.study.comparisons import POOLED, Comparison, compare, family
from benchmarks.study.style import COLOURS, save
from benchmarks.study.tables import image, shown_p

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
        *(_said(one, two) for one, two in both if one.task == POOLED or study.tasks == 1),
        image("gains of GLoRA and of AdaLoRA over LoRA", "adalora"),
    ]


def _said(one: Comparison, two: Comparison) -> str:
    gained = two.sure and two.found.mean > 0
    said = (
        f"On {two.label.replace('rank', 'mean rank')}, AdaLoRA is {two.found.mean:+.2f} points against LoRA "
        f"({two.found.interval}, {shown_p(two.adjusted)}), GLoRA {one.found.mean:+.2f}"
    )
    if gained:
        return f"{said}: {one.found.mean / two.found.mean:.0%} of AdaLoRA's gain; 90 to 95 % were predicted."
    return f"{said}: AdaLoRA has no certain gain here of which GLoRA could reach a share."


def _draw(both: list[tuple[Comparison, Comparison]], path: Path) -> None:
    figure, axis = plt.subplots(figsize=(4.2, 3.6))
    for one, two in both:
        pooled = one.task == POOLED
        colour = "#000000" if pooled else COLOURS["glora"]
        marker = "o" if one.mean_rank == min(pair[0].mean_rank for pair in both) else "s"
        axis.plot([two.found.low, two.found.high], [one.found.mean] * 2, color=colour, linewidth=0.7, alpha=0.5)
        axis.plot([two.found.mean] * 2, [one.found.low, one.found.high], color=colour, linewidth=0.7, alpha=0.5)
        axis.plot(two.found.mean, one.found.mean, marker, color=colour, markersize=5)
        axis.annotate(
            one.label, (two.found.mean, one.found.mean), fontsize=6, xytext=(4, 3), textcoords="offset points"
        )
    low, high = axis.get_xlim()
    high = max(high, 1.0)
    axis.axhline(0, color="black", linewidth=0.6)
    axis.axvline(0, color="black", linewidth=0.6)
    axis.plot([0, max(high, 0)], [0, max(high, 0)], color="#D55E00", linewidth=0.8, label="all of AdaLoRA's gain")
    axis.plot(
        [0, max(high, 0)], [0, PREDICTED * max(high, 0)], "--", color="#D55E00", linewidth=0.8, label="90 % of it"
    )
    axis.set_xlim(low, high)
    axis.set_xlabel("AdaLoRA over LoRA, points")
    axis.set_ylabel("GLoRA over LoRA, points")
    axis.legend(fontsize=7, loc="best")
    save(figure, path)
