from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

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


@st.composite
def priced(draw: st.DrawFn) -> tuple[list[float], int, list[int], list[int], list[int]]:
    """Scores, a total in parameters that the bounds allow, bounds per matrix, and costs per rank."""
    scores = draw(scores_of_any_scale)
    count = len(scores)
    low = draw(st.lists(st.integers(0, 3), min_size=count, max_size=count))
    high = [least + draw(st.integers(1, 9)) for least in low]
    costs = draw(st.lists(st.integers(1, 50), min_size=count, max_size=count))
    least = max(*costs, sum(a * b for a, b in zip(low, costs, strict=True)))
    most = sum(a * b for a, b in zip(high, costs, strict=True))
    return scores, draw(st.integers(least, max(least, most))), low, high, costs


@given(priced())
def test_parameters_are_never_above_the_budget_and_within_one_rank_of_it(
    case: tuple[list[float], int, list[int], list[int], list[int]],
) -> None:
    scores, total, low, high, costs = case
    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high, costs=costs)
    spent = sum(rank * cost for rank, cost in zip(ranks, costs, strict=True))
    assert total - max(costs) < spent <= total
    assert all(a <= rank <= b for a, rank, b in zip(low, ranks, high, strict=True))


@given(priced(), st.integers(0, 3), st.integers(4, 30))
def test_in_parameters_too_a_higher_score_never_gets_less(
    case: tuple[list[float], int, list[int], list[int], list[int]], low: int, high: int
) -> None:
    scores, total, _, _, costs = case
    total = min(max(total, low * sum(costs), *costs), high * sum(costs))
    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high, costs=costs)
    by_score = sorted(zip(scores, ranks, strict=True))
    for (less, rank_of_less), (more, rank_of_more) in itertools.pairwise(by_score):
        assert rank_of_less <= rank_of_more or less == more


@given(priced(), st.randoms(use_true_random=False))
def test_in_parameters_too_the_order_of_the_matrices_does_not_matter(
    case: tuple[list[float], int, list[int], list[int], list[int]], shuffler: random.Random
) -> None:
    scores, total, low, high, costs = case
    scores = [score * (1 + k / 64) for k, score in enumerate(scores)]  # equal scores may trade places; have none
    if len(set(scores)) < len(scores):
        return
    order = list(range(len(scores)))
    shuffler.shuffle(order)

    def moved(values: list[int]) -> list[int]:
        return [values[k] for k in order]

    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high, costs=costs)
    shuffled = allocate_ranks(
        [scores[k] for k in order], total, min_rank=moved(low), max_rank=moved(high), costs=moved(costs)
    )
    assert shuffled == moved(ranks)


@given(feasible())
def test_a_cost_of_one_is_a_budget_in_ranks(case: tuple[list[float], int, int, int]) -> None:
    scores, total, low, high = case
    ranks = allocate_ranks(scores, total, min_rank=low, max_rank=high)
    assert allocate_ranks(scores, total, min_rank=low, max_rank=high, costs=[1] * len(scores)) == ranks


def test_a_rank_of_a_wider_matrix_is_paid_for() -> None:
    costs = [768 + 768, 768 + 3072]
    assert allocate_ranks([1.0, 1.0], 4 * sum(costs), costs=costs) == [4, 4]
    assert allocate_ranks([2.0, 1.0], 4 * sum(costs), costs=costs) == [6, 3]


def test_a_single_matrix_can_be_held_at_its_rank() -> None:
    assert allocate_ranks([9.0, 1.0, 1.0], 12, min_rank=[0, 2, 0], max_rank=[5, 2, 12]) == [5, 2, 5]


def test_a_budget_that_buys_no_rank_is_refused() -> None:
    with pytest.raises(AllocationError, match=r"budget of 5 parameters buys no rank.*costs 9 per rank"):
        allocate_ranks([1.0, 1.0], 5, costs=[9, 5])


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
        ([1.0, 1.0], 3, {"max_rank": [4]}, "2 scores but `max_rank` has 1 values"),
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


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"total": 8.5}, r"`total` is 8.5"),
        ({"total": 8, "costs": [1.5, 1]}, r"`costs` is 1.5 for matrix 0"),
        ({"total": 8, "min_rank": 0.5}, r"`min_rank` is 0.5"),
        ({"total": "8"}, r"`total` is '8'"),
    ],
)
def test_what_is_no_whole_number_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(AllocationError, match=rf"{words}.*whole number"):
        allocate_ranks([1.0, 2.0], **options)
