"""What a matrix's factors become at another rank: which components of Δ = s B A stay, and what new ones are.

Pure tensors. A and B are seen as (r, in) and (out, r); component i is B[:, i] A[i, :].

* A growing matrix keeps all components and gets new ones of which one factor is drawn like the first ones and the
  other is zero: Δ does not change. (Both zero would stay zero: each one's gradient is a multiple of the other.)
* ``"magnitude"`` keeps the components of the largest ‖B[:, i]‖ · ‖A[i, :]‖, ``"first"`` the first ones.
* ``"svd"`` replaces the components by the leading singular ones of Δ: the best approximation of Δ at that rank (Eckart
  and Young, 1936). With Q_B R_B = B and Q_A R_A = Aᵀ only the core R_B R_Aᵀ (r, r) is decomposed. A's new rows get the
  size of the old ones and B takes up the singular values, as in training; at Δ = 0, A is still not zero.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

    from glora.config import KeepRule


@dataclass(frozen=True)
class Components:
    """Factors of another rank.

    Attributes:
        a: (r', in).
        b: (out, r').
        kept: (number kept,) positions of the old components that open the new factors, in order; ``None`` if
            the new components are mixtures of the old ones.
        mixing: For mixtures (M, N), each (r', r), with A' = M A and B' = B Nᵀ; else ``None``.
    """

    a: Tensor
    b: Tensor
    kept: Tensor | None
    mixing: tuple[Tensor, Tensor] | None = None

    def gradient_of_a(self, gradient: Tensor) -> Tensor:
        """Turn ∂L/∂A (r, in) into ∂L/∂A' (r', in), at the same ∂L/∂Δ; zero for drawn components."""
        if self.mixing is not None:
            return (self.mixing[1] @ gradient.to(self.mixing[1])).to(gradient)
        carried = gradient.new_zeros(self.a.shape)
        carried[: self._count] = gradient.index_select(0, self._positions(gradient))
        return carried

    def gradient_of_b(self, gradient: Tensor) -> Tensor:
        """Turn ∂L/∂B (out, r) into ∂L/∂B' (out, r'), at the same ∂L/∂Δ; zero for drawn components."""
        if self.mixing is not None:
            return (gradient.to(self.mixing[0]) @ self.mixing[0].mT).to(gradient)
        carried = gradient.new_zeros(self.b.shape)
        carried[:, : self._count] = gradient.index_select(1, self._positions(gradient))
        return carried

    @property
    def _count(self) -> int:
        return 0 if self.kept is None else len(self.kept)

    def _positions(self, like: Tensor) -> Tensor:
        return torch.arange(0, device=like.device) if self.kept is None else self.kept.to(like.device)


def shrink(a: Tensor, b: Tensor, rank: int, keep: KeepRule, *, b_is_drawn: bool = False) -> Components:
    """Cut (r, in) and (out, r) to `rank` < r components.

    Args:
        a: A, (r, in).
        b: B, (out, r).
        rank: The new rank, at least 1.
        keep: What stays.
        b_is_drawn: Whether B is the factor that keeps its size under ``"svd"`` (Embedding).
    """
    if keep == "svd":
        if not b_is_drawn:
            return _leading(a, b, rank)
        turned = _leading(b.mT, a.mT, rank)
        mixing = None if turned.mixing is None else turned.mixing[::-1]
        return Components(turned.b.mT.contiguous(), turned.a.mT.contiguous(), None, mixing)
    if keep == "first":
        kept = torch.arange(rank, device=a.device)
    else:
        size = b.float().norm(dim=0).to(a.device) * a.float().norm(dim=1)  # (r,) Frobenius norm of each component
        kept = size.argsort(descending=True, stable=True)[:rank].sort().values
    return Components(a.index_select(0, kept), b.index_select(1, kept.to(b.device)), kept)


def grow(a: Tensor, b: Tensor, drawn: Tensor, *, b_is_drawn: bool = False) -> Components:
    """Add components to (r, in) and (out, r) without changing their product.

    Args:
        a: A, (r, in).
        b: B, (out, r).
        drawn: (extra, width of the drawn factor) from `draw`.
        b_is_drawn: Whether `drawn` belongs to B (Embedding).
    """
    extra = len(drawn)
    if b_is_drawn:
        rows, columns = a.new_zeros(extra, a.shape[1]), drawn.to(b.device, b.dtype).mT
    else:
        rows, columns = drawn.to(a.device, a.dtype), b.new_zeros(len(b), extra)
    kept = torch.arange(len(a), device=a.device)
    return Components(torch.cat([a, rows]), torch.cat([b, columns], dim=1), kept)


def draw(count: int, width: int, name: str, *, kind: object, spread_rank: int, seed: int) -> Tensor:
    """Draw components as PEFT drew the first ones; the same for the same seed and name on every machine.

    Args:
        count: How many.
        width: Width of the drawn factor.
        name: The matrix's name.
        kind: ``init_lora_weights`` of the adapter: ``"gaussian"`` draws with standard deviation 1 / `spread_rank`;
            all others draw alike, uniformly (Kaiming). ``"embedding"``: standard normal, as PEFT does there.
        spread_rank: The rank that the first ones were drawn at.
        seed: From the config.

    Returns:
        (count, width) float32 on the CPU.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    rows = torch.empty(count, width)
    if kind in {"gaussian", "embedding"}:
        return nn.init.normal_(rows, std=1 / spread_rank if kind == "gaussian" else 1.0, generator=generator)
    return nn.init.kaiming_uniform_(rows, a=math.sqrt(5), generator=generator)


def _leading(a: Tensor, b: Tensor, rank: int) -> Components:
    precise = torch.promote_types(a.dtype, torch.float32)
    wide, tall = a.to(precise), b.to(a.device, precise)
    q_a, r_a = torch.linalg.qr(wide.mT)  # (in, r), (r, r)
    q_b, r_b = torch.linalg.qr(tall)  # (out, r), (r, r)
    u, values, vh = torch.linalg.svd(r_b @ r_a.mT, full_matrices=False)
    missing = rank - len(values)
    if missing > 0:  # there are no more: beyond the rank of a full update, components are zero, and stay so
        widened = _leading(a, b, len(values))
        rows, columns = a.new_zeros(missing, a.shape[1]), b.new_zeros(len(b), missing)
        mixing = tuple(torch.cat([mix, mix.new_zeros(missing, len(a))]) for mix in widened.mixing or ())
        return Components(
            torch.cat([widened.a, rows]), torch.cat([widened.b, columns], 1), None, (mixing[0], mixing[1])
        )
    size = wide.norm() / math.sqrt(len(wide))  # of a typical row of A
    size = torch.where(size > 0, size, torch.ones_like(size))
    new_a = size * vh[:rank] @ q_a.mT
    new_b = q_b @ u[:, :rank] * (values[:rank] / size)
    mix_a = size * vh[:rank] @ torch.linalg.pinv(r_a.mT)  # M with A' = M A
    mix_b = new_a @ wide.mT / size**2  # N with B' = B Nᵀ, because A' A'ᵀ = size² I
    return Components(new_a.to(a.dtype), new_b.to(b.device, b.dtype), None, (mix_a, mix_b))
