"""Timing arms against each other: every round takes one step of each, in a new random order.

A machine's speed drifts by more than what is to be measured, so times are only compared within a round: the ratio of an
arm to the reference is taken in every round, and the median of these is reported.
"""

from __future__ import annotations

import gc
import random
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.arms import Arm


@dataclass(frozen=True)
class Ratios:
    """One arm's steps relative to the reference's.

    Attributes:
        median: Of the ratios.
        quartiles: The first and the third.
        milliseconds: Median of the arm's steps.
        values: The ratios themselves, in the order in which they were taken.
    """

    median: float
    quartiles: tuple[float, float]
    milliseconds: float
    values: list[float]


def time_rounds(arms: Sequence[Arm], rounds: int, *, seed: int, progress: Callable[[int], None]) -> list[list[float]]:
    """Take `rounds` steps of every arm.

    Args:
        arms: The arms.
        rounds: How many.
        seed: Of the order.
        progress: Called with the number of rounds done, after each.

    Returns:
        For every arm the seconds of its steps.
    """
    order = list(range(len(arms)))
    shuffle = random.Random(seed).shuffle  # noqa: S311
    times: list[list[float]] = [[] for _ in arms]
    gc.collect()
    gc.freeze()  # a full collection would fall into some arm's step
    try:
        for done in range(1, rounds + 1):
            shuffle(order)
            for k in order:
                times[k].append(arms[k].step())
            progress(done)
    finally:
        gc.unfreeze()
    return times


def compare(seconds: Sequence[float], reference: Sequence[float], *, period: int = 1) -> Ratios:
    """Divide an arm's times by the reference's, round by round.

    Args:
        seconds: The arm's steps, one per round.
        reference: The reference's.
        period: Sums over so many successive rounds are divided, at every round from which on there are so many.

    Raises:
        ValueError: If there are fewer than `period` + 1 rounds.
    """
    if len(seconds) <= period:
        raise ValueError(f"{len(seconds)} rounds give no quartiles for a period of {period}; take more rounds.")
    values = [
        sum(seconds[first : first + period]) / sum(reference[first : first + period])
        for first in range(len(seconds) - period + 1)
    ]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Ratios(median, (low, high), 1000 * statistics.median(seconds), values)
