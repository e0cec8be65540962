"""The arms of the study: each a method of the experiment with the settings that make it this arm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TUNED = ("lora", "adalora", "glora")  # every other arm takes the learning rate of one of these


@dataclass(frozen=True)
class Arm:
    """An arm.

    Attributes:
        method_name: as the experiment calls it.
        section: of the run file, with what the arm changes in it.
        tuned_as: whose learning rate it takes.
        shown: what tables and figures call it.
        smoothed: whether its rate is the best over neighbouring trials, or that of the best single one.
    """

    method_name: str
    tuned_as: str
    shown: str
    section: Mapping[str, Any] = field(default_factory=dict)
    smoothed: bool = True


ARMS = {
    "lora": Arm("LoRA", "lora", "LoRA"),
    "adalora": Arm("AdaLoRA", "adalora", "AdaLoRA"),
    "glora": Arm("GLoRA", "glora", "GLoRA"),
    "shuffled": Arm("GLoRA", "glora", "shuffled ranks", {"control": "shuffled"}),
    "reversed": Arm("GLoRA", "glora", "reversed scores", {"control": "reversed"}),
    "disturbed": Arm("GLoRA", "glora", "equal ranks, moments reset", {"control": "equal"}),
    "glora-parameters": Arm("GLoRA", "glora", "GLoRA at LoRA's parameters", {"budget_unit": "parameters"}),
    "glora-min1": Arm("GLoRA", "glora", "GLoRA, least rank 1", {"min_rank": 1}),
    "glora-same": Arm("GLoRA", "lora", "GLoRA at LoRA's learning rate"),
    "lora-lucky": Arm("LoRA", "lora", "LoRA, best single trial's rate", smoothed=False),
    "adalora-lucky": Arm("AdaLoRA", "adalora", "AdaLoRA, best single trial's rate", smoothed=False),
    "glora-lucky": Arm("GLoRA", "glora", "GLoRA, best single trial's rate", smoothed=False),
    "glora-cost": Arm("GLoRA", "lora", "shares by cost", {"cost_exponent": 1.0}),
    "glora-shrunk": Arm("GLoRA", "lora", "half way to equal shares", {"uniform_share": 0.5}),
    "glora-dropped": Arm("GLoRA", "lora", "weakest quarter dropped", {"drop_fraction": 0.25}),
    "glora-seeded": Arm("GLoRA", "lora", "grown along the gradient", {"growth": "gradient"}),
    "seeded-shuffled": Arm(
        "GLoRA", "lora", "grown along the gradient, ranks shuffled", {"growth": "gradient", "control": "shuffled"}
    ),
}
# against "glora-same", which has the learning rate that they have
IMPROVED = ("glora-cost", "glora-shrunk", "glora-dropped", "glora-seeded")
SECTIONS = {"GLoRA": "glo_ra", "AdaLoRA": "adalora", "LoRA": "lora"}
METHODS = {"GLoRA": "proposed", "AdaLoRA": "comparative-1", "LoRA": "comparative-2"}


def section_of(arm: Arm, *, allocation_step: int) -> dict[str, Any]:
    """The section of a run file that says what the method does.

    Args:
        arm: which.
        allocation_step: the optimizer step at which GLoRA reallocates, and AdaLoRA begins to prune.
    """
    if arm.method_name == "LoRA":
        return {"total_rank_budget": "auto", **arm.section}
    if arm.method_name == "AdaLoRA":
        return {
            "total_rank_budget": "auto",
            "init_rank": "auto",
            "beta1": 0.85,
            "beta2": 0.85,
            "orth_reg_weight": 0.1,
            "adaptation_start_step": allocation_step,
            **arm.section,
        }
    return {
        "total_rank_budget": "auto",
        "beta_ema": 0.9,
        "warmup_steps": allocation_step,
        "min_rank": 0,
        **arm.section,
    }
