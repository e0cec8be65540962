"""The dense gradient of a matrix from what its layer saw, summed over calls: its Frobenius norm, at the least memory.

A layer that turns inputs X into outputs with the incoming gradients D has G = ∂L/∂W = Σ D ⊗ X over its positions
(tokens, pixels). Norms of parts do not add up to the norm of the sum, so either the parts are kept until the norm is
asked for, or their sum is, whichever is smaller:

* the pairs (X, D), N · (in + out) numbers for N positions; ‖G‖² = Σ (X Xᵀ) ∘ (D Dᵀ), which costs N² (in + out);
* G, in · out numbers, which costs N · in · out.

Both turn at N = in · out / (in + out): 384 positions for a 768 × 768 matrix. Source of the first form: Goodfellow,
"Efficient Per-Example Gradient Computations", arXiv:1510.01799.

Pure tensors. What is kept is float32 (float64 for a float64 model). The product D ⊗ X itself is taken in bfloat16 where
D has that type, as the layer's own products are; float16 is not enough for it, because G is larger than the gradients
by which a loss scale is chosen.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.grad import conv1d_weight, conv2d_weight, conv3d_weight

if TYPE_CHECKING:
    from torch import Tensor

_CONVOLUTIONS: dict[int, Any] = {1: conv1d_weight, 2: conv2d_weight, 3: conv3d_weight}


class DenseGradient(ABC):
    """G of one matrix, summed over calls of its layer.

    Args:
        limit: From how many positions on the sum is smaller than the pairs.
        shape: Of G as `total` returns it.
    """

    def __init__(self, limit: float, shape: tuple[int, ...]) -> None:
        self._limit = limit
        self._shape = shape
        self.clear()

    def clear(self) -> None:
        """Forget what was added."""
        self._pairs: list[tuple[Tensor, Tensor]] = []
        self._sum: Tensor | None = None
        self._positions = 0

    @property
    def reached(self) -> bool:
        """Whether anything was added."""
        return self._sum is not None or bool(self._pairs)

    @property
    def size(self) -> int:
        """How many numbers are kept at present."""
        kept = [tensor for pair in self._pairs for tensor in pair] if self._sum is None else [self._sum]
        return sum(tensor.numel() for tensor in kept)

    def add(self, x: Tensor, d: Tensor) -> None:
        """Add one call of the layer.

        Args:
            x: What it was given.
            d: The gradient at its output, at the same positions.
        """
        x, d = self._rows(x, d)
        if self._sum is None and self._positions + len(x) < self._limit:
            # Copies: buffers of a compiled or a captured step are written again by the next one.
            self._pairs.append((x.to(_kept_type(x), copy=True), d.to(_kept_type(d), copy=True)))
            self._positions += len(x)
            return
        if self._pairs:
            self._sum, self._pairs = self._joined_product(), []
        product = self._product(x, d)
        self._sum = product.to(_kept_type(product)) if self._sum is None else self._sum.add_(product)

    def total(self, like: Tensor) -> Tensor:
        """Return G, of zeros on the device of `like` if nothing was added."""
        if self._sum is not None:
            return self._sum
        return self._joined_product() if self._pairs else like.new_zeros(self._shape, dtype=_kept_type(like))

    def norm(self) -> Tensor | None:
        """Return ‖G‖_F, a scalar; ``None`` if nothing was added."""
        if self._sum is not None:
            return frobenius(self._sum)
        return self._norm_of_pairs(*self._joined()) if self._pairs else None

    def _joined(self) -> tuple[Tensor, Tensor]:
        xs, ds = zip(*self._pairs, strict=True)
        return torch.cat(xs), torch.cat(ds)

    def _joined_product(self) -> Tensor:
        return self._product(*self._joined())

    @abstractmethod
    def _rows(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        """Bring one call to one position per row."""

    @abstractmethod
    def _product(self, x: Tensor, d: Tensor) -> Tensor:
        """Return G of these positions."""

    @abstractmethod
    def _norm_of_pairs(self, x: Tensor, d: Tensor) -> Tensor:
        """Return ‖G‖_F of these positions without G."""


class LinearGradient(DenseGradient):
    """Of a matrix (out, in) that is multiplied: X (…, in), D (…, out), G (out, in)."""

    def __init__(self, outputs: int, inputs: int) -> None:
        super().__init__(outputs * inputs / (outputs + inputs), (outputs, inputs))

    def _rows(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        return x.reshape(-1, self._shape[1]), d.reshape(-1, self._shape[0])

    def _product(self, x: Tensor, d: Tensor) -> Tensor:
        dtype = _product_type(x, d)
        return d.to(dtype).mT @ x.to(dtype)

    def _norm_of_pairs(self, x: Tensor, d: Tensor) -> Tensor:
        # Rounding can leave a sum of zero below zero; NaN passes through clamp.
        return ((x @ x.mT) * (d @ d.mT)).sum().clamp(min=0).sqrt()


class ConvolutionGradient(DenseGradient):
    """Of a kernel (out, in, *kernel): X (batch, in, *positions), D (batch, out, *positions); always the sum.

    Args:
        outputs: Channels of D.
        convolution: The convolution that reads X, without groups; its own output channels do not matter.
    """

    def __init__(self, outputs: int, convolution: Any) -> None:
        super().__init__(0, (outputs, *convolution.weight.shape[1:]))
        self._convolution = convolution

    def _rows(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        without_batch = x.dim() < len(self._shape)
        return (x.unsqueeze(0), d.unsqueeze(0)) if without_batch else (x, d)

    def _product(self, x: Tensor, d: Tensor) -> Tensor:
        module = self._convolution
        dtype = _product_type(x, d)
        x, d, padding = x.to(dtype), d.to(dtype), module.padding
        if isinstance(padding, str):  # "same" may pad the two sides differently
            x, padding = nn.functional.pad(x, module._reversed_padding_repeated_twice), 0
        weight_gradient = _CONVOLUTIONS[len(self._shape) - 2]
        product: Tensor = weight_gradient(x, self._shape, d, module.stride, padding, module.dilation)
        return product

    def _norm_of_pairs(self, x: Tensor, d: Tensor) -> Tensor:
        return frobenius(self._product(x, d))


class LookupGradient(DenseGradient):
    """Of a table: X (…) row numbers, D (…, width), G (rows, width).

    Args:
        rows: Height of the table.
        width: Its width.
        padding_idx: The row that is not trained.
    """

    def __init__(self, rows: int, width: int, padding_idx: int | None) -> None:
        super().__init__(rows, (rows, width))
        self._padding_idx = padding_idx

    def _rows(self, x: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        x, d = x.reshape(-1), d.reshape(-1, self._shape[1])
        return x, d if self._padding_idx is None else d * (x != self._padding_idx).unsqueeze(1)

    def _product(self, x: Tensor, d: Tensor) -> Tensor:
        d = d.to(_kept_type(d))
        return d.new_zeros(self._shape).index_add_(0, x, d)

    def _norm_of_pairs(self, x: Tensor, d: Tensor) -> Tensor:
        """Sum the rows of D that meet in one row of the table, which takes a sort instead of the table."""
        numbers, order = x.sort()
        changes = numbers[1:] != numbers[:-1]
        places = nn.functional.pad(changes.cumsum(0), (1, 0))  # (positions,) 0, 0, 1, 2, 2, …: one per row
        return frobenius(torch.zeros_like(d).index_add_(0, places, d[order]))


def frobenius(gradient: Tensor) -> Tensor:
    """Return the root of the sum of squares, a scalar."""
    norm: Tensor = torch.linalg.vector_norm(gradient)
    return norm


def _kept_type(tensor: Tensor) -> torch.dtype:
    return torch.promote_types(tensor.dtype, torch.float32) if tensor.is_floating_point() else tensor.dtype


def _product_type(x: Tensor, d: Tensor) -> torch.dtype:
    if d.dtype == torch.bfloat16:
        return d.dtype
    return torch.promote_types(torch.promote_types(x.dtype, d.dtype), torch.float32)
