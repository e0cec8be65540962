import pytest
from hypothesis import given
from hypothesis import strategies as st

from glora import allocate_ranks
from glora.control import controlled_shares

SHARES = st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=30)


@given(SHARES, st.sampled_from(["none", "shuffled", "reversed"]), st.integers(0, 2**31))
def test_the_same_shares_are_dealt_out_once_each(shares: list[float], control: str, seed: int) -> None:
    assert sorted(controlled_shares(shares, control, seed=seed)) == sorted(shares)


@given(SHARES)
def test_reversed_twice_is_what_it_was_where_all_shares_differ(shares: list[float]) -> None:
    shares = list(dict.fromkeys(shares))
    once = controlled_shares(shares, "reversed", seed=0)
    assert controlled_shares(once, "reversed", seed=0) == shares
    assert [sorted(shares)[::-1].index(share) for share in once] == [sorted(shares).index(share) for share in shares]


@given(SHARES, st.integers(0, 2**31))
def test_equal_shares_give_equal_ranks(shares: list[float], seed: int) -> None:
    equal = controlled_shares(shares, "equal", seed=seed)
    assert set(allocate_ranks(equal, 3 * len(shares))) == {3}


def test_a_draw_repeats_with_its_seed_and_another_seed_draws_another() -> None:
    shares = [float(place) for place in range(20)]
    assert controlled_shares(shares, "shuffled", seed=1) == controlled_shares(shares, "shuffled", seed=1)
    assert controlled_shares(shares, "shuffled", seed=1) != controlled_shares(shares, "shuffled", seed=2)


@pytest.mark.parametrize("shares", [[0.1, 0.9], [0.5, 0.2, 0.3]])
def test_none_leaves_them(shares: list[float]) -> None:
    assert controlled_shares(shares, "none", seed=3) == shares
