"""The adapted matrices of a PEFT model: which there are, what they are called, and which GLoRA refuses.

This module only reads. `glora.resize` writes, and lists the names of PEFT that both rely on.
"""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, PeftModel, PeftType
from peft.tuners.lora import Linear, LoraLayer
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from glora.errors import UnsupportedModelError

# Initialisations of A whose further rows can be drawn without touching the base weight.
SUPPORTED_INITIALISATIONS: tuple[object, ...] = (True, False, "gaussian")


def unwrap_model(model: nn.Module) -> tuple[PeftModel, DistributedDataParallel | None]:
    """Split a model into the PEFT model and the data-parallel wrapper around it, if there is one.

    Raises:
        UnsupportedModelError: If `model` is anything but a `PeftModel`, or a `DistributedDataParallel`
            around one.
    """
    wrapper = model if isinstance(model, DistributedDataParallel) else None
    inner = model.module if isinstance(model, DistributedDataParallel) else model
    if not isinstance(inner, PeftModel):
        raise UnsupportedModelError(
            f"The model is a {type(inner).__name__}, not a PeftModel. Give the result of peft.get_peft_model, or "
            "the DistributedDataParallel around it; unwrap torch.compile, and allocate before FSDP or DeepSpeed "
            "flatten the model."
        )
    return inner, wrapper


def adapter_config(model: PeftModel, adapter_name: str) -> LoraConfig:
    """Return the config of the one adapter of `model`.

    Raises:
        UnsupportedModelError: If there is no such adapter, there are others beside it, or its config asks
            for a variant of LoRA that cannot be resized.
    """
    configs: dict[str, Any] = model.peft_config
    if adapter_name not in configs:
        raise UnsupportedModelError(
            f"The model has no adapter `{adapter_name}`, only {sorted(configs)}; pass its name as `adapter_name`."
        )
    config = configs[adapter_name]
    if config.peft_type != PeftType.LORA:
        raise UnsupportedModelError(
            f"The adapter `{adapter_name}` is {config.peft_type.value}, not LORA; GLoRA allocates the ranks of "
            "plain LoRA. Use peft.LoraConfig."
        )
    if len(configs) > 1:
        raise UnsupportedModelError(
            f"The model has {len(configs)} adapters ({', '.join(sorted(configs))}); GLoRA resizes models with "
            "exactly one. Delete the others, or load them after the training."
        )
    asked = {
        "init_lora_weights": config.init_lora_weights not in SUPPORTED_INITIALISATIONS,
        "use_dora": config.use_dora,
        "use_rslora": config.use_rslora,
        "lora_bias": config.lora_bias,
        "bias": config.bias == "lora_only",
        "target_parameters": bool(config.target_parameters),
    }
    for name in (name for name, refused in asked.items() if refused):
        alternative = ", or set it to 'gaussian'" if name == "init_lora_weights" else ""
        raise UnsupportedModelError(
            f"The adapter `{adapter_name}` has `{name}={getattr(config, name)!r}`, which GLoRA cannot resize. "
            f"Leave `{name}` at its default{alternative}."
        )
    return config


def adapted_layers(model: PeftModel, adapter_name: str) -> dict[str, Any]:
    """Find the LoRA layers of one adapter, by module name as in the base model, in the model's order.

    Copies of whole modules that PEFT trains beside the adapter (``modules_to_save``) are left out.

    Raises:
        UnsupportedModelError: If there is none, or one of them cannot be resized; the text names it.
    """
    config = adapter_config(model, adapter_name)
    base = model.get_base_model()
    copies = [f"{name}." for name, module in base.named_modules() if isinstance(module, AuxiliaryTrainingWrapper)]
    layers: dict[str, Any] = {}
    for name, module in base.named_modules(remove_duplicate=False):
        if not isinstance(module, LoraLayer) or name.startswith(tuple(copies)):
            continue
        problem = _problem_with(module, adapter_name)
        if problem is None and any(module is other for other in layers.values()):
            problem = "is used under two names"
        if problem is not None:
            raise UnsupportedModelError(
                f"`{name}` {problem}, so GLoRA cannot resize its adapter. List it in "
                "LoraConfig(exclude_modules=...) or change what the text says."
            )
        layers[name] = module
    if not layers:
        raise UnsupportedModelError(
            f"The adapter `{adapter_name}` adapts no matrix of this {type(base).__name__} (target_modules: "
            f"{config.target_modules}); let LoraConfig(target_modules=...) match at least one nn.Linear."
        )
    return layers


def _problem_with(layer: Any, adapter_name: str) -> str | None:
    base_layer = layer.get_base_layer()
    if type(layer) is not Linear or not isinstance(base_layer, nn.Linear):
        kind = f"{type(layer).__module__}.{type(layer).__name__}"
        return f"is a {kind} on a {type(base_layer).__name__}, not LoRA on nn.Linear"
    if adapter_name not in layer.lora_A:
        return f"has no adapter `{adapter_name}`"
    if layer.lora_variant:
        return f"uses a variant of LoRA ({type(next(iter(layer.lora_variant.values()))).__name__})"
    if layer.merged:
        return "has its adapter merged into the base weight (call unmerge_adapter first)"
    a, b = layer.lora_A[adapter_name].weight, layer.lora_B[adapter_name].weight
    for factor, weight in (("lora_A", a), ("lora_B", b)):
        if not isinstance(weight, nn.Parameter) or hasattr(weight, "ds_id") or hasattr(weight, "device_mesh"):
            return f"has a {factor} that is sharded or flattened (allocate before FSDP or DeepSpeed prepare the model)"
        if weight.is_meta:
            return f"has a {factor} on the meta device (load the weights first)"
        if not weight.requires_grad:
            return f"has a frozen {factor} (call set_adapter, or load the adapter with is_trainable=True)"
    expected = layer.lora_alpha[adapter_name] / layer.r[adapter_name]
    if layer.scaling[adapter_name] != expected:
        scaling = layer.scaling[adapter_name]
        return f"is scaled by {scaling} instead of alpha/r = {expected} (undo scale_layer or set_scale)"
    return None


def rank_limit(layer: Any, adapter_name: str) -> int:
    """Return the rank of a full update of the layer's matrix, or the rank that the adapter has, if that is more."""
    weight: torch.Tensor = layer.get_base_layer().weight  # (out, in)
    present: int = layer.r[adapter_name]
    return max(present, min(weight.shape))
