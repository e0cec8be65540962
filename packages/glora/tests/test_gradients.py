from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
import torch
from torch import nn

from glora.gradients import ConvolutionGradient, LinearGradient, LookupGradient

if TYPE_CHECKING:
    from torch import Tensor

# A matrix (12, 6), whose sum is smaller than the pairs from 12 · 6 / (12 + 6) = 4 positions on.
OUT, IN, CROSSOVER = 12, 6, 4


def calls_of(*counts: int, seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(n, IN, generator=generator), torch.randn(n, OUT, generator=generator)) for n in counts]


def dense(calls: list[tuple[Tensor, Tensor]]) -> Tensor:
    return sum((torch.einsum("no,ni->oi", d.double(), x.double()) for x, d in calls), torch.zeros(OUT, IN)).float()


@pytest.mark.parametrize("counts", [(1,), (3,), (4,), (9,), (1, 1, 1), (1, 2, 1, 1), (3, 40), (40, 3), (2, 0, 2)])
def test_the_norm_is_that_of_the_summed_gradient_on_both_sides_of_the_crossover(counts: tuple[int, ...]) -> None:
    calls = calls_of(*counts)
    gradient = LinearGradient(OUT, IN)
    for x, d in calls:
        gradient.add(x, d)
    expected = dense(calls)
    torch.testing.assert_close(gradient.norm(), expected.norm(), rtol=1e-5, atol=0)
    torch.testing.assert_close(gradient.total(torch.empty(0)), expected, rtol=1e-4, atol=1e-5)
    # Not the norm of any combination of the parts' norms.
    if len([n for n in counts if n]) > 1:
        parts = torch.stack([dense([call]).norm() for call in calls])
        assert not math.isclose(float(gradient.norm()), float(parts.norm()), rel_tol=1e-3)


def test_it_keeps_the_smaller_of_the_pairs_and_the_sum() -> None:
    gradient = LinearGradient(OUT, IN)
    for n, (x, d) in enumerate(calls_of(*[1] * 6), start=1):
        gradient.add(x, d)
        assert gradient.size == min(n * (IN + OUT), IN * OUT)
    gradient.clear()
    assert gradient.size == 0
    assert gradient.norm() is None
    assert not gradient.reached


def test_what_it_keeps_is_a_copy_of_buffers_that_the_next_step_overwrites() -> None:
    (call,) = calls_of(2)
    gradient = LinearGradient(OUT, IN)
    gradient.add(*call)
    expected = dense([call]).norm()
    for tensor in call:
        tensor.zero_()
    torch.testing.assert_close(gradient.norm(), expected)


@pytest.mark.parametrize("count", [2, 30])
def test_leading_dimensions_are_positions(count: int) -> None:
    x, d = calls_of(count)[0]
    flat, deep = LinearGradient(OUT, IN), LinearGradient(OUT, IN)
    flat.add(x, d)
    deep.add(x.reshape(2, 1, -1, IN), d.reshape(2, 1, -1, OUT))
    assert torch.equal(flat.norm(), deep.norm())
    alone = LinearGradient(OUT, IN)
    alone.add(x[0], d[0])  # no leading dimension at all
    torch.testing.assert_close(alone.norm(), x[0].norm() * d[0].norm())


@pytest.mark.parametrize("count", [2, 30])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("where", ["x", "d"])
def test_what_is_not_finite_gives_no_finite_norm(count: int, bad: float, where: str) -> None:
    x, d = calls_of(count)[0]
    (x if where == "x" else d)[0, 1] = bad
    gradient = LinearGradient(OUT, IN)
    gradient.add(x, d)
    assert not gradient.norm().isfinite()


@pytest.mark.parametrize("count", [2, 30])
def test_a_gradient_that_cancels_is_not_below_zero(count: int) -> None:
    gradient = LinearGradient(OUT, IN)
    x, d = calls_of(count)[0]
    gradient.add(x, d)
    gradient.add(x, -d)
    assert 0 <= float(gradient.norm()) < 1e-2


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1e-2), (torch.float16, 2e-3)])
@pytest.mark.parametrize("count", [2, 300])
def test_low_precision_is_summed_in_float32(dtype: torch.dtype, tolerance: float, count: int) -> None:
    calls = [(x.to(dtype), d.to(dtype)) for x, d in calls_of(*[count] * 5)]
    gradient = LinearGradient(OUT, IN)
    for x, d in calls:
        gradient.add(x, d)
    assert gradient.total(torch.empty(0)).dtype == torch.float32
    torch.testing.assert_close(gradient.norm(), dense(calls).norm(), rtol=tolerance, atol=0)


def test_half_precision_does_not_overflow_at_a_usual_loss_scale() -> None:
    x, d = calls_of(200)[0]
    gradient = LinearGradient(OUT, IN)
    gradient.add(x.half(), (d * 2**13).half())  # D is in range, G is not
    torch.testing.assert_close(gradient.norm(), dense([(x, d)]).norm() * 2**13, rtol=2e-3, atol=0)


def test_float64_stays_float64() -> None:
    x, d = calls_of(2)[0]
    gradient = LinearGradient(OUT, IN)
    gradient.add(x.double(), d.double())
    assert gradient.norm().dtype == torch.float64


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize(
    "options", [{}, {"stride": 2, "padding": 1}, {"padding": "same"}, {"padding": "valid"}, {"dilation": 2}]
)
@pytest.mark.parametrize("batched", [True, False])
def test_a_convolutions_gradient_is_that_of_its_kernel(
    dimensions: int, options: dict[str, object], batched: bool
) -> None:
    kernel = (2, 3, 2)[:dimensions]  # an even size pads the two sides of "same" differently
    convolution = getattr(nn, f"Conv{dimensions}d")(3, 5, kernel, bias=False, **options)
    inputs = torch.randn(2, 3, *(7, 6, 5)[:dimensions])
    gradient = ConvolutionGradient(5, convolution)
    for x in (inputs, inputs[:1]) if batched else (inputs[0],):
        output = convolution(x)
        d = torch.randn_like(output)
        output.backward(d)
        gradient.add(x, d)
    torch.testing.assert_close(gradient.total(x), convolution.weight.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(gradient.norm(), convolution.weight.grad.norm())


@pytest.mark.parametrize("padding_idx", [None, 0, 3])
@pytest.mark.parametrize("counts", [(5,), (5, 6), (100,), (5, 100), (0, 4)])
def test_a_lookups_gradient_sums_the_positions_of_each_row(counts: tuple[int, ...], padding_idx: int | None) -> None:
    table = nn.Embedding(16, 6, padding_idx=padding_idx)
    gradient = LookupGradient(16, 6, padding_idx)
    for count in counts:
        numbers = torch.randint(0, 5, (1, count))  # rows meet
        output = table(numbers)
        d = torch.randn_like(output)
        output.backward(d)
        gradient.add(numbers, d)
    torch.testing.assert_close(gradient.norm(), table.weight.grad.norm())
    torch.testing.assert_close(gradient.total(d), table.weight.grad)
