"""GLoRA: Gradient-Norm Aware Rank Allocation for LoRA, on Hugging Face PEFT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glora.allocator import RankAllocator
from glora.budget import allocate_ranks
from glora.checkpoint import prepare_for_checkpoint
from glora.config import GLoRAConfig
from glora.errors import (
    AdapterFileError,
    AllocationError,
    ConfigError,
    ExportError,
    GLoRAError,
    MissingDependencyError,
    OptimizerError,
    PlanError,
    StateError,
    UnsupportedModelError,
)
from glora.export import export_uniform
from glora.plan import RankPlan

if TYPE_CHECKING:
    from glora.callback import GLoRACallback

__all__ = [
    "AdapterFileError",
    "AllocationError",
    "ConfigError",
    "ExportError",
    "GLoRACallback",
    "GLoRAConfig",
    "GLoRAError",
    "MissingDependencyError",
    "OptimizerError",
    "PlanError",
    "RankAllocator",
    "RankPlan",
    "StateError",
    "UnsupportedModelError",
    "allocate_ranks",
    "export_uniform",
    "prepare_for_checkpoint",
]


def __getattr__(name: str) -> Any:
    # Only this name needs transformers' Trainer, which takes a while to import.
    if name == "GLoRACallback":
        from glora.callback import GLoRACallback  # noqa: PLC0415

        return GLoRACallback
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
