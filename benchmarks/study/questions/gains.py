"""Does GLoRA beat uniform LoRA, a shuffle of its own ranks, its ranks reversed, a reallocation that moves nothing?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.frame import POOLED, Comparison, compare
from benchmarks.study.style import PREDICTED, Mark, forest
from benchmarks.study.tables import comparison_table, image, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

OTHERS = ("lora", "shuffled", "adalora")
CONTROLS = ("reversed", "disturbed")


def gains(study: Study) -> list[str]:
    """GLoRA against each arm of the core grid, and against the controls where they were run."""
    made = compare(study.core, "glora", OTHERS)
    for control in CONTROLS:
        made += _against_control(study, control)
    if not made:
        return []
    forest(_panels(made), study.folder / "differences.png", band=PREDICTED)
    headline = [one for one in made if one.task == POOLED and one.other in OTHERS]
    if headline:
        forest(_panels(headline), study.folder / "headline.png", band=PREDICTED)
    return [
        "## Does it beat uniform LoRA, a shuffle of its own ranks, its reverse?",
        *(sentence(one, study.tasks) for one in headline),
        image("differences with their confidence intervals", "differences"),
        comparison_table(made),
    ]


def _against_control(study: Study, control: str) -> list[Comparison]:
    """GLoRA of the core grid on the tasks, ranks and seeds of a control."""
    found = study.beside(control, "glora", phases=("second",))
    return [
        Comparison(one.task, one.mean_rank, "glora", control, one.found.negated(), one.adjusted)
        for one in found
        if one.task != POOLED
    ]


def _panels(made: list[Comparison]) -> dict[str, list[Mark]]:
    panels: dict[str, list[Mark]] = {}
    for one in made:
        title = f"over {ARMS[one.other].shown}"
        panels.setdefault(title, []).append(Mark(one.label, one.found, one.adjusted < 0.05))
    return panels
