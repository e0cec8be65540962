"""Does GLoRA beat uniform LoRA, a shuffle of its own ranks, its ranks reversed, a reallocation that moves nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.comparisons import POOLED, family
from benchmarks.study.style import PREDICTED, against, forest
from benchmarks.study.tables import comparison_table, image, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

CONTROLS = ("reversed", "disturbed")
WEIGHTED = """\
Above, tasks together count alike. A second analysis weights each by the inverse of the variance of its differences, so
that a task on which seeds scatter widely does not drown the others:"""


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
        *(sentence(one) for one in headline or study.gains),
        *(sentence(one) for one in controls if one.other == "reversed"),
        image("differences with their confidence intervals", "differences"),
        comparison_table(study.gains),
    ]
    if study.weighted_gains:
        parts += [WEIGHTED, comparison_table(study.weighted_gains)]
    return [*parts, "The controls of the second grid:", comparison_table(controls)] if controls else parts
