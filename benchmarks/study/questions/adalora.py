"""How much of AdaLoRA's gain over LoRA does GLoRA reach?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from benchmarks.study.comparisons import POOLED, Comparison, compare, family
from benchmarks.study.style import save
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
        *_not_below(study),
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


def _not_below(study: Study) -> list[str]:
    """How far below AdaLoRA GLoRA may be."""
    made = [one for one in study.gains if one.other == "adalora"]
    told = "; ".join(
        f"{one.found.low:+.2f} on {listed(one.tasks)}, mean rank {one.mean_rank}"
        for one in [one for one in made if one.task == POOLED] or made
    )
    return [f"Does it reach AdaLoRA itself? The interval of GLoRA's points against AdaLoRA begins at {told}."]


def _draw(both: list[tuple[Comparison, Comparison]], path: Path) -> None:
    """A panel a task, a form and colour a mean rank."""
    tasks = list(dict.fromkeys(one.where for one, _ in both))
    ranks = sorted({one.mean_rank for one, _ in both})
    figure, grid = plt.subplots(1, len(tasks), figsize=(2.3 * len(tasks) + 0.4, 2.9), squeeze=False)
    for axis, task in zip(grid[0], tasks, strict=True):
        pairs = [pair for pair in both if pair[0].where == task]
        for one, two in pairs:
            own, other, place = one.found, two.found, ranks.index(one.mean_rank)
            colour = f"C{place}"
            axis.plot([other.low, other.high], [own.mean] * 2, color=colour, linewidth=0.8, alpha=0.6)
            axis.plot([other.mean] * 2, [own.low, own.high], color=colour, linewidth=0.8, alpha=0.6)
            form = {"color": colour, "markersize": 5, "linestyle": "none", "label": f"mean rank {one.mean_rank}"}
            axis.plot(other.mean, own.mean, "os^Dv"[place], **form)
        ends = [value for pair in pairs for one in pair for value in (one.found.low, one.found.high)]
        most = 1.05 * max(1.0, *map(abs, ends))
        axis.axhline(0, color="black", linewidth=0.6)
        axis.axvline(0, color="black", linewidth=0.6)
        axis.plot([0, most], [0, most], color="#666666", linewidth=0.8, label="all of AdaLoRA's gain")
        axis.plot([0, most], [0, PREDICTED * most], "--", color="#666666", linewidth=0.8, label="90 % of it")
        axis.set_xlim(-most, most)
        axis.set_ylim(-most, most)
        axis.set_aspect("equal")
        axis.set_title(task)
        axis.set_xlabel("AdaLoRA over LoRA, points")
    grid[0][0].set_ylabel("GLoRA over LoRA, points")
    named = {text: handle for axis in grid[0] for handle, text in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="lower center", ncol=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    save(figure, path)
