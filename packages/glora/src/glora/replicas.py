"""Data-parallel replicas: finding the wrapper around a model, and renewing it after parameters were exchanged.

`DistributedDataParallel` registers its reduction hooks on the parameters that exist when it is made.
Parameters exchanged later are never reduced, without any error, and the replicas drift apart. The way out
used here is to run the wrapper's constructor again on the same object, which makes a new reducer and
broadcasts rank 0's parameters; training loops keep their reference.

Not covered: FSDP and DeepSpeed, which flatten or shard parameters before training starts.

Attributes of `DistributedDataParallel` read here, none of them documented: ``_comm_hooks``,
``_delay_all_reduce_params``, ``bucket_bytes_cap``, ``bucket_bytes_cap_default``, ``bucket_bytes_cap_list``.
Tested with torch 2.15.
"""

from __future__ import annotations

import gc
import inspect
import warnings
from typing import Any

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from glora.errors import TWO_PHASES, UnsupportedModelError

_MIB = 1024 * 1024
# Constructor arguments that are not read back from an attribute of the same name.
_NOT_ATTRIBUTES = {
    "self",
    "module",
    "device_mesh",
    "init_sync",
    "bucket_cap_mb",
    "bucket_cap_mb_list",
    "check_reduction",
}


def find_data_parallel(model: torch.nn.Module) -> DistributedDataParallel | None:
    """Find the data-parallel wrapper that holds `model`, also when only the model inside was handed over.

    A `transformers.Trainer` callback sees the model without its wrapper, so living objects are searched.
    Call it once, not every step.

    Raises:
        UnsupportedModelError: If several wrappers hold the model, or its wrapper cannot be renewed.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return None
    gc.collect()  # a discarded wrapper may live on in a reference cycle
    wrappers = [
        candidate
        for candidate in gc.get_objects()
        if issubclass(type(candidate), DistributedDataParallel)
        and any(module is model for module in candidate.module.modules())
    ]
    if not wrappers:
        return None
    if len(wrappers) > 1:
        raise UnsupportedModelError(
            f"{len(wrappers)} DistributedDataParallel objects hold this model, so its gradients are reduced more "
            "than once. Wrap the model once and drop the other wrapper."
        )
    return check_renewable(wrappers[0])


def refuse_sharding(model: torch.nn.Module) -> None:
    """Make sure that no FSDP holds `model` or a part of it: its parameters are not the model's own.

    Raises:
        UnsupportedModelError: One does.
    """
    if not (dist.is_available() and dist.is_initialized()):
        return
    inside = any(_is_sharding(module) for module in model.modules())
    if inside or any(
        _is_sharding(candidate) and any(module is model for module in candidate.modules())
        for candidate in gc.get_objects()
    ):
        raise UnsupportedModelError(f"The model is held by FullyShardedDataParallel. {TWO_PHASES}")


def _is_sharding(candidate: object) -> bool:
    return any(kind.__name__ == "FullyShardedDataParallel" for kind in type(candidate).__mro__)


def check_renewable(wrapper: DistributedDataParallel) -> DistributedDataParallel:
    """Return `wrapper` if `renew` can rebuild it as it is.

    Raises:
        UnsupportedModelError: If it was made with ``mixed_precision`` or ``delay_all_reduce_named_params``.
    """
    if wrapper.mixed_precision is not None or getattr(wrapper, "_delay_all_reduce_params", None):
        raise UnsupportedModelError(
            "DistributedDataParallel was made with `mixed_precision` or `delay_all_reduce_named_params`, whose "
            "hooks cannot be moved to the new parameters. Leave both out; use torch.autocast for mixed precision."
        )
    return wrapper


def share_from_first(tensor: torch.Tensor, wrapper: DistributedDataParallel) -> None:
    """Overwrite `tensor` in place with the first replica's, so that all replicas decide alike."""
    group = wrapper.process_group
    dist.broadcast(tensor, src=dist.get_global_rank(group, 0), group=group)


def average_over_replicas(tensor: torch.Tensor, wrapper: DistributedDataParallel) -> None:
    """Overwrite `tensor` in place with its mean over the replicas, as gradients are reduced."""
    group = wrapper.process_group
    dist.all_reduce(tensor, group=group)
    tensor.div_(dist.get_world_size(group))


def renew(wrapper: DistributedDataParallel) -> None:
    """Rebuild the reducer of `wrapper` in place for the parameters that its module has now.

    Every replica must call it at the same step. Settings, training mode, forward hooks and communication
    hooks stay.
    """
    check_renewable(wrapper)
    arguments = _constructor_arguments(wrapper)
    module, training = wrapper.module, wrapper.training
    comm_hooks: list[tuple[Any, Any]] = list(getattr(wrapper, "_comm_hooks", ()))
    module_hooks = {name: value for name, value in vars(wrapper).items() if "_hooks" in name}
    module_hooks.pop("_comm_hooks", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # `broadcast_buffers`, see below
        DistributedDataParallel.__init__(wrapper, module, **arguments)
    vars(wrapper).update(module_hooks)
    wrapper.training = training
    for hook, state in comm_hooks:
        wrapper.register_comm_hook(state, hook)


def _constructor_arguments(wrapper: DistributedDataParallel) -> dict[str, Any]:
    known = inspect.signature(DistributedDataParallel.__init__).parameters.keys() - _NOT_ATTRIBUTES
    arguments = {name: value for name, value in vars(wrapper).items() if name in known}
    if not wrapper.bucket_bytes_cap_default:
        arguments["bucket_cap_mb"] = wrapper.bucket_bytes_cap / _MIB
    if getattr(wrapper, "bucket_bytes_cap_list", None):
        arguments["bucket_cap_mb_list"] = [size / _MIB for size in wrapper.bucket_bytes_cap_list]
    if "broadcast_buffers" in known and "forward_sync_buffers" in arguments:
        # The older name leaves buffers alone at construction too, which a renewal in mid-training must.
        arguments["broadcast_buffers"] = arguments.pop("forward_sync_buffers")
    return arguments
