from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glora import AllocationError, allocate_ranks

if TYPE_CHECKING:
    import random

scores_of_any_scale = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-300, 1e300), st.floats(0.1, 10.0)), min_size=1, max_size=40
).filter(any)


@st.composite
def feasible(draw: st.DrawFn) -> tuple[list[float], int, int, int]:
    scores = draw(scores_of_any_scale)
    low = draw(st.integers(0, 4))
    high = draw(st.integers(max(1, low), 40))
    total = draw(st.integers(max(1, low * len(scores)), high * len(scores)))
    return scores, total, low, high


@given(feasible())
def test_the_sum_is_exact_and_the_bounds_hold(case: tuple[list[float], int, int, int]) -> None:
    scores, total, low, high = case
    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high)
    assert sum(ranks) == total
    assert all(low <= rank <= high for rank in ranks)


@given(feasible())
def test_a_higher_score_never_gets_less(case: tuple[list[float], int, int, int]) -> None:
    scores, total, low, high = case
    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high)
    by_score = sorted(zip(scores, ranks, strict=True))
    for (less, rank_of_less), (more, rank_of_more) in itertools.pairwise(by_score):
        assert rank_of_less <= rank_of_more or less == more


@given(feasible(), st.randoms(use_true_random=False))
def test_the_order_of_the_matrices_does_not_matter(
    case: tuple[list[float], int, int, int], shuffler: random.Random
) -> None:
    scores, total, low, high = case
    order = list(range(len(scores)))
    shuffler.shuffle(order)
    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high)
    moved = allocate_ranks([scores[k] for k in order], total, min_rank=low, max_rank=high)
    # Equal scores may trade places, and nothing else may.
    assert sorted(zip(scores, ranks, strict=True)) == sorted(zip((scores[k] for k in order), moved, strict=True))


@given(feasible(), st.integers(-40, 40))
def test_the_unit_of_the_scores_does_not_matter(case: tuple[list[float], int, int, int], exponent: int) -> None:
    scores, total, low, high = case
    scaled = [score * 2.0**exponent for score in scores]
    if all((a > 0) == (b > 0) and b < 1e307 and (a == 0 or b > 1e-307) for a, b in zip(scores, scaled, strict=True)):
        expected = allocate_ranks(scores, total, min_rank=low, max_rank=high)
        assert allocate_ranks(scaled, total, min_rank=low, max_rank=high) == expected


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=30), st.integers(1, 500))
def test_without_bounds_every_rank_is_the_share_of_the_whole_rounded_up_or_down(
    scores: list[float], total: int
) -> None:
    for rank, score in zip(allocate_ranks(scores, total), scores, strict=True):
        assert abs(rank - total * score / sum(scores)) < 1 + 1e-9


@given(
    st.lists(st.tuples(st.floats(0.0, 10.0), st.integers(0, 12)), min_size=1, max_size=20).filter(
        lambda pairs: any(score for score, _ in pairs) and any(limit for _, limit in pairs)
    ),
    st.data(),
)
def test_bounds_of_single_matrices_hold(pairs: list[tuple[float, int]], data: st.DataObject) -> None:
    scores, limits = [score for score, _ in pairs], [limit for _, limit in pairs]
    total = data.draw(st.integers(1, sum(limits)))
    ranks = allocate_ranks(scores, total, max_rank=limits)
    assert sum(ranks) == total
    assert all(rank <= limit for rank, limit in zip(ranks, limits, strict=True))


def test_a_matrix_pinned_at_a_bound_leaves_its_surplus_to_the_others_in_proportion() -> None:
    # The share of the first would be 80; 60 of it goes to the others as 2 : 1.
    assert allocate_ranks([80.0, 10.0, 5.0, 5.0], 100, max_rank=60) == [60, 20, 10, 10]
    # Reserving one rank each first would give [7, 2, 1].
    assert allocate_ranks([8.0, 1.0, 0.1], 10, min_rank=1) == [8, 1, 1]


def test_the_larger_violation_is_pinned_first() -> None:
    # The first alone takes the whole budget, which leaves the others under min_rank until it is capped.
    assert allocate_ranks([1000.0, 3.0, 2.0, 1.0], 14, min_rank=1, max_rank=8) == [8, 3, 2, 1]


def test_scores_of_zero_share_what_capped_matrices_leave() -> None:
    assert allocate_ranks([5.0, 0.0, 0.0], 10, max_rank=4) == [4, 3, 3]


def test_equal_remainders_go_to_the_higher_score_and_then_to_the_lower_index() -> None:
    assert allocate_ranks([1.5, 2.5], 4) == [1, 3]
    assert allocate_ranks([1.0, 1.0, 1.0], 4) == [2, 1, 1]


@pytest.mark.parametrize(
    ("scores", "total", "options", "text"),
    [
        ([1.0, float("nan")], 4, {}, "score of matrix 1 is nan"),
        ([float("inf"), 1.0], 4, {"names": ["q", "v"]}, "score of `q` is inf"),
        ([1.0, -2.0], 4, {}, "matrix 1 is -2.0"),
        ([0.0, 0.0], 4, {"names": ["q", "v"]}, "All 2 scores are zero, from `q` to `v`"),
        ([], 4, {}, "no scores"),
        ([1.0], 0, {}, "total rank of 0 cannot be shared"),
        ([1.0, 1.0], 3, {"min_rank": 2}, "must be between 4 and"),
        ([1.0, 1.0], 9, {"max_rank": 4}, "must be between 1 and 8"),
        ([1.0, 1.0], 3, {"max_rank": [4]}, "2 scores but 1 upper bounds"),
        ([1.0, 1.0], 3, {"max_rank": [4, 0], "min_rank": 1}, "matrix 1 may have a rank of at most 0"),
        ([1.0, 1.0], 3, {"names": ["q"]}, "2 scores but 1 names"),
        ([1.0, 1.0], 3, {"min_rank": -1}, "`min_rank` is -1"),
    ],
)
def test_what_cannot_be_shared_is_refused(
    scores: list[float], total: int, options: dict[str, object], text: str
) -> None:
    with pytest.raises(AllocationError, match=text):
        allocate_ranks(scores, total, **options)
