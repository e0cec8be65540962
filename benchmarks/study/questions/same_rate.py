"""Does the learning rate decide it? GLoRA with all hyper-parameters as LoRA's, as the hypothesis has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, PREDICTED, family
from benchmarks.study.style import against, forest
from benchmarks.study.tables import comparison_table, image, listed, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

ARM = "glora-same"
OTHERS = ("lora", "glora", "adalora", "shuffled")


def same_rate(study: Study) -> list[str]:
    """GLoRA at LoRA's rate against LoRA, and against GLoRA at its own."""
    same = _tuned_alike(study)
    made = family(one for other in OTHERS for one in study.beside(ARM, other, phases=("same",), without=same))
    title = "## Does the learning rate decide it?"
    alike = (
        f"On {listed(sorted(same))} LoRA and GLoRA were tuned to the same rate: there {ARMS[ARM].shown} is GLoRA."
        if same
        else ""
    )
    if not made:
        return [title, alike] if alike else []
    forest(against(made), study.folder / "same_rate.png", band=PREDICTED)
    told = [one for one in made if one.task == POOLED] or [one for one in made if one.other in {"lora", "glora"}]
    return [
        title,
        "The hypothesis gives GLoRA all of LoRA's hyper-parameters. At LoRA's tuned learning rate instead of its own:",
        *(sentence(one) for one in told),
        *([alike] if alike else []),
        image("GLoRA at LoRA's learning rate", "same_rate"),
        comparison_table(made),
    ]


def _tuned_alike(study: Study) -> set[str]:
    """The tasks on which LoRA and GLoRA have one learning rate."""
    rates = study.core.pivot_table(index="task", columns="arm", values="learning_rate", aggfunc="first")
    if not {"lora", "glora"} <= {*rates}:
        return set()
    return {str(task) for task in rates.index[rates["lora"] == rates["glora"]]}
