"""What a user chooses: the budget, the averaging of the signal, the warm-up, the bounds and what is kept.

Source: "Gradient-Norm Aware Rank Allocation for LoRA", steps 2 to 5 of the method.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from glora.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SignalName = Literal["delta", "lora_B", "exact"]
KeepRule = Literal["magnitude", "first", "svd"]
BudgetUnit = Literal["ranks", "parameters"]
ControlName = Literal["none", "shuffled", "reversed", "equal"]
GrowthName = Literal["random", "gradient"]


@dataclass(frozen=True, kw_only=True)
class GLoRAConfig:
    """Settings of one rank allocation.

    Attributes:
        total_rank: R_total, the sum of the ranks over all adapted matrices after the reallocation. ``None``
            keeps the sum of the ranks that the model has at the start (number of matrices times ``r``).
        budget_unit: What is held constant: ``"ranks"``, or ``"parameters"``, because a rank of a 768 x 3072 matrix
            costs 2.5 times one of 768 x 768. Ranks are in proportion to the scores either way.
        total_parameters: With ``budget_unit="parameters"``, the number of entries of all A and B after the
            reallocation, at most. ``None`` keeps the number that the model has at the start.
        beta: β in [0, 1), the decay of the moving average per observation.
        warmup_steps: T_warmup in optimizer steps; the reallocation happens in the last of them. At least 1.
        min_rank: The least rank of every matrix. 0 lets a matrix lose its adapter.
        max_rank: The greatest rank of every matrix. ``None`` leaves only the matrix's own limit,
            ``min(in_features, out_features)``, above which a rank adds parameters but no capacity (or the rank that
            it has at the start, if that is more).
        rank_bounds: (least, greatest) rank of single matrices, before `min_rank` and `max_rank`; the greatest may
            be ``None``. Keys are module names or endings of them at a dot, or regular expressions, matched as PEFT
            matches ``rank_pattern``; the first match counts.
        signal: Which estimate of ‖∂L/∂Δ_k‖_F is averaged: ``"delta"`` (comparable between matrices of
            different width), ``"lora_B"`` (the plain norm of lora_B's gradient), see `glora.signal`; or ``"exact"``
            (no estimate, a third matrix product per layer), see `glora.exact`.
        signal_interval: Observe every n-th optimizer step of the warm-up, from the first. β is per observation.
        keep: Which components survive where a rank shrinks: ``"magnitude"`` (largest ‖B[:, i]‖·‖A[i, :]‖),
            ``"first"`` (the first ones) or ``"svd"`` (the best approximation of B A at the new rank; the
            optimizer's moments of that matrix are reset).
        growth: Where the drawn factor of a new component points: ``"random"``, as the first ones were drawn, or
            ``"gradient"``, along the directions of the gradient so far that the matrix does not have yet, see
            `glora.seeding`; what these do not fill is drawn.
        cost_exponent: ρ in [0, 2]: shares are divided by (in + out)^ρ, what a rank of the matrix costs, before they
            become ranks. At 0 a wide matrix may win by its width. See `glora.shares`.
        uniform_share: λ in [0, 1]: shares are moved towards equal ones, (1 - λ) s_k + λ / n. 1 is LoRA's choice.
        drop_fraction: In [0, 1): the share of all matrices, those with the lowest scores, that are left with their
            least rank, so that with ``min_rank=0`` a training step skips them; the budget goes to the others.
        seed: Seed of the rows that a growing matrix gets. They depend on it and on the matrix's name alone,
            so that data-parallel replicas and resumed runs draw the same. It also seeds a control's draw.
        control: For experiments on the method: what the ranks are made of instead of the scores, see `glora.control`.

    Raises:
        ConfigError: If any value is out of range; all such values are named at once.

    Example:
        >>> GLoRAConfig(total_rank=128, warmup_steps=500).beta
        0.9
    """

    total_rank: int | None = None
    budget_unit: BudgetUnit = "ranks"
    total_parameters: int | None = None
    beta: float = 0.9
    warmup_steps: int = 1000
    min_rank: int = 0
    max_rank: int | None = None
    rank_bounds: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    signal: SignalName = "delta"
    signal_interval: int = 1
    keep: KeepRule = "magnitude"
    growth: GrowthName = "random"
    cost_exponent: float = 0.0
    uniform_share: float = 0.0
    drop_fraction: float = 0.0
    seed: int = 0
    control: ControlName = "none"

    def __post_init__(self) -> None:
        problems = [
            *_at_least(1, "total_rank", self.total_rank, optional=True),
            *_at_least(1, "total_parameters", self.total_parameters, optional=True),
            *_at_least(1, "warmup_steps", self.warmup_steps),
            *_at_least(0, "min_rank", self.min_rank),
            *_at_least(1, "max_rank", self.max_rank, optional=True),
            *_at_least(1, "signal_interval", self.signal_interval),
            *_at_least(0, "seed", self.seed),
            *_one_of(get_args(BudgetUnit), "budget_unit", self.budget_unit),
            *_one_of(get_args(SignalName), "signal", self.signal),
            *_one_of(get_args(KeepRule), "keep", self.keep),
            *_one_of(get_args(ControlName), "control", self.control),
            *_one_of(get_args(GrowthName), "growth", self.growth),
            *_between("beta", self.beta, 1, hint=", 0.9 averages about ten steps"),
            *_between("cost_exponent", self.cost_exponent, 2, closed=True),
            *_between("uniform_share", self.uniform_share, 1, closed=True),
            *_between("drop_fraction", self.drop_fraction, 1),
        ]
        if not problems and self.max_rank is not None and self.max_rank < self.min_rank:
            problems.append(
                f"`max_rank` ({self.max_rank}) is below `min_rank` ({self.min_rank}); raise the one or lower the other"
            )
        other = {"ranks": "total_parameters", "parameters": "total_rank"}.get(self.budget_unit)
        if other is not None and getattr(self, other) is not None:
            right = "total_rank" if other == "total_parameters" else "total_parameters"
            problems.append(
                f"`{other}` is {getattr(self, other)} with `budget_unit={self.budget_unit!r}`; set `{right}` instead, "
                "or the other unit"
            )
        problems += [problem for key, bounds in self.rank_bounds.items() for problem in _bounds(key, bounds)]
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


def _between(name: str, value: Any, most: float, *, closed: bool = False, hint: str = "") -> list[str]:
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and (0 <= value < most or (closed and value == most))
    ):
        return []
    return [f"`{name}` is {value!r}; it must be a number in [0, {most}{']' if closed else ')'}{hint}"]


def _bounds(key: object, bounds: Any) -> list[str]:
    name = f"rank_bounds[{key!r}]"
    if not isinstance(key, str):
        return [f"`{name}` is not named by a string; keys are module names or patterns"]
    try:
        re.compile(key)
    except re.error as error:
        return [f"`{name}` is no regular expression ({error}); escape the name with re.escape"]
    if not isinstance(bounds, tuple | list) or len(bounds) != 2:
        return [f"`{name}` is {bounds!r}; give a pair (least, greatest)"]
    problems = [*_at_least(0, f"{name}[0]", bounds[0]), *_at_least(0, f"{name}[1]", bounds[1], optional=True)]
    if not problems and bounds[1] is not None and bounds[1] < bounds[0]:
        problems.append(f"`{name}` is {tuple(bounds)}; the greatest rank is below the least")
    return problems


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value) and value == int(value)


def _one_of(allowed: tuple[str, ...], name: str, value: object) -> list[str]:
    if value in allowed:
        return []
    return [f"`{name}` is {value!r}; choose one of {', '.join(map(repr, allowed))}"]
