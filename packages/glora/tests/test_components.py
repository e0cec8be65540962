from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from glora.components import draw, grow, shrink


def factors(seed: int, rank: int = 5, inputs: int = 12, outputs: int = 9) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rank, inputs, generator=generator), torch.randn(outputs, rank, generator=generator)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.booleans())
def test_svd_is_the_best_approximation_of_the_product(seed: int, rank: int, b_is_drawn: bool) -> None:
    a, b = factors(seed)
    new = shrink(a, b, rank, "svd", b_is_drawn=b_is_drawn)
    values = torch.linalg.svdvals(b @ a)
    # Eckart and Young: the error of the best approximation is the norm of the values left out.
    assert float((b @ a - new.b @ new.a).norm()) == pytest.approx(float(values[rank:].norm()), rel=1e-3, abs=1e-4)
    assert (new.a.shape, new.b.shape) == ((rank, 12), (9, rank))


def test_svd_keeps_the_size_of_the_drawn_factor() -> None:
    a, b = factors(1)
    rows = shrink(a, b * 100, 3, "svd").a.norm(dim=1)
    columns = shrink(a * 100, b, 3, "svd", b_is_drawn=True).b.norm(dim=0)
    torch.testing.assert_close(rows, torch.full((3,), float(a.norm() / 5**0.5)), rtol=1e-4, atol=0)
    torch.testing.assert_close(columns, torch.full((3,), float(b.norm() / 5**0.5)), rtol=1e-4, atol=0)


@pytest.mark.parametrize("b_is_drawn", [False, True])
def test_svd_beyond_the_rank_of_a_full_update_adds_nothing(b_is_drawn: bool) -> None:
    a, b = torch.randn(30, 12), torch.randn(32, 30)
    found = shrink(a, b, 20, "svd", b_is_drawn=b_is_drawn)
    assert (found.a.shape, found.b.shape) == ((20, 12), (32, 20))
    torch.testing.assert_close(found.b @ found.a, b @ a, rtol=1e-4, atol=1e-3)
    assert found.gradient_of_a(torch.randn(30, 12)).shape == (20, 12)
    assert found.gradient_of_b(torch.randn(32, 30)).shape == (32, 20)


def test_svd_of_factors_that_are_zero_stays_finite() -> None:
    found = shrink(torch.zeros(4, 6), torch.zeros(8, 4), 2, "svd")
    assert torch.isfinite(found.a).all()
    assert torch.isfinite(found.b).all()


def test_draws_leave_the_global_generator_alone() -> None:
    state = torch.get_rng_state()
    for kind in (True, "gaussian", "embedding"):
        first, again = (draw(3, 5, "up", kind=kind, spread_rank=4, seed=1) for _ in range(2))
        assert torch.equal(first, again)
    assert torch.equal(torch.get_rng_state(), state)


def test_svd_of_an_untrained_adapter_can_still_learn() -> None:
    a, b = factors(2)
    new = shrink(a, torch.zeros_like(b), 2, "svd")
    assert not new.b.any()
    assert bool((new.a.norm(dim=1) > 0.1).all())


@pytest.mark.parametrize("keep", ["magnitude", "first", "svd"])
@pytest.mark.parametrize("b_is_drawn", [False, True])
def test_gradients_are_those_of_the_new_factors(keep: Any, b_is_drawn: bool) -> None:
    """At the same ∂L/∂Δ = G, ∂L/∂B' must be G A'ᵀ and ∂L/∂A' must be B'ᵀ G."""
    a, b = factors(3)
    gradient = torch.randn(9, 12, generator=torch.Generator().manual_seed(4))
    new = shrink(a, b, 3, keep, b_is_drawn=b_is_drawn)
    torch.testing.assert_close(new.gradient_of_b(gradient @ a.mT), gradient @ new.a.mT, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(new.gradient_of_a(b.mT @ gradient), new.b.mT @ gradient, rtol=1e-3, atol=1e-3)


def test_drawn_components_have_no_gradient_yet() -> None:
    a, b = factors(5)
    new = grow(a, b, draw(2, 12, "m", kind=True, spread_rank=5, seed=0))
    gradient = new.gradient_of_a(torch.ones(5, 12))
    assert bool(gradient[:5].all())
    assert not gradient[5:].any()
    assert not new.gradient_of_b(torch.ones(9, 5))[:, 5:].any()


@pytest.mark.parametrize("b_is_drawn", [False, True])
def test_growing_leaves_the_product_alone(b_is_drawn: bool) -> None:
    a, b = factors(6)
    width = 9 if b_is_drawn else 12
    new = grow(a, b, draw(3, width, "m", kind="gaussian", spread_rank=5, seed=0), b_is_drawn=b_is_drawn)
    assert (new.a.shape, new.b.shape) == ((8, 12), (9, 8))
    torch.testing.assert_close(new.b @ new.a, b @ a)
    drawn, zero = (new.b[:, 5:], new.a[5:]) if b_is_drawn else (new.a[5:], new.b[:, 5:])
    assert bool(drawn.all())
    assert not zero.any()
