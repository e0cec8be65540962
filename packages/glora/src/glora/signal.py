"""The size of the loss gradient with respect to each adapter's weight update, read from lora_B's gradient.

For one adapted matrix with frozen weight W (out, in), PEFT's LoRA computes y = x Wᵀ + s · x Aᵀ Bᵀ with A (r,
in), B (out, r) and the scaling s, that is Δ = B A. With G = ∂L/∂W (out, in) the chain rule gives ∂L/∂B = s ·
G Aᵀ, from which two estimates of ‖∂L/∂Δ‖_F = ‖G‖_F follow (step 2 of the method):

* ``lora_B``: ‖∂L/∂B‖_F. With PEFT's default initialisation its expected square is s² r / (3 in) · ‖G‖_F²: of
  two matrices with the same ‖G‖_F, the one with four times the inputs reads half.
* ``delta``: √(in/r) · ‖∂L/∂B (A Aᵀ)^(-1/2)‖_F / s = √(in/r) · ‖G P‖_F, where P projects on the row space of
  A. For isotropic A the expected square is ‖G‖_F², whatever the width, the rank, the scaling and the size of
  A. Its relative variance is at most 2/r, and the moving average does not reduce it, as A hardly moves.

Nothing here reads a value back from the device.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from glora.config import SignalName

# Relative to the mean eigenvalue of A Aᵀ: keeps its Cholesky factor defined in float32 when rows of A coincide, and
# hardly moves the estimate when they do not. Chosen by us.
RIDGE = 1e-6


class Factors(NamedTuple):
    """The two factors of one adapter, with gradients where a backward pass reached them."""

    a: Tensor  # (r, in)
    b: Tensor  # (out, r)
    scaling: float


def gradient_norms(adapters: Sequence[Factors], signal: SignalName) -> Tensor:
    """Estimate ‖∂L/∂Δ_k‖_F of every adapter.

    Args:
        adapters: Adapters whose ``b.grad`` is set.
        signal: ``"delta"`` or ``"lora_B"``.

    Returns:
        (len(adapters),) float32 on the device of the first adapter, in units of loss per unit of weight; not
        finite where the gradient or A is not.
    """
    if signal == "lora_B":
        grads = [factors.b.grad for factors in adapters if factors.b.grad is not None]
        norms = torch._foreach_norm(grads, 2, dtype=torch.float32)  # one call for all adapters
        return torch.stack([norm.to(adapters[0].b.device) for norm in norms])
    return _delta_norms(adapters)


def _delta_norms(adapters: Sequence[Factors]) -> Tensor:
    # Matrices of one shape are stacked: a model has few shapes and many matrices.
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for position, (a, b, scaling) in enumerate(adapters):
        groups[a.shape, b.shape, scaling, a.device, a.dtype, b.dtype].append(position)
    estimates: dict[int, Tensor] = {}
    for positions in groups.values():
        members = [adapters[position] for position in positions]
        rank, width = members[0].a.shape
        norms = _projected_norms(members) * (math.sqrt(width / rank) / members[0].scaling)
        estimates.update(zip(positions, norms.to(adapters[0].b.device).unbind(), strict=True))
    return torch.stack([estimates[position] for position in range(len(adapters))])


def _projected_norms(members: Sequence[Factors]) -> Tensor:
    """Compute ‖B.grad (A Aᵀ)^(-1/2)‖_F of adapters of one shape as ‖L⁻¹ B.gradᵀ‖_F with A Aᵀ = L Lᵀ."""
    dtype = torch.promote_types(members[0].a.dtype, torch.float32)
    a = torch.stack([member.a.detach() for member in members]).to(dtype)  # (n, r, in)
    grads = [member.b.grad for member in members if member.b.grad is not None]
    grad = torch.stack(grads).to(dtype)  # (n, out, r)
    gram = a @ a.mT  # (n, r, r)
    diagonal = gram.diagonal(dim1=-2, dim2=-1)
    diagonal.add_(RIDGE * diagonal.mean(dim=-1, keepdim=True))
    lower, info = torch.linalg.cholesky_ex(gram)  # the plain form waits for the device to check its result
    whitened = torch.linalg.solve_triangular(lower, grad.mT, upper=False)  # (n, r, out)
    norms = torch.linalg.vector_norm(whitened, dim=(-2, -1)).float()  # (n,)
    return torch.where(info == 0, norms, torch.nan)
