"""The moving average of the signal over the steps of the warm-up, per matrix.

Step 3 of the method: g_k ← β g_k + (1 - β) ‖∂L/∂Δ_k‖, from 0. Nothing here waits for the device, except reading.
"""

from __future__ import annotations

from typing import Any

import torch


class MovingAverage:
    """One exponential moving average per matrix, each with its own number of observations.

    Args:
        count: Number of matrices.
        beta: β in [0, 1), the decay per observation.
        device: Where the averages live until the first observation, which may be elsewhere.

    Attributes:
        values: (count,) float32, g_k as the formula has it, starting from 0 and without bias correction.
        observations: (count,) int64, how many norms each has seen.
    """

    def __init__(self, count: int, beta: float, device: Any = None) -> None:
        self._beta = beta
        self.values = torch.zeros(count, device=device)
        self.observations = torch.zeros(count, dtype=torch.int64, device=device)

    def observe(self, norms: torch.Tensor) -> None:
        """Take in one norm per matrix, (count,); what is not finite is not observed.

        One NaN would stay in the average forever, and a skipped step is not a small gradient.
        """
        if norms.device != self.values.device:  # the model was moved after this was made
            self.values, self.observations = self.values.to(norms.device), self.observations.to(norms.device)
        finite = torch.isfinite(norms)
        self.values = torch.where(finite, self._beta * self.values + (1 - self._beta) * norms, self.values)
        self.observations += finite

    def shares(self) -> torch.Tensor:
        """Return s_k = g_k / Σ g_j, each g_k divided by 1 - β^t_k first; (count,) float64 on the CPU.

        The divisor is common, and has no effect, unless a matrix missed observations. All zero before the first one.
        """
        averages = self.values.double().cpu()
        weight = 1 - self._beta ** self.observations.double().cpu()
        debiased = torch.where(weight > 0, averages / weight, torch.zeros_like(averages))
        total = debiased.sum()
        return debiased / total if total > 0 else debiased
