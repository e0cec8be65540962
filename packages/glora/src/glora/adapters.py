"""The adapted matrices of a PEFT model: which there are, what they are called, and which GLoRA refuses.

This module only reads. `glora.resize` writes, and lists the names of PEFT that both rely on.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from peft import LoraConfig, PeftModel, PeftType
from peft.import_utils import is_bnb_4bit_available, is_bnb_available
from peft.tuners.lora import Embedding, Linear, LoraLayer
from peft.tuners.lora.layer import Conv1d, Conv2d, Conv3d, MultiheadAttention
from peft.utils.other import AuxiliaryTrainingWrapper
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from transformers.pytorch_utils import Conv1D

from glora.errors import TWO_PHASES, UnsupportedModelError
from glora.layers import Matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

    Holders = Mapping[int, list[tuple[str, nn.Module]]]

# LoRA layers, and what they may wrap. Quantized Linear layers of bitsandbytes are added where they are installed.
SUPPORTED: dict[type, tuple[type, ...]] = {
    Linear: (nn.Linear, Conv1D),
    Embedding: (nn.Embedding,),
    Conv1d: (nn.Conv1d,),
    Conv2d: (nn.Conv2d,),
    Conv3d: (nn.Conv3d,),
}
if is_bnb_available():
    from peft.tuners.lora import Linear8bitLt

    SUPPORTED[Linear8bitLt] = (nn.Linear,)
if is_bnb_4bit_available():
    from peft.tuners.lora import Linear4bit

    SUPPORTED[Linear4bit] = (nn.Linear,)

# Initialisations that leave the base weight alone. The others subtract their first B A from it, at the rank of the
# start: a reload would do so again at the new rank, and a matrix of rank 0 would be left without what was subtracted.
SUPPORTED_INITIALISATIONS: tuple[object, ...] = (True, False, "gaussian", "eva")


def unwrap_model(model: nn.Module) -> tuple[PeftModel, DistributedDataParallel | None]:
    """Split a model into the PEFT model and the data-parallel wrapper around it, if there is one.

    What ``torch.compile`` returns is entered, on either side of the wrapper.

    Raises:
        UnsupportedModelError: If `model` is anything but a `PeftModel`, or a `DistributedDataParallel`
            around one.
    """
    inner = _without_compilation(model)
    wrapper = inner if isinstance(inner, DistributedDataParallel) else None
    if wrapper is not None:
        inner = _without_compilation(wrapper.module)
    if not isinstance(inner, PeftModel):
        raise UnsupportedModelError(
            f"The model is a {type(inner).__name__}, not a PeftModel. Give the result of peft.get_peft_model, or the "
            f"DistributedDataParallel around it. {TWO_PHASES}"
        )
    return inner, wrapper


def _without_compilation(model: Any) -> Any:
    return getattr(model, "_orig_mod", model)  # set by torch.compile(model); model.compile() leaves the object alone


def adapter_config(model: PeftModel, adapter_name: str) -> LoraConfig:
    """Return the config of an adapter of `model`.

    Raises:
        UnsupportedModelError: If there is no such adapter, or its config asks for a variant of LoRA that
            cannot be resized.
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
            "LoRA. Use peft.LoraConfig."
        )
    # What was asked for, whether it is refused, and the way round.
    asked = {
        "init_lora_weights": (
            config.init_lora_weights not in SUPPORTED_INITIALISATIONS,
            (
                "It changes the base weights by an update of the first rank, which no other rank can load again; use "
                "True, 'gaussian' or 'eva'."
            ),
        ),
        "bias": (
            config.bias == "lora_only",
            "PEFT saves the biases of adapted layers only, and a matrix may lose its adapter; use 'none' or 'all'.",
        ),
        "target_parameters": (
            bool(config.target_parameters),
            "Experts share one parameter and one rank; adapt modules by `target_modules`.",
        ),
        "ensure_weight_tying": (
            bool(getattr(config, "ensure_weight_tying", False)) and bool(config.target_modules),
            "Tied adapters share their factors and would need one rank; leave it False and do not adapt tied layers.",
        ),
    }
    for name, (refused, remedy) in asked.items():
        if refused:
            raise UnsupportedModelError(
                f"The adapter `{adapter_name}` has `{name}={getattr(config, name)!r}`, which GLoRA cannot resize. "
                f"{remedy}"
            )
    return config


def adapted_matrices(model: PeftModel, adapter_name: str) -> dict[str, Matrix]:
    """Find the matrices that an adapter adapts, by module name as in the base model, in the model's order.

    Copies of whole modules that PEFT trains beside the adapter (``modules_to_save``) are left out.

    Raises:
        UnsupportedModelError: If there is none, or one of them cannot be resized; the text names it.
    """
    config = adapter_config(model, adapter_name)
    base = model.get_base_model()
    modules = list(base.named_modules(remove_duplicate=False))
    copies = tuple(f"{name}." for name, module in modules if isinstance(module, AuxiliaryTrainingWrapper))
    holders = {} if getattr(config, "layer_replication", None) else _holders_of_weights(modules)
    matrices: dict[str, Matrix] = {}
    for name, module in modules:
        if not isinstance(module, LoraLayer) or name.startswith(copies):
            continue
        matrix = Matrix(name, module, adapter_name)
        problem = _problem_of_kind(module)
        if problem is None and adapter_name not in module.r:
            continue  # another adapter's
        problem = problem or _problem_of_adapter(matrix) or _problem_of_sharing(matrix, matrices, holders)
        if problem is not None:
            raise UnsupportedModelError(
                f"`{name}` {problem}, so GLoRA cannot resize its adapter. List it in "
                "LoraConfig(exclude_modules=...) or change what the text says."
            )
        matrices[name] = matrix
    if not matrices:
        raise UnsupportedModelError(
            f"The adapter `{adapter_name}` adapts no matrix of this {type(base).__name__} (target_modules: "
            f"{config.target_modules}); let LoraConfig(target_modules=...) match at least one nn.Linear."
        )
    return matrices


def present_ranks(model: PeftModel, adapter_name: str) -> dict[str, int]:
    """Return the rank of every matrix that an adapter adapts now, resizable or not, by module name."""
    modules = model.get_base_model().named_modules()
    return {
        name: module.r[adapter_name]
        for name, module in modules
        if isinstance(module, LoraLayer) and adapter_name in module.r
    }


def _problem_of_kind(layer: Any) -> str | None:
    base_layer = layer.get_base_layer()
    if isinstance(layer, MultiheadAttention):
        return "is an nn.MultiheadAttention, whose projections are adapted with one rank inside one module"
    if not isinstance(base_layer, SUPPORTED.get(type(layer), ())):
        kind = f"{type(layer).__module__}.{type(layer).__name__}"
        return f"is a {kind} on a {type(base_layer).__name__}, not LoRA on nn.Linear, Conv1D, nn.Embedding or nn.Conv2d"
    groups = getattr(base_layer, "groups", 1)
    if groups != 1:
        return f"is a convolution in {groups} groups, whose rank would have to be a multiple of them"
    if getattr(base_layer, "sparse", False):
        return "is an embedding with sparse gradients (build it with sparse=False)"
    return None


def _problem_of_adapter(matrix: Matrix) -> str | None:
    layer, adapter_name = matrix.layer, matrix.adapter_name
    variant = layer.lora_variant.get(adapter_name)
    if variant is not None and not type(variant).__name__.lstrip("_").startswith("Dora"):
        return f"uses a variant of LoRA ({type(variant).__name__})"
    if layer.merged:
        return "has its adapter merged into the base weight (call unmerge_adapter first)"
    if hasattr(layer.get_base_layer().weight, "device_mesh"):  # a DTensor: FSDP2 or tensor parallelism
        raise UnsupportedModelError(f"`{matrix.name}` is sharded over devices. {TWO_PHASES}")
    factors = ("lora_embedding_A", "lora_embedding_B") if matrix.reversed else ("lora_A", "lora_B")
    for factor, weight in zip(factors, (matrix.a, matrix.b), strict=True):
        if not isinstance(weight, nn.Parameter) or hasattr(weight, "ds_id") or hasattr(weight, "device_mesh"):
            raise UnsupportedModelError(f"`{matrix.name}` has a {factor} that is sharded or flattened. {TWO_PHASES}")
        if weight.is_meta:
            return f"has a {factor} on the meta device (load the weights first)"
        if not weight.requires_grad:
            return f"has a frozen {factor} (call set_adapter, or load the adapter with is_trainable=True)"
    expected = matrix.alpha / (math.sqrt(matrix.rank) if matrix.rslora else matrix.rank)
    if matrix.scaling != expected:
        rule = "alpha/√r" if matrix.rslora else "alpha/r"
        return f"is scaled by {matrix.scaling} instead of {rule} = {expected} (undo scale_layer or set_scale)"
    return None


def _problem_of_sharing(matrix: Matrix, others: Mapping[str, Matrix], holders: Holders) -> str | None:
    if any(matrix.layer is other.layer for other in others.values()):
        return "is used under two names"
    base_layer = matrix.layer.get_base_layer()
    sharing = [name for name, module in holders.get(id(base_layer.weight), ()) if module is not base_layer]
    if sharing:
        return f"shares its base weight with `{sharing[0]}` (tied embeddings: adapt neither, or untie them)"
    return None


def _holders_of_weights(modules: list[tuple[str, nn.Module]]) -> Holders:
    """Find the modules that hold each weight, named as in the base model."""
    holders: defaultdict[int, list[tuple[str, nn.Module]]] = defaultdict(list)
    for name, module in modules:
        weight = module._parameters.get("weight")
        if weight is not None:
            holders[id(weight)].append((name.removesuffix(".base_layer"), module))
    return holders
