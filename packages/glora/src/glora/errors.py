"""The errors that GLoRA raises.

    GLoRAError
    ├── ConfigError             a value of GLoRAConfig is out of its range (also a ValueError)
    ├── AllocationError         scores or totals from which no ranks can be made (also a ValueError)
    ├── UnsupportedModelError   a model, an adapter or a layer that cannot be resized
    ├── OptimizerError          an optimizer that does not hold the adapters, or whose state cannot be cut
    ├── StateError              a saved allocator or checkpoint that does not belong to this model or config
    ├── PlanError               a rank plan that cannot be read, written or used
    ├── AdapterFileError        a saved adapter that cannot be read
    ├── ExportError             an adapter that cannot be exported (also a ValueError)
    └── MissingDependencyError  an optional library is not installed (also an ImportError)

Each text says what was wrong, the value seen, the matrix it was seen in, and what to do.
"""

from __future__ import annotations

# The way round for trainers that shard parameters before the first step.
TWO_PHASES = (
    "FSDP and DeepSpeed flatten or shard the parameters before training starts, after which no rank can change. "
    "Work in two phases: run the warm-up on one device with RankAllocator and store the ranks with "
    "`allocator.plan.save('ranks.json')`, then train sharded from "
    "`get_peft_model(base, RankPlan.load('ranks.json').to_lora_config())`."
)


class GLoRAError(Exception):
    """Base of all errors of this package."""


class ConfigError(GLoRAError, ValueError):
    """One or more values of `GLoRAConfig` are out of range; the text lists all of them."""


class AllocationError(GLoRAError, ValueError):
    """No ranks can be made from these scores, this total and these bounds."""


class UnsupportedModelError(GLoRAError):
    """The model, its adapter or one of its LoRA layers cannot be resized."""


class OptimizerError(GLoRAError):
    """The optimizer does not hold the adapters' parameters, or its state cannot be carried over."""


class StateError(GLoRAError):
    """A saved allocator state does not fit the model or the config it is loaded into."""


class PlanError(GLoRAError):
    """A rank plan cannot be read or written, or its values make no plan."""


class AdapterFileError(GLoRAError):
    """A saved adapter's folder is incomplete, or a file in it cannot be read."""


class ExportError(GLoRAError, ValueError):
    """A saved adapter cannot be exported to the asked form."""


class MissingDependencyError(GLoRAError, ImportError):
    """An optional library that the requested feature needs is not installed."""
