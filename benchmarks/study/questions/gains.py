"""Does GLoRA beat uniform LoRA, a shuffle of its own ranks, its ranks reversed, a reallocation that moves nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, Comparison, family
from benchmarks.study.style import PREDICTED, Mark, forest
from benchmarks.study.tables import comparison_table, image, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

CONTROLS = ("reversed", "disturbed")


def gains(study: Study) -> list[str]:
    """GLoRA against each arm of the core grid, and against the controls where they were run."""
    controls = [one for control in CONTROLS for one in study.beside(control, "glora", phases=("second",))]
    controls = family(one.turned() for one in controls if one.task != POOLED)
    made = [*study.gains, *controls]
    if not made:
        return []
    forest(_panels(made), study.folder / "differences.png", band=PREDICTED)
    headline = [one for one in study.gains if one.task == POOLED]
    if headline:
        forest(_panels(headline), study.folder / "headline.png", band=PREDICTED)
    parts = [
        "## Does it beat uniform LoRA, a shuffle of its own ranks, its reverse?",
        *(sentence(one, study.tasks) for one in headline or study.gains),
        image("differences with their confidence intervals", "differences"),
        comparison_table(study.gains),
    ]
    return [*parts, "The controls of the second grid:", comparison_table(controls)] if controls else parts


def _panels(made: list[Comparison]) -> dict[str, list[Mark]]:
    panels: dict[str, list[Mark]] = {}
    for one in made:
        title = f"over {ARMS[one.other].shown}"
        panels.setdefault(title, []).append(Mark(one.label, one.found, one.sure))
    return panels
