"""`GLoRACallback`: the allocator inside `transformers.Trainer`, through its checkpoints too.

What the allocator knows goes into ``trainer_state.json``, with every checkpoint that the Trainer writes. The Trainer
loads a checkpoint's adapter before it calls back, and knows nothing of ranks: the model itself takes them on while it
is loaded (`glora.checkpoint.follow_checkpoints`), also where the best checkpoint at the end has other ranks.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import torch

from glora.adapters import unwrap_model
from glora.allocator import RankAllocator
from glora.checkpoint import follow_checkpoints
from glora.config import GLoRAConfig
from glora.errors import TWO_PHASES, MissingDependencyError, StateError, UnsupportedModelError

try:
    from accelerate.state import PartialState
    from accelerate.utils import DistributedType
    from transformers import TrainerCallback
    from transformers.trainer_callback import ExportableState
except ImportError as error:
    raise MissingDependencyError(
        "GLoRACallback needs transformers with accelerate, and one of them is not installed. "
        "Run: pip install 'glora[trainer]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARDED = {DistributedType.FSDP, DistributedType.DEEPSPEED, DistributedType.MEGATRON_LM}


class GLoRACallback(TrainerCallback, ExportableState):  # type: ignore[misc]
    """Runs a `RankAllocator` in a `transformers.Trainer`.

    Give it to the Trainer's constructor (``callbacks=[...]``): a callback that is added later cannot help to load a
    checkpoint. The Trainer clips gradients before its callbacks see them. Clipping multiplies all gradients of a step
    by one factor, so it changes how steps weigh in the average but not the shares within a step.

    Args:
        config: Passed to `RankAllocator`; a mapping is turned into a `GLoRAConfig`.
        adapter_name: Passed to `RankAllocator`.

    Attributes:
        allocator: The allocator; ``None`` until a Trainer has taken the callback up.

    Raises:
        UnsupportedModelError: From the Trainer's constructor, if the model cannot be resized or is sharded (FSDP,
            DeepSpeed).

    Example:
        >>> Trainer(model=model, callbacks=[GLoRACallback(GLoRAConfig(warmup_steps=500))], ...)  # doctest: +SKIP
    """

    def __init__(self, config: GLoRAConfig | Mapping[str, Any] | None = None, adapter_name: str = "default") -> None:
        self.config = config if isinstance(config, GLoRAConfig) else GLoRAConfig(**(config or {}))
        self.adapter_name = adapter_name
        self.allocator: RankAllocator | None = None
        self._model: Any = None

    def state(self) -> dict[str, Any]:
        """Return what the Trainer stores in a checkpoint, as JSON's own types."""
        saved = None if self.allocator is None else self.allocator.state_dict()
        return {
            "args": {"config": asdict(self.config), "adapter_name": self.adapter_name},
            "attributes": {"saved": None if saved is None else {key: _plain(value) for key, value in saved.items()}},
        }

    def on_init_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Build the allocator, so that what cannot be resized is known before anything is trained."""
        if PartialState().distributed_type in SHARDED:
            raise UnsupportedModelError(TWO_PHASES)
        if kwargs.get("model") is not None:  # with `model_init` it is made when training begins
            self._take_up(kwargs["model"])

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Begin with a new allocator, or with that of the checkpoint from which the Trainer resumes.

        Raises:
            StateError: If it resumes from a checkpoint that holds no allocator, or another one.
        """
        if self.allocator is None or self._model is not unwrap_model(kwargs["model"])[0] or self.allocator.steps > 0:
            self._take_up(kwargs["model"])
        if state.global_step > 0 and self.allocator is not None:
            self.allocator.load_state_dict(self._saved(state))

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Forward to `RankAllocator.step`."""
        if self.allocator is None:
            return
        scaler = getattr(kwargs["optimizer"], "scaler", None)
        # Reading the scale waits for the device, so it is left alone where the signal does not need it.
        scale = scaler.get_scale() if self.config.signal == "exact" and scaler is not None else 1.0
        self.allocator.step(kwargs["optimizer"], loss_scale=scale)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Warn where training ended before the ranks were allocated."""
        if self.allocator is not None and not self.allocator.reallocated:
            self.allocator.close()
            warnings.warn(
                f"Training ended after {self.allocator.steps} of {self.config.warmup_steps} steps of GLoRA's warm-up: "
                "the ranks are those of the start. Lower `warmup_steps`.",
                stacklevel=2,
            )

    def _take_up(self, model: Any) -> None:
        if self.allocator is not None:
            self.allocator.close()
        self.allocator = RankAllocator(model, self.config, self.adapter_name)
        inner, _ = unwrap_model(model)
        if inner is not self._model:
            follow_checkpoints(inner, self.adapter_name)
            self._model = inner

    def _saved(self, state: Any) -> dict[str, Any]:
        entries = state.stateful_callbacks.get(type(self).__name__) or []
        # One entry for each callback of this class; where the Trainer appended, the last one is the newest.
        for entry in reversed(entries if isinstance(entries, list) else [entries]):
            saved: dict[str, Any] | None = entry["attributes"].get("saved")
            if entry["args"].get("adapter_name") == self.adapter_name and saved is not None:
                return saved
        raise StateError(
            f"The Trainer resumes at step {state.global_step} from a checkpoint that holds no rank allocator of the "
            f"adapter `{self.adapter_name}`: it was saved without GLoRACallback. Resume without the callback, or start "
            "anew."
        )


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, torch.Tensor) else value
