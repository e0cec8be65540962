"""The size of the loss gradient with respect to each adapter's weight update, read from one factor's gradient.

For one adapted matrix with frozen weight W (out, in), PEFT's LoRA computes y = x Wᵀ + s · x Aᵀ Bᵀ with A (r,
in), B (out, r) and the scaling s, that is Δ = B A. With G = ∂L/∂W (out, in) the chain rule gives ∂L/∂B = s ·
G Aᵀ, from which two estimates of ‖∂L/∂Δ‖_F = ‖G‖_F follow (step 2 of the method):

* ``lora_B``: ‖∂L/∂B‖_F. With PEFT's default initialisation its expected square is s² r / (3 in) · ‖G‖_F²: of
  two matrices with the same ‖G‖_F, the one with four times the inputs reads half.
* ``delta``: √(in/r) · ‖∂L/∂B (A Aᵀ)^(-1/2)‖_F / s = √(in/r) · ‖G P‖_F, where P projects on the row space of
  A. For isotropic A the expected square is ‖G‖_F², whatever the width, the rank, the scaling and the size of
  A. Its relative variance is at most 2/r, and the moving average does not reduce it, as A hardly moves. With more
  rows than inputs P leaves G as it is, and `in` takes the place of r.

An Embedding's factors have their roles reversed: A starts at zero and B is drawn, so that ∂L/∂A = s Bᵀ G is read, in
the space that B's columns span, with the embedding's width in place of `in`. The names of the signals stay.

Nothing here reads a value back from the device. The third signal, ``exact``, is in `glora.exact`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor
    from torch.nn import Parameter

    from glora.layers import Matrix

# Relative to the mean eigenvalue of A Aᵀ: keeps its Cholesky factor defined in float32 when rows of A coincide, and
# hardly moves the estimate when they do not. Chosen by us.
RIDGE = 1e-6


class Factors(NamedTuple):
    """The two factors of one adapter, by their role: one is drawn at the start, the other is zero."""

    drawn: Parameter  # A (r, in, *kernel); of an Embedding, B (width, r)
    zeroed: Parameter  # B (out, r, *ones), whose gradient is read; of an Embedding, A (r, vocabulary)
    scaling: float
    reversed: bool = False  # whether the rank is the last dimension of `drawn` and the first of `zeroed`

    @classmethod
    def of(cls, matrix: Matrix) -> Factors:
        """Take the factors of an adapted matrix."""
        drawn, zeroed = (matrix.b, matrix.a) if matrix.reversed else (matrix.a, matrix.b)
        return cls(drawn, zeroed, matrix.scaling, matrix.reversed)


def gradient_norms(adapters: Sequence[Factors], signal: Literal["delta", "lora_B"]) -> Tensor:
    """Estimate ‖∂L/∂Δ_k‖_F of every adapter.

    Args:
        adapters: Adapters whose ``zeroed.grad`` is set.
        signal: ``"delta"`` or ``"lora_B"``.

    Returns:
        (len(adapters),) float32 on the device of the first adapter, in units of loss per unit of weight; not
        finite where the gradient or the drawn factor is not.
    """
    device = adapters[0].zeroed.device
    if signal == "lora_B":
        grads = [factors.zeroed.grad for factors in adapters if factors.zeroed.grad is not None]
        norms = torch._foreach_norm(grads, 2, dtype=torch.float32)  # one call for all adapters
        return torch.stack([norm.to(device) for norm in norms])
    # Matrices of one shape are stacked: a model has few shapes and many matrices.
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for position, (drawn, zeroed, scaling, is_reversed) in enumerate(adapters):
        key = (drawn.shape, zeroed.shape, scaling, is_reversed, drawn.device, drawn.dtype, zeroed.dtype)
        groups[key].append(position)
    estimates: dict[int, Tensor] = {}
    for positions in groups.values():
        of_one_shape = _delta_norms([adapters[position] for position in positions])
        estimates.update(zip(positions, of_one_shape.to(device).unbind(), strict=True))
    return torch.stack([estimates[position] for position in range(len(adapters))])


def _delta_norms(members: Sequence[Factors]) -> Tensor:
    """Compute √(in/r) ‖B.grad (A Aᵀ)^(-1/2)‖_F / s of adapters of one shape, with A Aᵀ = L Lᵀ as ‖L⁻¹ B.gradᵀ‖_F."""
    first = members[0]
    dtype = torch.promote_types(first.drawn.dtype, torch.float32)
    drawn = torch.stack([member.drawn.detach() for member in members]).to(dtype)
    grads = torch.stack([member.zeroed.grad for member in members if member.zeroed.grad is not None]).to(dtype)
    if first.reversed:
        rows, gradients = drawn.mT, grads  # (n, r, in), (n, r, out)
    else:
        rows, gradients = drawn.flatten(2), grads.flatten(2).mT
    rank, width = rows.shape[1:]
    gram = rows @ rows.mT  # (n, r, r)
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    diagonal.add_(RIDGE * diagonal.mean(dim=-1, keepdim=True))
    lower, info = torch.linalg.cholesky_ex(gram)  # the plain form waits for the device to check its result
    whitened = torch.linalg.solve_triangular(lower, gradients, upper=False)  # (n, r, out)
    norms = torch.linalg.vector_norm(whitened, dim=(-2, -1)).float()  # (n,)
    return torch.where(info == 0, norms, torch.nan) * (math.sqrt(width / min(rank, width)) / first.scaling)
