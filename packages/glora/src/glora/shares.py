"""What the shares of the signal become before they are ranks: three ways to doubt them.

A share says how much a matrix asked for in the warm-up. It does not say what a rank there costs, how sure the share
is, or that a small one is worth the time of its two matrix products; each setting below stands for one of these. All
are off by default, and then the shares are the method's own (step 4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glora.config import GLoRAConfig


def adjusted_shares(shares: Sequence[float], costs: Sequence[int], config: GLoRAConfig) -> list[float]:
    """Return the shares that ranks are in proportion to.

    In this order: divided by a power of the cost, moved towards equal shares, the weakest set to zero.

    Args:
        shares: One per matrix, not negative; any common unit.
        costs: Parameters per rank of each matrix, at least 1.
        config: Its `cost_exponent`, `uniform_share` and `drop_fraction`.

    Returns:
        One per matrix, not negative, of the sum 1 unless all are zero. Of equal shares the later is dropped first.

    Example:
        >>> adjusted_shares([0.75, 0.25], [3, 1], GLoRAConfig(cost_exponent=1.0))
        [0.5, 0.5]
        >>> adjusted_shares([0.6, 0.4], [3, 1], GLoRAConfig(uniform_share=0.5))
        [0.55, 0.45]
        >>> adjusted_shares([0.6, 0.4], [3, 1], GLoRAConfig(drop_fraction=0.5))
        [1.0, 0.0]
    """
    found = list(shares)
    if not any(found):
        return found
    if config.cost_exponent:
        weighed = zip(_normalized(found), costs, strict=True)
        found = _normalized([share / cost**config.cost_exponent for share, cost in weighed])
    if config.uniform_share:
        equal = config.uniform_share / len(found)
        found = [(1 - config.uniform_share) * share + equal for share in _normalized(found)]
    if config.drop_fraction:
        order = sorted(range(len(found)), key=lambda place: (found[place], -place))
        for place in order[: int(config.drop_fraction * len(found))]:
            found[place] = 0.0
        found = _normalized(found)
    return found


def _normalized(shares: list[float]) -> list[float]:
    largest = max(shares)
    if largest <= 0:
        return shares
    relative = [share / largest for share in shares]  # of the smallest numbers the sum would be none
    total = sum(relative)
    return [share / total for share in relative]
