"""What a control experiment does with the shares before they become ranks, to tell what the choice of ranks is worth.

The same ranks on other matrices, or a reallocation that changes none, cost what the method costs and know nothing.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glora.config import ControlName


def controlled_shares(shares: Sequence[float], control: ControlName, *, seed: int) -> list[float]:
    """Return the shares that ranks are made of.

    Args:
        shares: One per matrix, not negative.
        control: ``"none"`` leaves them; ``"shuffled"`` gives every matrix the share of a drawn one, each share once;
            ``"reversed"`` the largest share to the matrix with the smallest, and so on; ``"equal"`` all the same.
        seed: Of the draw.

    Example:
        >>> controlled_shares([0.5, 0.2, 0.3], "reversed", seed=0)
        [0.2, 0.5, 0.3]
    """
    if control == "shuffled":
        return random.Random(seed).sample(list(shares), len(shares))  # noqa: S311 - a draw that repeats, no secret
    if control == "reversed":
        order = sorted(range(len(shares)), key=lambda place: (shares[place], place))
        mirrored = dict(zip(order, (shares[place] for place in reversed(order)), strict=True))
        return [mirrored[place] for place in range(len(shares))]
    if control == "equal":
        return [1.0 / len(shares)] * len(shares)
    return list(shares)
