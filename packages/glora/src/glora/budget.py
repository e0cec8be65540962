"""From importance scores to integer ranks that sum to the budget.

Pure arithmetic: it knows neither tensors nor models. Scores are read as exact fractions, so the result
depends neither on the order of summation nor on the scale of the scores.

Source: step 4 of the method, r_k = round(R_total · s_k) with Σ r_k = R_total. Rounding is by largest
remainder (Hamilton's method of apportionment), bounds are met by water-filling: the quotas are clip(λ · s_k,
min_k, max_k) with the one λ that makes them sum to the budget.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from glora.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def allocate_ranks(
    scores: Sequence[float],
    total: int,
    *,
    min_rank: int = 0,
    max_rank: int | Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> list[int]:
    """Share `total` ranks among matrices in proportion to their scores.

    Shares are of the whole budget: a matrix pinned at a bound leaves the pool and the others share what is
    left in proportion. With equal bounds a higher score never gets less rank. Equal claims on the last ranks
    go to the higher score, then to the lower index.

    Args:
        scores: One non-negative finite number per matrix, in any common unit; at least one is positive.
        total: The sum of the ranks returned.
        min_rank: Lower bound of every rank.
        max_rank: Upper bound, one for all matrices or one each. ``None``: no bound but `total`.
        names: What the errors call the matrices; their indices by default.

    Returns:
        One rank per score, in the order of `scores`, summing to `total` exactly.

    Raises:
        AllocationError: If a score is NaN, infinite or negative, if all are zero or there are none, or if
            `total` cannot be met within the bounds.

    Example:
        >>> allocate_ranks([3.0, 1.0, 0.1], 8)
        [6, 2, 0]
        >>> allocate_ranks([3.0, 1.0, 0.1], 8, min_rank=1, max_rank=4)
        [4, 3, 1]
    """
    labels = [f"matrix {k}" for k in range(len(scores))] if names is None else [f"`{name}`" for name in names]
    if len(labels) != len(scores):
        raise AllocationError(f"There are {len(scores)} scores but {len(labels)} names; give one name per score.")
    weights = _checked_scores(scores, labels)
    upper = _upper_bounds(max_rank, total, min_rank, labels)
    if total < max(1, len(weights) * min_rank) or total > sum(upper):
        raise AllocationError(
            f"A total rank of {total} cannot be shared among {len(weights)} matrices with ranks of {min_rank} to "
            f"{max(upper)}: it must be between {max(1, len(weights) * min_rank)} and {sum(upper)}. Change the "
            "total rank or the bounds."
        )
    return _largest_remainder(_water_fill(weights, total, min_rank, upper), weights, total)


def _checked_scores(scores: Sequence[float], labels: Sequence[str]) -> list[Fraction]:
    if not scores:
        raise AllocationError("There are no scores; give one per adapted matrix.")
    for label, score in zip(labels, scores, strict=True):
        if not math.isfinite(score) or score < 0:
            raise AllocationError(
                f"The score of {label} is {score}; scores are gradient norms and must be finite and not negative. "
                "Look for a diverged loss or for gradients read before they were unscaled."
            )
    if not any(scores):
        raise AllocationError(
            f"All {len(scores)} scores are zero, from {labels[0]} to {labels[-1]}: no gradient reached these matrices."
        )
    return [Fraction(float(score)) for score in scores]


def _upper_bounds(max_rank: int | Sequence[int] | None, total: int, min_rank: int, labels: Sequence[str]) -> list[int]:
    if min_rank < 0:
        raise AllocationError(f"`min_rank` is {min_rank}; it must be 0 or more.")
    if max_rank is None:
        return [max(total, min_rank)] * len(labels)
    upper = [max_rank] * len(labels) if isinstance(max_rank, int) else list(max_rank)
    if len(upper) != len(labels):
        raise AllocationError(f"There are {len(labels)} scores but {len(upper)} upper bounds; give one per score.")
    for label, bound in zip(labels, upper, strict=True):
        if bound < min_rank:
            raise AllocationError(
                f"{label} may have a rank of at most {bound}, which is below `min_rank` ({min_rank}). Lower "
                "`min_rank` or do not adapt this matrix."
            )
    return upper


def _water_fill(weights: Sequence[Fraction], total: int, lower: int, upper: Sequence[int]) -> list[Fraction]:
    """Find the real-valued shares clip(λ · weight, lower, upper) that sum to `total`."""
    quotas = [Fraction(0)] * len(weights)
    pool = list(range(len(weights)))
    left = Fraction(total)
    while pool:
        weight = sum((weights[k] for k in pool), Fraction(0))
        # Scores of zero share equally what is left once every positive score is at its upper bound.
        share = {k: left * weights[k] / weight if weight else left / len(pool) for k in pool}
        too_low = {k for k in pool if share[k] < lower}
        too_high = {k for k in pool if share[k] > upper[k]}
        missing = sum((lower - share[k] for k in too_low), Fraction(0))
        surplus = sum((share[k] - upper[k] for k in too_high), Fraction(0))
        # Pinning the smaller violation first could be wrong: the larger one moves λ and may dissolve it.
        pinned = (too_low if missing >= surplus else set()) | (too_high if surplus >= missing else set())
        for k in pinned or pool:
            quotas[k] = share[k] if not pinned else Fraction(lower if k in too_low else upper[k])
            left -= quotas[k]
        pool = [k for k in pool if k not in pinned] if pinned else []
    return quotas


def _largest_remainder(quotas: Sequence[Fraction], weights: Sequence[Fraction], total: int) -> list[int]:
    ranks = [math.floor(quota) for quota in quotas]
    claims = sorted(range(len(quotas)), key=lambda k: (ranks[k] - quotas[k], -weights[k], k))
    for k in claims[: total - sum(ranks)]:
        ranks[k] += 1
    return ranks
