"""Does GLoRA beat uniform LoRA, a shuffle of its own ranks, its ranks reversed, a reallocation that moves nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.comparisons import POOLED, PREDICTED, family
from benchmarks.study.style import against, forest
from benchmarks.study.tables import comparison_table, image, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

CONTROLS = ("reversed", "disturbed")
WEIGHTED = """\
Above, tasks together count alike, so that the one on which seeds scatter most decides how wide the interval is. A
second analysis weights each by the inverse of the variance of its differences: {weights}. The weights are
estimated from the same runs, and intervals do not know of their error."""


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
        weights = ", ".join(f"{task} {weight:.0%}" for task, weight in study.weights.items())
        parts += [WEIGHTED.format(weights=weights), comparison_table(study.weighted_gains)]
    return [*parts, "The controls of the second grid:", comparison_table(controls)] if controls else parts
