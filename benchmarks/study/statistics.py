"""Comparisons of two arms, paired over seeds: how large, how sure, and what could have been seen at all."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from scipy import optimize, stats

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIDENCE = 0.95
POWER = 0.8
EXACT = 1e-9  # scores are shares of some thousand rows: what differs by less differs by how it was rounded


@dataclass(frozen=True)
class Difference:
    """What one arm has over another.

    Attributes:
        mean: of the differences.
        low: of its confidence interval (Student's t).
        high: of it.
        p: two-sided, of the paired t-test; of the sign test where all differences are one; 1 where they are 0.
        detectable: the smallest true difference that the test would have found with a power of 0.8, given the spread
            that was seen, see `detectable`.
        count: pairs.
        deviation: of the differences, their standard deviation.
    """

    mean: float
    low: float
    high: float
    p: float
    detectable: float
    count: int
    deviation: float

    @property
    def interval(self) -> str:
        """The confidence interval in words."""
        return f"{self.low:+.2f} to {self.high:+.2f}"

    def p_against(self, size: float) -> float:
        """The p-value, two-sided, of the paired t-test that the true difference is ``size``; see `p` for its limits."""
        return _p(self.mean - size, self.deviation, self.count)

    def negated(self) -> Difference:
        """The same, the other way round."""
        return replace(self, mean=-self.mean, low=-self.high, high=-self.low)


def paired(differences: Sequence[float]) -> Difference:
    """Judge differences of pairs.

    Args:
        differences: at least two, one a seed.

    Raises:
        ValueError: there are fewer.
    """
    count = len(differences)
    if count < 2:
        raise ValueError(f"{count} pairs say nothing of their spread; two or more are needed")
    mean = math.fsum(differences) / count
    mean = 0.0 if abs(mean) < EXACT else mean
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in differences) / (count - 1))
    deviation = 0.0 if deviation < EXACT else deviation
    error = deviation / math.sqrt(count)
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    p = _p(mean, deviation, count)
    return Difference(mean, mean - half, mean + half, p, detectable(deviation, count), count, deviation)


def _p(mean: float, deviation: float, count: int) -> float:
    """Two-sided, of a mean that truly is 0."""
    if deviation:
        return float(2 * stats.t.sf(abs(mean) * math.sqrt(count) / deviation, count - 1))
    # a t-test has nothing to go by where all differences are one; their signs have
    return 2.0 ** (1 - count) if mean else 1.0


def detectable(deviation: float, count: int, *, tests: int = 1) -> float:
    """The difference that a two-sided paired t-test at 0.05 finds with a power of 0.8.

    Args:
        deviation: of the differences.
        count: pairs.
        tests: of one family, in which it is the only difference there is: Holm's method holds its p-value against
            0.05 divided by their number.

    Source: the power of the t-test by the noncentral t distribution (Cohen, "Statistical Power Analysis for the
    Behavioral Sciences", 1988, chapter 2).
    """
    if deviation == 0:
        return 0.0
    critical = stats.t.ppf(1 - (1 - CONFIDENCE) / 2 / tests, count - 1)

    def lacking(size: float) -> float:
        # the chance to find it with the wrong sign is nothing where the power is as large as that
        return float(stats.nct.sf(critical, count - 1, size * math.sqrt(count))) - POWER

    most = 1.0
    while lacking(most) < 0:
        most *= 2
    return float(optimize.brentq(lacking, most / 2 if most > 1 else 1e-3, most)) * deviation


def holm(values: Sequence[float]) -> list[float]:
    """Adjust p-values of one family by Holm's step-down method (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted = [0.0] * len(values)
    highest = 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(values) - place) * values[index]))
        adjusted[index] = highest
    return adjusted
