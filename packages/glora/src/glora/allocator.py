"""`RankAllocator`: watches the gradients during warm-up, allocates the ranks once, and can be resumed."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from glora.adapters import adapted_matrices, present_ranks, unwrap_model
from glora.bounds import budget_total, rank_limits
from glora.budget import allocate_ranks
from glora.config import GLoRAConfig
from glora.control import controlled_shares
from glora.errors import TWO_PHASES, AllocationError, StateError, UnsupportedModelError
from glora.observer import Observer
from glora.optimizer import check_optimizer
from glora.plan import RankPlan
from glora.replicas import check_renewable, find_data_parallel, refuse_sharding, renew, share_from_first
from glora.resize import adapter_parameters, resize_adapters
from glora.shares import adjusted_shares

if TYPE_CHECKING:
    from collections.abc import Mapping

_STATE_VERSION = 1


class RankAllocator:
    """Gives every adapted matrix a rank in proportion to its average gradient norm, once, at the end of warm-up.

    Args:
        model: A `peft.PeftModel`, or the `DistributedDataParallel` around it, compiled or not. Other adapters
            beside the named one are left alone.
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
        self._steps = 0
        self._reallocated = False
        self._checks = 0
        self._observer: Observer
        self._begin()

    @property
    def config(self) -> GLoRAConfig:
        """The settings it was made with."""
        return self._config

    @property
    def ranks(self) -> dict[str, int]:
        """The present rank of every matrix by module name as in the base model; 0 where the adapter is gone."""
        present = present_ranks(self._model, self._adapter_name)
        return {name: present.get(name, 0) for name in self._names}

    @property
    def signal(self) -> dict[str, float]:
        """The moving average g_k as the formula has it, starting from 0 and without bias correction.

        In units of loss per unit of weight; after t observed steps it is (1 - β^t) times the average. Reading it
        waits for the device.
        """
        return dict(zip(self._names, self._observer.average.values.tolist(), strict=True))

    @property
    def scores(self) -> dict[str, float]:
        """The shares s_k = g_k / Σ g_j, each g_k divided by 1 - β^t_k, where t_k counts its observations.

        The divisor is common, and has no effect, unless a matrix missed steps. All zero before the first step. Reading
        them waits for the device.
        """
        return dict(zip(self._names, self._observer.average.shares().tolist(), strict=True))

    @property
    def reallocated(self) -> bool:
        """Whether the ranks have been allocated."""
        return self._reallocated

    @property
    def steps(self) -> int:
        """Optimizer steps observed, at most ``config.warmup_steps``."""
        return self._steps

    @property
    def plan(self) -> RankPlan:
        """The present ranks with what they came from, to be stored or to build another model from."""
        return RankPlan.from_model(
            self._model,
            self._adapter_name,
            ranks=self.ranks,
            signal=self._config.signal,
            scores=self.scores,
            steps=self._steps,
        )

    def step(self, optimizer: Any, *, loss_scale: float | torch.Tensor = 1.0) -> bool:
        """Observe the gradients of one optimizer step; in the last step of the warm-up, reallocate.

        Call it once per optimizer step, after the last ``backward`` (and ``GradScaler.unscale_``), before
        clipping and before ``optimizer.step()``. The reallocation exchanges parameters: lists of parameters
        made before it must be made anew, and `optimizer` afterwards holds the new ones in the same groups,
        with the carried state and gradients. A step in which a gradient is not finite is not observed, nor is a matrix
        without one. During the warm-up nothing waits for the device.

        Args:
            optimizer: The optimizer that updates the adapters, or accelerate's wrapper around it.
            loss_scale: What the loss was multiplied by before ``backward``, such as ``GradScaler.get_scale()``.
                Only the signal ``"exact"`` needs it: ``unscale_`` does not reach the gradients it reads.

        Returns:
            True in the call that reallocated, False in every other.

        Raises:
            OptimizerError: If the optimizer does not hold the adapters or cannot follow the resize; known in
                the first two steps.
            AllocationError: If no finite gradient was seen during the whole warm-up.
            UnsupportedModelError: If the parameters have been sharded since; known in the first step.
        """
        if self._reallocated:
            return False
        self._check(optimizer)
        self._observer.observe(self._steps, loss_scale, self._wrapper)
        self._steps += 1
        if self._steps < self._config.warmup_steps:
            self._observer.expect(self._steps)
            return False
        self._reallocate(optimizer)
        return True

    def close(self) -> None:
        """Stop observing, and take what ``signal="exact"`` has attached off the model; ranks and averages stay."""
        self._observer.close()

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, as numbers, strings and CPU tensors (loads with ``weights_only=True``)."""
        ranks = self.ranks
        return {
            "version": _STATE_VERSION,
            "names": list(self._names),
            "ranks": [ranks[name] for name in self._names],
            "steps": self._steps,
            "reallocated": self._reallocated,
            "total": self._total,
            "scalings": {name: matrix.scaling for name, matrix in self._matrices.items()},
            "signal": self._observer.average.values.cpu().clone(),
            "observations": self._observer.average.observations.cpu().clone(),
            "config": asdict(self._config),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved allocator, and bring the model's adapters to the ranks stored.

        Call it on a model built as at the start of the run, before the optimizer is created (and before the
        model is wrapped for data parallelism): it makes and removes parameters. Afterwards
        ``model.load_state_dict`` of the checkpoint fits, and so does the state of an optimizer built as
        before. The values of resized adapters are to be overwritten by the checkpoint.

        Args:
            state: From `state_dict`; tensors may have become lists, as in JSON.

        Raises:
            StateError: If the state is of another version, of other matrices, of other scalings, or of another config
                or total than this allocator's while the ranks are not allocated yet.
        """
        if state.get("version") != _STATE_VERSION:
            raise StateError(
                f"The allocator state has version {state.get('version')!r}, this glora reads {_STATE_VERSION}; "
                "load it with the version of glora that saved it."
            )
        stored = dict(zip(state["names"], state["ranks"], strict=True))
        self._bind()  # the model may have been brought to the stored ranks already
        self._check_matrices(stored)
        self._check_config(state)
        self._check_model(state)
        resize_adapters(
            self._model,
            self._adapter_name,
            {name: stored[name] for name in self._matrices},
            keep=self._config.keep,
            seed=self._config.seed,
        )
        self._bind(order=tuple(stored))
        self._names = tuple(stored)
        self._steps = state["steps"]
        self._reallocated = state["reallocated"]
        average = self._observer.average
        self.close()
        if not self._reallocated:
            self._observer = Observer(list(self._matrices.values()), self._config)
            self._observer.expect(self._steps)
        device = average.values.device
        self._observer.average.values = torch.tensor(_listed(state["signal"]), device=device)
        self._observer.average.observations = torch.tensor(_listed(state["observations"]), device=device)
        if self._wrapper is not None:
            renew(self._wrapper)

    def _begin(self) -> None:
        """Take the model as it is for the start of the warm-up."""
        self._bind()
        self._names = tuple(self._matrices)
        self._lower, self._upper = rank_limits(self._config, list(self._matrices.values()))
        self._total, self._costs = budget_total(self._config, list(self._matrices.values()))
        self._prices = [matrix.cost for matrix in self._matrices.values()]
        self._allocate([1.0] * len(self._names))  # an impossible budget is known before the warm-up is spent
        self._observer = Observer(list(self._matrices.values()), self._config)
        self._observer.expect(0)

    def _follow_exchange(self) -> None:
        """Look the parameters up again where something has exchanged them since: a load, a wrapper, a cast."""
        before, shapes = self._matrices, self._shapes
        self._bind(order=self._names)
        changed = [
            name for name, matrix in self._matrices.items() if name in before and self._shapes[name] != shapes[name]
        ]
        if changed and any(len(shape) < 2 for name in changed for shape in self._shapes[name]):
            shape = self._shapes[changed[0]][0]
            raise UnsupportedModelError(f"`{changed[0]}` has a factor of shape {tuple(shape)} now. {TWO_PHASES}")
        self.close()
        if self._steps == 0:
            self._begin()
            return
        average = self._observer.average
        self._observer = Observer(list(self._matrices.values()), self._config)
        self._observer.average = average
        self._observer.expect(self._steps)

    def _bind(self, order: tuple[str, ...] = ()) -> None:
        """Look the adapters' parameters up; they are other objects after a resize."""
        matrices = adapted_matrices(self._model, self._adapter_name)
        self._matrices = {name: matrices[name] for name in order or matrices if name in matrices}
        self._parameters = {name: (id(matrix.a), id(matrix.b)) for name, matrix in self._matrices.items()}
        self._shapes = {name: (matrix.a.shape, matrix.b.shape) for name, matrix in self._matrices.items()}

    def _check(self, optimizer: Any) -> None:
        """Find out early what would stop the reallocation at the end of a long warm-up."""
        if self._checks == 0:
            refuse_sharding(self._model)
            present = adapted_matrices(self._model, self._adapter_name)
            if {name: (id(matrix.a), id(matrix.b)) for name, matrix in present.items()} != self._parameters:
                self._follow_exchange()
        if self._checks < 2:  # the optimizer's state appears only with its first step
            check_optimizer(optimizer, adapter_parameters(self._matrices.values()))
        if self._checks == 0 and self._wrapper is None:
            self._wrapper = find_data_parallel(self._model)
        self._checks += 1

    def _allocate(self, scores: list[float]) -> list[int]:
        shares = adjusted_shares(scores, self._prices, self._config)
        shares = controlled_shares(shares, self._config.control, seed=self._config.seed)
        return allocate_ranks(
            shares, self._total, min_rank=self._lower, max_rank=self._upper, costs=self._costs, names=self._names
        )

    def _reallocate(self, optimizer: Any) -> None:
        if self._wrapper is not None:
            share_from_first(self._observer.average.values, self._wrapper)
            share_from_first(self._observer.average.observations, self._wrapper)
        shares = self._observer.average.shares().tolist()
        if not any(shares):
            raise AllocationError(
                f"No finite gradient reached any of the {len(self._names)} adapters in {self._steps} steps, from "
                f"`{self._names[0]}` to `{self._names[-1]}`. Call RankAllocator.step after backward and before "
                "zero_grad, unscale the gradients first where they are scaled, and check that the adapters are not "
                "frozen."
            )
        counts = self._observer.average.observations.tolist()
        unseen = [name for name, count in zip(self._names, counts, strict=True) if count == 0]
        if unseen:
            warnings.warn(
                f"{len(unseen)} of {len(self._names)} adapted matrices had no gradient in the {self._steps} steps of "
                f"the warm-up, `{unseen[0]}` first, and get their least rank: the forward pass does not use them.",
                stacklevel=3,
            )
        ranks = dict(zip(self._names, self._allocate(shares), strict=True))
        resize_adapters(
            self._model,
            self._adapter_name,
            ranks,
            keep=self._config.keep,
            growth=self._config.growth,
            seed=self._config.seed,
            optimizer=optimizer,
        )
        if self._wrapper is not None:
            renew(self._wrapper)
        self._bind()
        self._reallocated = True
        self.close()

    def _check_matrices(self, stored: Mapping[str, int]) -> None:
        absent = [name for name, rank in stored.items() if rank > 0 and name not in self._matrices]
        unknown = [name for name in self._matrices if name not in stored]
        if absent or unknown:
            raise StateError(
                f"The allocator state does not fit the model: `{absent[0]}` has rank {stored[absent[0]]} in the "
                "state but no adapter in the model. Build the model with the LoraConfig that the run started with."
                if absent
                else "The allocator state does not fit the model: it does not know the adapted matrix "
                f"`{unknown[0]}`. Build the model with the LoraConfig that the run started with."
            )

    def _check_model(self, state: Mapping[str, Any]) -> None:
        for name, scaling in state["scalings"].items():
            matrix = self._matrices.get(name)
            if matrix is not None and abs(matrix.scaling - scaling) > 1e-6 * abs(scaling):
                raise StateError(
                    f"The run scaled `{name}` by {scaling:g}, the model does by {matrix.scaling:g}: resumed, it would "
                    "compute another function. Build the model with the LoraConfig that the run started with."
                )
        if not state["reallocated"] and state["total"] != self._total:
            unit = "ranks" if self._costs is None else "parameters"
            raise StateError(
                f"The run was to share {state['total']} {unit}, and this model has {self._total} to share, in the "
                "middle of the warm-up. Build the model with the LoraConfig that the run started with."
            )

    def _check_config(self, state: Mapping[str, Any]) -> None:
        if state["reallocated"]:
            return
        ours = asdict(self._config)
        # As JSON, because a stored config may have been through it, and pairs come back as lists.
        different = [key for key, value in state["config"].items() if json.dumps(ours.get(key)) != json.dumps(value)]
        if different:
            key = different[0]
            raise StateError(
                f"The run was started with `{key}={state['config'][key]!r}` and is now resumed with "
                f"{ours.get(key)!r}, in the middle of its warm-up. Resume with the same GLoRAConfig, or start anew."
            )


def _listed(values: Any) -> list[Any]:
    listed: list[Any] = values.tolist() if isinstance(values, torch.Tensor) else values
    return listed
