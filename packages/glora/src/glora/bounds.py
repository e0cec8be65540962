"""What the settings mean for the matrices that a model has: bounds per matrix, and the budget."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from glora.errors import AllocationError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glora.config import GLoRAConfig
    from glora.layers import Matrix


def rank_limits(config: GLoRAConfig, matrices: Sequence[Matrix]) -> tuple[list[int], list[int]]:
    """Return the least and the greatest rank of every matrix, in their order.

    A matrix's own limit, the rank of a full update, caps what `config` allows.

    Raises:
        ConfigError: If a key of ``rank_bounds`` matches no matrix.
        AllocationError: If the least rank of a matrix is above what it can have.
    """
    unused = dict(config.rank_bounds)
    lower, upper = [], []
    for matrix in matrices:
        keys = [key for key in config.rank_bounds if re.match(rf"(.*\.)?({key})$", matrix.name)]
        for key in keys:
            unused.pop(key, None)
        least, greatest = config.rank_bounds[keys[0]] if keys else (config.min_rank, config.max_rank)
        limit = matrix.limit if greatest is None else min(greatest, matrix.limit)
        if least > limit:
            raise AllocationError(
                f"`{matrix.name}` may have a rank of at most {limit} ({matrix.outputs} x {matrix.inputs}), which is "
                f"below its least rank ({least}). Lower `min_rank` or its entry in `rank_bounds`, or do not adapt it."
            )
        lower.append(least)
        upper.append(limit)
    if unused:
        names = ", ".join(f"`{matrix.name}`" for matrix in matrices[:3])
        raise ConfigError(
            f"rank_bounds[{next(iter(unused))!r}] matches none of the {len(matrices)} adapted matrices, such as "
            f"{names}. Give a module's name, an ending of it at a dot, or a regular expression."
        )
    return lower, upper


def budget_total(config: GLoRAConfig, matrices: Sequence[Matrix]) -> tuple[int, list[int] | None]:
    """Return the budget, and what a rank of each matrix costs if it is in parameters (else ``None``).

    Raises:
        AllocationError: If a budget in parameters is too small for one rank of some matrix.
    """
    if config.budget_unit == "parameters":
        present = sum(matrix.rank * matrix.cost for matrix in matrices)
        total = present if config.total_parameters is None else config.total_parameters
        dearest = max(matrices, key=lambda matrix: matrix.cost)
        if total < dearest.cost:  # whether it buys anything would depend on the scores, and be known after the warm-up
            raise AllocationError(
                f"A budget of {total} parameters does not buy one rank of `{dearest.name}`, which costs "
                f"{dearest.cost}. Raise `total_parameters`, or do not adapt this matrix."
            )
        return total, [matrix.cost for matrix in matrices]
    return sum(matrix.rank for matrix in matrices) if config.total_rank is None else config.total_rank, None
