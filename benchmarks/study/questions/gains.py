"""Does GLoRA beat uniform LoRA, a shuffle of its own ranks, its ranks reversed, a reallocation that moves nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.comparisons import POOLED, family
from benchmarks.study.style import PREDICTED, against, forest
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
    forest(against(made), study.folder / "differences.png", band=PREDICTED)
    headline = [one for one in study.gains if one.task == POOLED]
    if headline:
        forest(against(headline), study.folder / "headline.png", band=PREDICTED)
    parts = [
        "## Does it beat uniform LoRA, a shuffle of its own ranks, its reverse?",
        *(sentence(one, study.tasks) for one in headline or study.gains),
        image("differences with their confidence intervals", "differences"),
        comparison_table(study.gains),
    ]
    return [*parts, "The controls of the second grid:", comparison_table(controls)] if controls else parts
