from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windtunnel.errors import UsageError
from windtunnel.reader.limits import LimitReachedError, Purse


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=20), st.integers(1, 30_000))
def test_what_is_taken_never_goes_beyond_a_limit_that_was_checked(taken: list[tuple[int, int]], most: int) -> None:
    purse = Purse(most, most_cost=0.05, price=(2.0, 8.0))
    for prompt, completion in taken:
        try:
            purse.check(prompt, completion)
        except LimitReachedError:
            continue
        purse.take(prompt, completion)
    assert purse.tokens <= most
    assert purse.cost is not None
    assert purse.cost <= 0.05 + 1e-9


def test_a_cost_is_limited_only_where_the_price_is_known() -> None:
    with pytest.raises(UsageError, match="--price"):
        Purse.of("my-model", most_tokens=10, most_cost=1.0, price=None)
    assert Purse.of("my-model", most_tokens=10, most_cost=None, price=None).cost is None
    assert Purse.of("o3", most_tokens=10, most_cost=1.0, price=None).cost == 0.0
