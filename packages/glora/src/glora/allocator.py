"""`RankAllocator`: watches the gradients during warm-up, allocates the ranks once, and can be resumed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from glora.adapters import adapted_layers, rank_limit, unwrap_model
from glora.budget import allocate_ranks
from glora.config import GLoRAConfig
from glora.errors import AllocationError, StateError
from glora.optimizer import check_optimizer
from glora.replicas import check_renewable, find_data_parallel, renew, share_from_first
from glora.resize import adapter_parameters, resize_adapters
from glora.signal import Factors, gradient_norms

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATE_VERSION = 1


class RankAllocator:
    """Gives every adapted matrix a rank in proportion to its average gradient norm, once, at the end of warm-up.

    Args:
        model: A `peft.PeftModel` with one LoRA adapter on `nn.Linear` layers, or the
            `DistributedDataParallel` around it.
        config: Budget, averaging, bounds; see `GLoRAConfig`.
        adapter_name: The adapter.

    Raises:
        UnsupportedModelError: If the model, its adapter or one of its layers cannot be resized.
        AllocationError: If the total rank cannot be met within the bounds.

    Example:
        >>> allocator = RankAllocator(model, GLoRAConfig(warmup_steps=1000))  # doctest: +SKIP
        >>> for batch in loader:  # doctest: +SKIP
        ...     model(**batch).loss.backward()
        ...     allocator.step(optimizer)
        ...     optimizer.step()
        ...     scheduler.step()
        ...     optimizer.zero_grad()
    """

    def __init__(
        self, model: torch.nn.Module, config: GLoRAConfig | None = None, adapter_name: str = "default"
    ) -> None:
        self._model, self._wrapper = unwrap_model(model)
        self._config = GLoRAConfig() if config is None else config
        self._adapter_name = adapter_name
        if self._wrapper is not None:
            check_renewable(self._wrapper)
        self._bind()
        self._names = tuple(self._layers)
        self._ranks: dict[str, int] = self._present_ranks()
        total = self._config.total_rank
        self._total = sum(self._ranks.values()) if total is None else total
        self._allocate([1.0] * len(self._names))  # an impossible budget is known before the warm-up is spent
        device = self._factors[0].a.device
        self._ema = torch.zeros(len(self._names), device=device)  # (matrices,)
        self._observations = torch.zeros(len(self._names), dtype=torch.int64, device=device)  # (matrices,)
        self._steps = 0
        self._reallocated = False
        self._checks = 0

    @property
    def ranks(self) -> dict[str, int]:
        """The present rank of every matrix by module name as in the base model; 0 where the adapter is gone."""
        return dict(self._ranks)

    @property
    def signal(self) -> dict[str, float]:
        """The moving average g_k as the formula has it, starting from 0 and without bias correction.

        In units of loss per unit of weight; after t observed steps it is (1 - β^t) times the average. Reading it
        waits for the device.
        """
        return dict(zip(self._names, self._ema.tolist(), strict=True))

    @property
    def scores(self) -> dict[str, float]:
        """The shares s_k = g_k / Σ g_j, each g_k divided by 1 - β^t_k, where t_k counts its observations.

        The divisor is common, and has no effect, unless a matrix missed steps. All zero before the first step. Reading
        them waits for the device.
        """
        return dict(zip(self._names, self._shares().tolist(), strict=True))

    @property
    def reallocated(self) -> bool:
        """Whether the ranks have been allocated."""
        return self._reallocated

    @property
    def steps(self) -> int:
        """Optimizer steps observed, at most ``config.warmup_steps``."""
        return self._steps

    def step(self, optimizer: Any) -> bool:
        """Observe the gradients of one optimizer step; in the last step of the warm-up, reallocate.

        Call it once per optimizer step, after the last ``backward`` (and ``GradScaler.unscale_``), before
        clipping and before ``optimizer.step()``. The reallocation exchanges parameters: lists of parameters
        made before it must be made anew, and `optimizer` afterwards holds the new ones in the same groups,
        with the carried state and gradients. A matrix without a finite gradient is not observed in that
        step. During the warm-up nothing waits for the device.

        Args:
            optimizer: The optimizer that updates the adapters, or accelerate's wrapper around it.

        Returns:
            True in the call that reallocated, False in every other.

        Raises:
            OptimizerError: If the optimizer does not hold the adapters or cannot follow the resize; known in
                the first two steps.
            AllocationError: If no gradient was seen during the whole warm-up.
        """
        if self._reallocated:
            return False
        self._check(optimizer)
        self._observe()
        self._steps += 1
        if self._steps < self._config.warmup_steps:
            return False
        self._reallocate(optimizer)
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, as numbers, strings and CPU tensors (loads with ``weights_only=True``)."""
        return {
            "version": _STATE_VERSION,
            "names": list(self._names),
            "ranks": [self._ranks[name] for name in self._names],
            "steps": self._steps,
            "reallocated": self._reallocated,
            "signal": self._ema.cpu().clone(),
            "observations": self._observations.cpu().clone(),
            "config": asdict(self._config),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved allocator, and bring the model's adapters to the ranks stored.

        Call it on a model built as at the start of the run, before the optimizer is created (and before the
        model is wrapped for data parallelism): it makes and removes parameters. Afterwards
        ``model.load_state_dict`` of the checkpoint fits, and so does the state of an optimizer built as
        before. The values of resized adapters are to be overwritten by the checkpoint.

        Args:
            state: From `state_dict`.

        Raises:
            StateError: If the state is of another version, of other matrices, or of another config than this
                allocator's while the ranks are not allocated yet.
        """
        if state.get("version") != _STATE_VERSION:
            raise StateError(
                f"The allocator state has version {state.get('version')!r}, this glora reads {_STATE_VERSION}; "
                "load it with the version of glora that saved it."
            )
        stored = dict(zip(state["names"], state["ranks"], strict=True))
        self._check_matrices(stored)
        self._check_config(state)
        resize_adapters(
            self._model,
            self._adapter_name,
            {name: stored[name] for name in self._layers},
            keep=self._config.keep,
            seed=self._config.seed,
        )
        self._bind(order=tuple(stored))
        device = self._factors[0].a.device
        self._names = tuple(stored)
        self._ranks = stored
        self._ema = state["signal"].to(device, copy=True)
        self._observations = state["observations"].to(device, copy=True)
        self._steps = state["steps"]
        self._reallocated = state["reallocated"]
        if self._wrapper is not None:
            renew(self._wrapper)

    def _bind(self, order: tuple[str, ...] = ()) -> None:
        """Look the adapters' parameters up; they are other objects after a resize."""
        name = self._adapter_name
        layers = adapted_layers(self._model, name)
        self._layers = {key: layers[key] for key in order or layers if key in layers}
        self._factors = [
            Factors(layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name])
            for layer in self._layers.values()
        ]

    def _present_ranks(self) -> dict[str, int]:
        return {name: layer.r[self._adapter_name] for name, layer in self._layers.items()}

    def _check(self, optimizer: Any) -> None:
        """Find out early what would stop the reallocation at the end of a long warm-up."""
        if self._checks < 2:  # the optimizer's state appears only with its first step
            check_optimizer(optimizer, adapter_parameters(self._layers, self._adapter_name))
        if self._checks == 0 and self._wrapper is None:
            self._wrapper = find_data_parallel(self._model)
        self._checks += 1

    @torch.no_grad()
    def _observe(self) -> None:
        seen = [k for k, factors in enumerate(self._factors) if factors.b.grad is not None]
        if not seen:
            return
        norms = gradient_norms([self._factors[k] for k in seen], self._config.signal).to(self._ema.device)
        if len(seen) < len(self._factors):
            present = dict(zip(seen, norms.unbind(), strict=True))
            absent = torch.full_like(norms[0], torch.nan)
            norms = torch.stack([present.get(k, absent) for k in range(len(self._factors))])
        finite = torch.isfinite(norms)
        beta = self._config.beta
        self._ema = torch.where(finite, beta * self._ema + (1 - beta) * norms, self._ema)
        self._observations += finite

    def _shares(self) -> torch.Tensor:
        """Return s_k, (matrices,) float64 on the CPU."""
        averages = self._ema.double().cpu()
        weight = 1 - self._config.beta ** self._observations.double().cpu()
        debiased = torch.where(weight > 0, averages / weight, torch.zeros_like(averages))
        total = debiased.sum()
        return debiased / total if total > 0 else debiased

    def _allocate(self, scores: list[float]) -> list[int]:
        limit = self._config.max_rank
        upper = [rank_limit(layer, self._adapter_name) for layer in self._layers.values()]
        if limit is not None:
            upper = [min(limit, bound) for bound in upper]
        return allocate_ranks(scores, self._total, min_rank=self._config.min_rank, max_rank=upper, names=self._names)

    def _reallocate(self, optimizer: Any) -> None:
        if self._wrapper is not None:
            share_from_first(self._ema, self._wrapper)
            share_from_first(self._observations, self._wrapper)
        shares = self._shares().tolist()
        if not any(shares):
            raise AllocationError(
                f"No gradient reached any of the {len(self._names)} adapters in {self._steps} steps, from "
                f"`{self._names[0]}` to `{self._names[-1]}`. Call RankAllocator.step after backward and before "
                "zero_grad, and check that the adapters are not frozen."
            )
        ranks = dict(zip(self._names, self._allocate(shares), strict=True))
        keep, seed = self._config.keep, self._config.seed
        resize_adapters(self._model, self._adapter_name, ranks, keep=keep, seed=seed, optimizer=optimizer)
        if self._wrapper is not None:
            renew(self._wrapper)
        self._bind()
        self._ranks = ranks
        self._reallocated = True

    def _check_matrices(self, stored: Mapping[str, int]) -> None:
        absent = [name for name, rank in stored.items() if rank > 0 and name not in self._layers]
        unknown = [name for name in self._layers if name not in stored]
        if absent or unknown:
            raise StateError(
                f"The allocator state does not fit the model: `{absent[0]}` has rank {stored[absent[0]]} in the "
                "state but no adapter in the model. Build the model with the LoraConfig that the run started with."
                if absent
                else "The allocator state does not fit the model: it does not know the adapted matrix "
                f"`{unknown[0]}`. Build the model with the LoraConfig that the run started with."
            )

    def _check_config(self, state: Mapping[str, Any]) -> None:
        if state["reallocated"]:
            return
        ours = asdict(self._config)
        different = [key for key, value in state["config"].items() if ours.get(key) != value]
        if different:
            key = different[0]
            raise StateError(
                f"The run was started with `{key}={state['config'][key]!r}` and is now resumed with "
                f"{ours.get(key)!r}, in the middle of its warm-up. Resume with the same GLoRAConfig, or start anew."
            )
