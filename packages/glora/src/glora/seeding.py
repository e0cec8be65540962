"""The first directions of new components: from the gradient that a matrix has seen, instead of from noise.

With Δ = s B A and G = ∂L/∂Δ, the gradient of A is s Bᵀ G, and B has meanwhile learned along G Aᵀ: the rows of A's
gradient are a step of power iteration on Gᵀ G, begun at the rows of A, and lean towards the leading right singular
vectors of G (Golub and Van Loan, "Matrix Computations", section 8.2). A new component of which A's row lies there, and
whose column of B is zero, leaves Δ as it is, and its gradient is as large as a component's can be.

Pure tensors; nothing is measured for it, the gradient or the optimizer's average of it is there already.
"""

from __future__ import annotations

import torch
from torch import Tensor

SMALLEST = 1e-5  # of the largest direction: what is below it is rounding, not a direction


def leading_rows(gradient: Tensor, rows: Tensor, count: int) -> Tensor:
    """Return rows along the leading directions of a gradient that the present rows do not have already.

    Args:
        gradient: ∂L/∂A, or an average of it, (r, width).
        rows: A, (r, width).
        count: How many are wanted.

    Returns:
        (k, width) float32 with k ≤ min(count, r): orthogonal to `rows` and to each other, the strongest first, each
        as long as a present row on average. k is 0 where the gradient is zero, not finite, or within the present rows.
    """
    seen, present = gradient.float(), rows.float()
    none = seen.new_zeros(0, seen.shape[1])
    if not bool(torch.isfinite(seen).all()) or not bool(seen.any()):
        return none
    basis = torch.linalg.qr(present.mT).Q  # (width, r)
    seen = seen / torch.linalg.vector_norm(seen)
    for _ in range(2):  # once is not enough where little is left (Kahan and Parlett: "twice is enough")
        seen = seen - (seen @ basis) @ basis.mT
    _, sizes, directions = torch.linalg.svd(seen, full_matrices=False)
    found = int((sizes > max(SMALLEST, SMALLEST * float(sizes[0]))).sum())
    length = torch.linalg.vector_norm(present) / len(present) ** 0.5
    kept: Tensor = directions[: min(count, found)] * length
    return kept
