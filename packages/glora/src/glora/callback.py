"""`GLoRACallback`: the allocator inside `transformers.Trainer`."""

from __future__ import annotations

import warnings
from typing import Any

from glora.allocator import RankAllocator
from glora.config import GLoRAConfig
from glora.errors import GLoRAError, MissingDependencyError

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingDependencyError(
        "GLoRACallback needs transformers, which is not installed. Run: pip install 'glora[trainer]'"
    ) from error


class GLoRACallback(TrainerCallback):  # type: ignore[misc]
    """Runs a `RankAllocator` in a `transformers.Trainer`.

    The Trainer clips gradients before its callbacks see them. Clipping multiplies all gradients of a step by
    one factor, so it changes how steps weigh in the average but not the shares within a step.

    Args:
        config: Passed to `RankAllocator`.
        adapter_name: Passed to `RankAllocator`.

    Attributes:
        allocator: The allocator; ``None`` until training begins.

    Example:
        >>> Trainer(model=model, callbacks=[GLoRACallback(GLoRAConfig(warmup_steps=500))], ...)  # doctest:
        +SKIP
    """

    def __init__(self, config: GLoRAConfig | None = None, adapter_name: str = "default") -> None:
        self.config = GLoRAConfig() if config is None else config
        self.adapter_name = adapter_name
        self.allocator: RankAllocator | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Build the allocator for the Trainer's model.

        Raises:
            GLoRAError: If the Trainer resumes from a checkpoint, which holds no allocator.
            UnsupportedModelError: If the model cannot be resized.
        """
        if state.global_step > 0:
            raise GLoRAError(
                f"The Trainer resumes at step {state.global_step}, but its checkpoints do not hold the rank "
                "allocator. Start anew, go on without GLoRACallback, or use RankAllocator with its "
                "load_state_dict in a loop of your own."
            )
        if args.load_best_model_at_end:
            warnings.warn(
                "`load_best_model_at_end` cannot load a checkpoint from before the reallocation at step "
                f"{self.config.warmup_steps}; "
                "make sure that the best one is saved after it.",
                stacklevel=2,
            )
        self.allocator = RankAllocator(kwargs["model"], self.config, self.adapter_name)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Forward to `RankAllocator.step`."""
        if self.allocator is not None:
            self.allocator.step(kwargs["optimizer"])
