"""The study's statistics against scipy's own, and against simulation where it has none."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from benchmarks.study.statistics import detectable, holm, paired
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

NUMBERS = st.lists(st.floats(-10, 10).map(lambda value: round(value, 3)), min_size=2, max_size=12)


@given(NUMBERS)
def test_a_difference_is_judged_as_scipy_does(values: list[float]) -> None:
    found = paired(values)
    assert found.low <= found.mean <= found.high
    if len(set(values)) > 1:
        test = stats.ttest_1samp(values, 0.0)
        low, high = test.confidence_interval(0.95)
        assert math.isclose(found.p, test.pvalue, rel_tol=1e-6, abs_tol=1e-9)
        assert math.isclose(found.low, low, rel_tol=1e-6, abs_tol=1e-6)
        assert math.isclose(found.high, high, rel_tol=1e-6, abs_tol=1e-6)


def test_equal_pairs_are_no_difference_and_a_constant_one_is_as_sure_as_its_signs() -> None:
    assert paired([0.0, 0.0, 0.0]).p == 1.0
    assert paired([0.5, 0.5]).p == 0.5
    assert paired([-0.5] * 5).p == 0.0625


def test_differences_that_are_one_but_for_how_they_were_rounded_are_one() -> None:
    scores = [0.45871559633026493, 0.45871559633027914, 0.45871559633027914]  # four rows of 872 each
    assert paired(scores).p == 0.25
    assert paired(scores).deviation == 0


def test_one_pair_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        paired([0.1])


@pytest.mark.parametrize("count", [3, 5, 10])
def test_the_detectable_difference_is_found_four_times_in_five(count: int) -> None:
    size = detectable(2.0, count)
    draws = np.random.default_rng(0).normal(size, 2.0, (20_000, count))
    found = (stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05).mean()
    assert abs(found - 0.8) < 0.015


def test_in_a_family_the_detectable_difference_is_one_that_holm_lets_stand() -> None:
    size, tests = detectable(1.0, 5, tests=6), 6
    draws = np.random.default_rng(0).normal(size, 1.0, (20_000, 5))
    found = (stats.ttest_1samp(draws, 0.0, axis=1).pvalue < 0.05 / tests).mean()
    assert abs(found - 0.8) < 0.015
    assert size > detectable(1.0, 5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_keeps_the_order_and_never_makes_a_value_smaller(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(one >= before for one, before in zip(adjusted, values, strict=True))
    pairs = sorted(zip(values, adjusted, strict=True))
    assert all(one[1] <= other[1] for one, other in itertools.pairwise(pairs))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
