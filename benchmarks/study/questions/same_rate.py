"""Does the learning rate decide it? GLoRA with all hyper-parameters as LoRA's, as the hypothesis has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.frame import POOLED
from benchmarks.study.style import PREDICTED, Mark, forest
from benchmarks.study.tables import comparison_table, image, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

ARM = "glora-same"
OTHERS = ("lora", "glora", "adalora", "shuffled")


def same_rate(study: Study) -> list[str]:
    """GLoRA at LoRA's rate against LoRA, and against GLoRA at its own."""
    made = [one for other in OTHERS for one in study.beside(ARM, other, phases=("same",))]
    made = [one for one in made if one.task == POOLED or study.learnable.get(one.task)]
    if not made:
        return []
    panels: dict[str, list[Mark]] = {}
    for one in made:
        panels.setdefault(f"over {ARMS[one.other].shown}", []).append(Mark(one.label, one.found, one.adjusted < 0.05))
    forest(panels, study.folder / "same_rate.png", band=PREDICTED)
    pooled = [one for one in made if one.task == POOLED]
    told = [sentence(one, study.tasks) for one in pooled] or [
        f"On {one.task} at mean rank {one.mean_rank} it is {one.found.mean:+.2f} points ({one.found.interval}) against "
        f"{ARMS[one.other].shown}."
        for one in made
        if one.other in {"lora", "glora"}
    ]
    return [
        "## Does the learning rate decide it?",
        "The hypothesis gives GLoRA all of LoRA's hyper-parameters. At LoRA's tuned learning rate instead of its own:",
        *told,
        image("GLoRA at LoRA's learning rate", "same_rate"),
        comparison_table(made),
    ]
