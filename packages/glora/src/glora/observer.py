"""What is read in one optimizer step: one norm per matrix, taken into the moving average.

The signals ``delta`` and ``lora_B`` are read from gradients after backward; ``exact`` is recorded during it, by a probe
that must be armed before the forward pass.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

import torch

from glora.average import MovingAverage
from glora.exact import GradientProbe
from glora.replicas import average_over_replicas
from glora.signal import Factors, gradient_norms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.nn.parallel import DistributedDataParallel

    from glora.config import GLoRAConfig
    from glora.layers import Matrix


class Observer:
    """Watches the gradients of adapted matrices during the warm-up.

    Args:
        matrices: The matrices, which must not be resized meanwhile.
        config: Signal, interval and β.

    Attributes:
        average: The moving average of what was seen.
    """

    def __init__(self, matrices: Sequence[Matrix], config: GLoRAConfig) -> None:
        self._config = config
        self._factors = [Factors.of(matrix) for matrix in matrices]
        self._probe = GradientProbe(matrices) if config.signal == "exact" else None
        self.average = MovingAverage(len(matrices), config.beta, self._factors[0].zeroed.device)

    def expect(self, step: int) -> None:
        """Prepare for the optimizer step with this number, from 0, before its forward pass."""
        if self._probe is not None:
            self._probe.armed = self._is_observed(step)

    @torch.no_grad()
    def observe(self, step: int, loss_scale: float | torch.Tensor, wrapper: DistributedDataParallel | None) -> None:
        """Take in the gradients of an optimizer step, unless the interval leaves it out.

        Args:
            step: Its number, from 0.
            loss_scale: What the loss was multiplied by, for ``exact``.
            wrapper: The data-parallel wrapper around the model, over whose replicas ``exact`` is averaged.
        """
        if not self._is_observed(step):
            return
        if self._probe is not None:
            all_reduce = None if wrapper is None else partial(average_over_replicas, wrapper=wrapper)
            self.average.observe(self._probe.norms(loss_scale, all_reduce))
            return
        seen = [k for k, factors in enumerate(self._factors) if factors.zeroed.grad is not None]
        if not seen:
            return
        estimate: Literal["delta", "lora_B"] = "lora_B" if self._config.signal == "lora_B" else "delta"
        norms = gradient_norms([self._factors[k] for k in seen], estimate)
        # A scaler skips a step as a whole, and so does this: without reading anything back from the device.
        norms = torch.where(torch.isfinite(norms).all(), norms, torch.nan)
        if len(seen) < len(self._factors):
            present = dict(zip(seen, norms.unbind(), strict=True))
            absent = torch.full_like(norms[0], torch.nan)
            norms = torch.stack([present.get(k, absent) for k in range(len(self._factors))])
        self.average.observe(norms)

    def close(self) -> None:
        """Take the probe off the model; the average stays."""
        if self._probe is not None:
            self._probe.close()

    def _is_observed(self, step: int) -> bool:
        return step % self._config.signal_interval == 0
