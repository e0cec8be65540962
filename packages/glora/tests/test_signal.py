from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from glora.signal import Factors, gradient_norms


def draw_factors(width: int, *, rank: int = 8, out: int = 64, scaling: float = 2.0, seed: int = 0) -> Factors:
    """Draw one adapter as PEFT does, with the gradient that a G of Frobenius norm 1 gives lora_B."""
    generator = torch.Generator().manual_seed(seed)
    gradient = torch.randn(out, width, generator=generator)  # G, (out, in)
    gradient /= gradient.norm()
    a = nn.init.kaiming_uniform_(torch.empty(rank, width), a=math.sqrt(5), generator=generator)
    b = nn.Parameter(torch.zeros(out, rank))
    b.grad = scaling * gradient @ a.T
    return Factors(nn.Parameter(a), b, scaling)


def mean_square(width: int, signal: str, *, draws: int = 40) -> float:
    adapters = [draw_factors(width, seed=seed) for seed in range(draws)]
    return float(gradient_norms(adapters, signal).square().mean())


def test_delta_is_unbiased_for_every_width_and_lora_b_is_not() -> None:
    # ‖G‖_F = 1 in both widths. The standard error of the mean of 40 draws is below 2 %.
    narrow, wide = mean_square(768, "delta"), mean_square(3072, "delta")
    assert narrow == pytest.approx(1.0, abs=0.06)
    assert wide == pytest.approx(1.0, abs=0.06)
    # E‖∂L/∂B‖² = s² r / (3 in): four times the width reads a quarter.
    assert mean_square(768, "lora_B") == pytest.approx(4 * 8 / (3 * 768), rel=0.06)
    assert mean_square(768, "lora_B") / mean_square(3072, "lora_B") == pytest.approx(4.0, rel=0.1)


@pytest.mark.parametrize("change", ["scaling", "size of A", "basis of A"])
def test_delta_does_not_depend_on_the_parameterisation(change: str) -> None:
    a, b, scaling, _ = draw_factors(96, rank=6)
    expected = gradient_norms([Factors(a, b, scaling)], "delta")
    if change == "scaling":
        other = Factors(a, with_grad(b, b.grad * 3), scaling * 3)
    elif change == "size of A":
        other = Factors(nn.Parameter(5 * a.detach()), with_grad(b, b.grad * 5), scaling)
    else:
        # The same row space in another basis, of a moderate condition.
        rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(3))).Q
        mixing = torch.linspace(0.3, 3.0, 6).diag() @ rotation
        other = Factors(nn.Parameter(mixing @ a.detach()), with_grad(b, b.grad @ mixing.T), scaling)
    torch.testing.assert_close(gradient_norms([other], "delta"), expected, rtol=1e-3, atol=0)


def with_grad(like: nn.Parameter, grad: torch.Tensor) -> nn.Parameter:
    parameter = nn.Parameter(torch.zeros_like(like))
    parameter.grad = grad
    return parameter


@pytest.mark.parametrize(("rank", "inputs"), [(16, 12), (12, 12), (64, 27), (3, 30)])
def test_delta_is_unbiased_where_there_are_more_rows_than_inputs(rank: int, inputs: int) -> None:
    generator = torch.Generator().manual_seed(1)
    squares = []
    for _ in range(400):
        drawn = torch.nn.Parameter(torch.randn(rank, inputs, generator=generator))
        zeroed = torch.nn.Parameter(torch.zeros(20, rank))
        gradient = torch.randn(20, inputs, generator=generator)
        zeroed.grad = gradient @ drawn.detach().mT
        squares.append(float(gradient_norms([Factors(drawn, zeroed, 1.0)], "delta")[0] / gradient.norm()) ** 2)
    assert sum(squares) / len(squares) == pytest.approx(1, abs=0.06)


def test_delta_is_the_norm_of_the_gradient_projected_on_the_rows_of_a() -> None:
    a, b, scaling, _ = draw_factors(48, rank=4, out=20)
    gradient = torch.randn(20, 48)
    b.grad = scaling * gradient @ a.detach().T
    projector = torch.linalg.pinv(a.detach()) @ a.detach()
    expected = math.sqrt(48 / 4) * (gradient @ projector).norm()
    torch.testing.assert_close(gradient_norms([Factors(a, b, scaling)], "delta")[0], expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("signal", ["delta", "lora_B"])
def test_matrices_of_several_shapes_keep_their_order(signal: str) -> None:
    adapters = [draw_factors(width, seed=k) for k, width in enumerate([32, 96, 32, 64, 96])]
    together = gradient_norms(adapters, signal)
    alone = torch.cat([gradient_norms([factors], signal) for factors in adapters])
    torch.testing.assert_close(together, alone)
    assert together.shape == (5,)


def test_low_precision_gradients_are_measured_in_float32() -> None:
    a, b, scaling, _ = draw_factors(256)
    expected = gradient_norms([Factors(a, b, scaling)], "lora_B")
    low = nn.Parameter(b.detach().bfloat16())
    low.grad = b.grad.bfloat16()
    for signal in ("lora_B", "delta"):
        measured = gradient_norms([Factors(nn.Parameter(a.detach().bfloat16()), low, scaling)], signal)
        assert measured.dtype == torch.float32
    torch.testing.assert_close(gradient_norms([Factors(a, low, scaling)], "lora_B"), expected, rtol=2e-3, atol=0)


@pytest.mark.parametrize("signal", ["delta", "lora_B"])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_gives_no_finite_norm(signal: str, bad: float) -> None:
    good, broken = draw_factors(32), draw_factors(32, seed=1)
    broken.zeroed.grad[0, 0] = bad
    norms = gradient_norms([good, broken], signal)
    assert norms.isfinite().tolist() == [True, False]


def test_rows_of_a_that_coincide_give_the_norm_on_what_they_span() -> None:
    a, b, scaling, _ = draw_factors(64, rank=2, out=16)
    single = gradient_norms(
        [Factors(nn.Parameter(a.detach()[:1]), with_grad(b[:, :1], b.grad[:, :1]), scaling)], "delta"
    )
    twice = nn.Parameter(a.detach()[[0, 0]])
    doubled = gradient_norms([Factors(twice, with_grad(b, b.grad[:, [0, 0]]), scaling)], "delta")
    # √(in/r) counts two rows although they span one dimension.
    torch.testing.assert_close(doubled * math.sqrt(2), single, rtol=1e-2, atol=0)
