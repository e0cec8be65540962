"""From importance scores to integer ranks that meet the budget.

Pure arithmetic: it knows neither tensors nor models. Scores are read as exact fractions, so the result
depends neither on the order of summation nor on the scale of the scores.

Source: step 4 of the method, r_k = round(R_total · s_k) with Σ r_k = R_total. Rounding is by largest
remainder (Hamilton's method of apportionment), bounds are met by water-filling: the quotas are clip(λ · s_k,
min_k, max_k) with the one λ that makes them cost the budget. A budget in parameters weighs every rank with
what it costs; ranks stay proportional to the scores.
"""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from glora.errors import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence


def allocate_ranks(
    scores: Sequence[float],
    total: int,
    *,
    min_rank: int | Sequence[int] = 0,
    max_rank: int | Sequence[int] | None = None,
    costs: Sequence[int] | None = None,
    names: Sequence[str] | None = None,
) -> list[int]:
    """Share a budget among matrices so that their ranks are in proportion to their scores.

    Shares are of the whole budget: a matrix pinned at a bound leaves the pool and the others share what is
    left in proportion. With equal bounds a higher score never gets less rank. Equal claims on the last ranks
    go to the higher score, then to the lower index.

    Args:
        scores: One non-negative finite number per matrix, in any common unit; at least one is positive.
        total: The budget: ranks, or parameters if there are `costs`.
        min_rank: Lower bound of every rank, or one each.
        max_rank: Upper bound of every rank, or one each. ``None``: no bound but `total`.
        costs: Parameters per rank of each matrix, at least 1. ``None``: the budget is in ranks.
        names: What the errors call the matrices; their indices by default.

    Returns:
        One rank per score, in the order of `scores`. Without `costs` they sum to `total` exactly; with them
        they cost at most `total`, and less than one rank of some matrix below it.

    Raises:
        AllocationError: If a score is NaN, infinite or negative, if all are zero or there are none, if a number is
            not a whole one, or if `total` cannot be met within the bounds.

    Example:
        >>> allocate_ranks([3.0, 1.0, 0.1], 8)
        [6, 2, 0]
        >>> allocate_ranks([3.0, 1.0, 0.1], 8, min_rank=1, max_rank=4)
        [4, 3, 1]
        >>> allocate_ranks([1.0, 1.0], 3840 * 2, costs=[1536, 3840])  # a rank of 768 x 768, and of 768 x 3072
        [2, 1]
    """
    labels = [f"matrix {k}" for k in range(len(scores))] if names is None else [f"`{name}`" for name in names]
    if len(labels) != len(scores):
        raise AllocationError(f"There are {len(scores)} scores but {len(labels)} names; give one name per score.")
    weights = _checked_scores(scores, labels)
    total = _whole(total, "total", "the budget")
    prices = _one_each([1] * len(scores) if costs is None else costs, labels, "costs", least=1)
    lower = _one_each(min_rank, labels, "min_rank", least=0)
    ceiling = [max(total // price, low) for price, low in zip(prices, lower, strict=True)]
    upper = ceiling if max_rank is None else _one_each(max_rank, labels, "max_rank", least=0)
    for label, low, high in zip(labels, lower, upper, strict=True):
        if high < low:
            raise AllocationError(
                f"{label} may have a rank of at most {high}, which is below its least rank ({low}). Lower "
                "`min_rank` or do not adapt this matrix."
            )
    if max_rank is None and costs is not None:
        # Without a bound of its own a matrix could need a fraction of a rank more than the budget buys.
        upper = [high + 1 for high in upper]
    _check_total(total, lower, upper, prices, unit="rank" if costs is None else "number of parameters")
    return _largest_remainder(_water_fill(weights, total, lower, upper, prices), weights, total, prices)


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


def _one_each(value: int | Sequence[int], labels: Sequence[str], what: str, *, least: int) -> list[int]:
    values = list(value) if hasattr(value, "__iter__") else [value] * len(labels)
    if len(values) != len(labels):
        raise AllocationError(f"There are {len(labels)} scores but `{what}` has {len(values)} values; give one each.")
    values = [_whole(one, what, label) for label, one in zip(labels, values, strict=True)]
    for label, one in zip(labels, values, strict=True):
        if one < least:
            raise AllocationError(f"`{what}` is {one} for {label}; it must be {least} or more.")
    return values


def _whole(value: Any, what: str, whose: str) -> int:
    try:
        return operator.index(value)
    except TypeError as error:
        raise AllocationError(f"`{what}` is {value!r} for {whose}; it must be a whole number.") from error


def _check_total(total: int, lower: Sequence[int], upper: Sequence[int], prices: Sequence[int], *, unit: str) -> None:
    cheapest = min(price for price, high in zip(prices, upper, strict=True) if high > 0) if any(upper) else 1
    least = max(cheapest, sum(low * price for low, price in zip(lower, prices, strict=True)))
    most = sum(high * price for high, price in zip(upper, prices, strict=True))
    if not least <= total <= most:
        raise AllocationError(
            f"A total {unit} of {total} cannot be shared among {len(prices)} matrices with ranks of {min(lower)} to "
            f"{max(upper)}: it must be between {least} and {most}. Change the total or the bounds."
        )


def _water_fill(
    weights: Sequence[Fraction], total: int, lower: Sequence[int], upper: Sequence[int], prices: Sequence[int]
) -> list[Fraction]:
    """Find the real-valued ranks clip(λ · weight, lower, upper) that cost `total`."""
    quotas = [Fraction(0)] * len(weights)
    pool = list(range(len(weights)))
    left = Fraction(total)
    while pool:
        weight = sum((prices[k] * weights[k] for k in pool), Fraction(0))
        # Scores of zero share equally what is left once every positive score is at its upper bound.
        equal = left / sum(prices[k] for k in pool)
        share = {k: left * weights[k] / weight if weight else equal for k in pool}
        too_low = {k for k in pool if share[k] < lower[k]}
        too_high = {k for k in pool if share[k] > upper[k]}
        missing = sum((prices[k] * (lower[k] - share[k]) for k in too_low), Fraction(0))
        surplus = sum((prices[k] * (share[k] - upper[k]) for k in too_high), Fraction(0))
        # Pinning the smaller violation first could be wrong: the larger one moves λ and may dissolve it.
        pinned = (too_low if missing >= surplus else set()) | (too_high if surplus >= missing else set())
        for k in pinned or pool:
            quotas[k] = share[k] if not pinned else Fraction(lower[k] if k in too_low else upper[k])
            left -= prices[k] * quotas[k]
        pool = [k for k in pool if k not in pinned] if pinned else []
    return quotas


def _largest_remainder(
    quotas: Sequence[Fraction], weights: Sequence[Fraction], total: int, prices: Sequence[int]
) -> list[int]:
    ranks = [math.floor(quota) for quota in quotas]
    left = total - sum(rank * price for rank, price in zip(ranks, prices, strict=True))
    claims = sorted(range(len(quotas)), key=lambda k: (ranks[k] - quotas[k], -weights[k], k))
    for k in claims:
        # To serve a cheaper claim behind one that does not fit could give a lower score the higher rank.
        if quotas[k] == ranks[k] or prices[k] > left:
            break
        ranks[k] += 1
        left -= prices[k]
    if not any(ranks):
        raise AllocationError(
            f"A budget of {total} parameters buys no rank: the matrix with the first claim costs {prices[claims[0]]} "
            "per rank. Raise the total or adapt fewer matrices."
        )
    return ranks
