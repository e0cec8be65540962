from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from glora.seeding import leading_rows


@given(st.integers(1, 4), st.integers(1, 6), st.integers(8, 20), st.integers(0, 2**31))
def test_new_rows_are_new_orthogonal_and_as_long_as_the_old(rank: int, count: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows, gradient = (torch.randn(rank, width, generator=generator) for _ in range(2))
    found = leading_rows(gradient, rows, count)
    assert found.shape == (min(rank, count), width)
    length = float((rows**2).sum(1).mean().sqrt())
    gram = found @ found.T / length**2
    assert torch.allclose(gram, torch.eye(len(found)), atol=1e-4)
    assert float((found @ rows.T).abs().max()) < 1e-3 * length * float(rows.norm())


def test_the_strongest_direction_comes_first() -> None:
    rows = torch.zeros(2, 6)
    rows[0, 0] = rows[1, 1] = 1.0
    gradient = torch.zeros(2, 6)
    gradient[0, 3], gradient[1, 4], gradient[0, 0] = 0.1, 5.0, 9.0  # the last is there already
    found = leading_rows(gradient, rows, 2)
    assert found.abs().argmax(dim=1).tolist() == [4, 3]


def test_power_iteration_finds_the_leading_right_direction_of_the_gradient() -> None:
    """B that has learned along G Aᵀ makes Bᵀ G point where G is largest, far better than a drawn row does."""
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.linalg.qr(torch.randn(size, 8, generator=generator)).Q for size in (24, 32))
    gradient = left @ torch.diag(torch.tensor([8.0, 2, 1, 1, 1, 1, 1, 1])) @ right.T  # (24, 32)
    a = torch.randn(2, 32, generator=generator)
    b = -gradient @ a.T
    found = leading_rows(b.T @ gradient, a, 1)
    drawn = torch.randn(1, 32, generator=generator)
    assert torch.cosine_similarity(found, right[:, :1].T).abs().item() > 0.8
    assert torch.cosine_similarity(drawn, right[:, :1].T).abs().item() < 0.5


@pytest.mark.parametrize("gradient", [torch.zeros(2, 8), torch.full((2, 8), torch.nan), torch.eye(2, 8)])
def test_nothing_is_made_of_a_gradient_that_shows_nothing_new(gradient: torch.Tensor) -> None:
    assert leading_rows(gradient, 3 * torch.eye(2, 8), 3).shape == (0, 8)
