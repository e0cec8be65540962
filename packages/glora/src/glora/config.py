"""What a user chooses: the budget, the averaging of the signal, the warm-up, the bounds and what is kept.

Source: "Gradient-Norm Aware Rank Allocation for LoRA", steps 2 to 5 of the method.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from glora.errors import ConfigError

SignalName = Literal["delta", "lora_B"]
KeepRule = Literal["magnitude", "first"]


@dataclass(frozen=True, kw_only=True)
class GLoRAConfig:
    """Settings of one rank allocation.

    Attributes:
        total_rank: R_total, the sum of the ranks over all adapted matrices after the reallocation. ``None``
            keeps the sum of the ranks that the model has at the start (number of matrices times ``r``).
        beta: β in [0, 1), the decay of the moving average per optimizer step.
        warmup_steps: T_warmup in optimizer steps; the reallocation happens in the last of them. At least 1.
        min_rank: The least rank of every matrix. 0 lets a matrix lose its adapter.
        max_rank: The greatest rank of every matrix. ``None`` leaves only the matrix's own limit,
            ``min(in_features, out_features)``, above which a rank adds parameters but no capacity (or the rank that
            it has at the start, if that is more).
        signal: Which estimate of ‖∂L/∂Δ_k‖_F is averaged: ``"delta"`` (comparable between matrices of
            different width) or ``"lora_B"`` (the plain norm of lora_B's gradient); see `glora.signal`.
        keep: Which components survive where a rank shrinks: ``"magnitude"`` (largest ‖B[:, i]‖·‖A[i, :]‖) or
            ``"first"`` (the first ones).
        seed: Seed of the rows that a growing matrix gets. They depend on it and on the matrix's name alone,
            so that data-parallel replicas and resumed runs draw the same.

    Raises:
        ConfigError: If any value is out of range; all such values are named at once.

    Example:
        >>> GLoRAConfig(total_rank=128, warmup_steps=500).beta
        0.9
    """

    total_rank: int | None = None
    beta: float = 0.9
    warmup_steps: int = 1000
    min_rank: int = 0
    max_rank: int | None = None
    signal: SignalName = "delta"
    keep: KeepRule = "magnitude"
    seed: int = 0

    def __post_init__(self) -> None:
        problems = [
            *_at_least(1, "total_rank", self.total_rank, optional=True),
            *_at_least(1, "warmup_steps", self.warmup_steps),
            *_at_least(0, "min_rank", self.min_rank),
            *_at_least(1, "max_rank", self.max_rank, optional=True),
            *_at_least(0, "seed", self.seed),
            *_one_of(get_args(SignalName), "signal", self.signal),
            *_one_of(get_args(KeepRule), "keep", self.keep),
        ]
        if isinstance(self.beta, bool) or not isinstance(self.beta, int | float) or not 0 <= self.beta < 1:
            problems.append(f"`beta` is {self.beta!r}; it must be a number in [0, 1), 0.9 averages about ten steps")
        if not problems and self.max_rank is not None and self.max_rank < self.min_rank:
            problems.append(
                f"`max_rank` ({self.max_rank}) is below `min_rank` ({self.min_rank}); raise the one or lower the other"
            )
        if problems:
            raise ConfigError("GLoRAConfig: " + "; ".join(problems) + ".")


def _at_least(least: int, name: str, value: Any, *, optional: bool = False) -> list[str]:
    if optional and value is None:
        return []
    if isinstance(value, bool) or not isinstance(value, int):
        hint = f"write {int(value)}" if _is_whole(value) else "give a whole number"
        return [f"`{name}` is {value!r}, not an int; {hint}"]
    if value < least:
        return [f"`{name}` is {value}; it must be at least {least}"]
    return []


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value == int(value)


def _one_of(allowed: tuple[str, ...], name: str, value: object) -> list[str]:
    if value in allowed:
        return []
    return [f"`{name}` is {value!r}; choose one of {', '.join(map(repr, allowed))}"]
