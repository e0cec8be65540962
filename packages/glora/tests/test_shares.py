import pytest
from hypothesis import given
from hypothesis import strategies as st

from glora import GLoRAConfig
from glora.shares import adjusted_shares

SHARES = st.lists(st.floats(min_value=0.0, max_value=1.0), min_size=1, max_size=30)
FRACTIONS = st.floats(min_value=0.0, max_value=0.99)


@given(SHARES)
def test_by_default_shares_are_what_they_were(shares: list[float]) -> None:
    assert adjusted_shares(shares, [7] * len(shares), GLoRAConfig()) == shares


@given(SHARES, FRACTIONS, FRACTIONS, FRACTIONS, st.data())
def test_shares_stay_shares(shares: list[float], rho: float, uniform: float, drop: float, data: st.DataObject) -> None:
    costs = data.draw(st.lists(st.integers(1, 10_000), min_size=len(shares), max_size=len(shares)))
    config = GLoRAConfig(cost_exponent=rho, uniform_share=uniform, drop_fraction=drop)
    found = adjusted_shares(shares, costs, config)
    assert len(found) == len(shares)
    assert all(share >= 0 for share in found)
    if rho + uniform + drop > 0 and any(found):
        assert sum(found) == pytest.approx(1.0)


@given(SHARES, st.floats(min_value=0.0, max_value=1.0))
def test_moving_towards_equal_shares_keeps_the_order_and_narrows_the_range(shares: list[float], uniform: float) -> None:
    found = adjusted_shares(shares, [1] * len(shares), GLoRAConfig(uniform_share=uniform))
    total = sum(shares) or 1.0
    assert max(found) - min(found) <= (max(shares) - min(shares)) / total + 1e-9 or uniform == 0
    for one, other in zip(range(len(shares)), range(1, len(shares)), strict=False):
        assert (shares[one] - shares[other]) * (found[one] - found[other]) >= -1e-12


def test_the_smallest_of_numbers_and_none_at_all_are_shares_too() -> None:
    config = GLoRAConfig(cost_exponent=1.0, uniform_share=0.5)
    assert adjusted_shares([5e-324, 5e-324], [900, 900], config) == [0.5, 0.5]
    assert adjusted_shares([0.0, 0.0], [900, 900], config) == [0.0, 0.0]


def test_all_of_uniform_share_is_what_lora_does() -> None:
    assert adjusted_shares([0.7, 0.2, 0.1], [1, 1, 1], GLoRAConfig(uniform_share=1.0)) == pytest.approx([1 / 3] * 3)


def test_a_dearer_matrix_needs_a_larger_share_for_the_same_rank() -> None:
    found = adjusted_shares([0.4, 0.4, 0.2], [1920, 768, 768], GLoRAConfig(cost_exponent=1.0))
    assert found[1] / found[0] == pytest.approx(1920 / 768)
    assert found[1] / found[2] == pytest.approx(2)


def test_the_weakest_are_dropped_and_the_others_keep_their_proportions() -> None:
    found = adjusted_shares([0.1, 0.4, 0.2, 0.3], [1] * 4, GLoRAConfig(drop_fraction=0.5))
    assert found == pytest.approx([0.0, 4 / 7, 0.0, 3 / 7])


def test_of_equals_the_later_one_is_dropped() -> None:
    assert adjusted_shares([0.25] * 4, [1] * 4, GLoRAConfig(drop_fraction=0.3))[-1] == 0.0
