r"""Changing the rank of living adapters in place, without changing the function they compute more than asked.

For every matrix the components that stay keep their values and their order; a growing matrix gets new rows
of A drawn like the first ones and columns of B that are zero, so that B A is unchanged; alpha/r is constant.
At rank 0 the layer becomes its base layer again. The adapter's config is rewritten, so that what is saved is
a plain LoRA adapter that PEFT loads by itself. Step 5 of the method.

Names of PEFT that `glora.resize` and `glora.adapters` rely on and that PEFT does not promise to keep:

* of a LoRA layer: ``lora_A``, ``lora_B`` (`nn.Linear` without bias by adapter name), ``r``, ``lora_alpha``,
  ``scaling``, ``lora_variant``, ``merged``, ``get_base_layer``;
* of the model: ``peft_config``, ``base_model.targeted_module_names``;
* the class ``peft.utils.other.AuxiliaryTrainingWrapper`` around trained copies (``modules_to_save``);
* how names are matched: a ``target_modules`` list by whole name or suffix, a string by full match;
  ``rank_pattern`` keys by ``re.match(rf"(.*\.)?({key})$", name)``.

PEFT's ``update_layer`` is not called: it draws both factors anew, casts them to the base weight's type and,
under some initialisations, changes the base weight again. Tested with PEFT 0.19.0 and 0.21.2.
"""

from __future__ import annotations

import copy
import hashlib
import math
import re
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from glora.adapters import adapted_layers, adapter_config
from glora.errors import UnsupportedModelError
from glora.optimizer import Exchange, check_optimizer, exchange_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peft import LoraConfig, PeftModel
    from torch import Tensor

    from glora.config import KeepRule


def resize_adapters(
    model: PeftModel,
    adapter_name: str,
    ranks: Mapping[str, int],
    *,
    keep: KeepRule = "magnitude",
    seed: int = 0,
    optimizer: Any = None,
) -> None:
    """Bring the adapters of `model` to the given ranks, in place.

    Parameters whose rank changes are new objects afterwards; parameters whose rank stays are untouched.
    Gradients are carried over like the optimizer's state. Either everything is changed or, on an error,
    nothing.

    Args:
        model: The PEFT model.
        adapter_name: The adapter to resize.
        ranks: The new rank of every adapted matrix by name; 0 takes the adapter away.
        keep: Which components stay where a rank shrinks.
        seed: Seed of new rows.
        optimizer: The optimizer whose groups and state follow; ``None`` if none exists yet.

    Raises:
        UnsupportedModelError: If a layer cannot be resized, a name is unknown or missing, or no matrix would
            keep an adapter.
        OptimizerError: If the optimizer does not hold the parameters or its state cannot be carried over.
    """
    layers = adapted_layers(model, adapter_name)
    if ranks.keys() != layers.keys() or not any(ranks.values()):
        different = sorted(ranks.keys() ^ layers.keys())
        raise UnsupportedModelError(
            f"The ranks do not fit the adapted matrices: {different[0]} is in only one of the two. Give one rank "
            "per matrix."
            if different
            else "All ranks are 0, which leaves nothing to train; give at least one matrix a rank."
        )
    config = adapter_config(model, adapter_name)
    exchanges: list[Exchange] = []
    ratios = {name: Fraction(layer.lora_alpha[adapter_name]) / layer.r[adapter_name] for name, layer in layers.items()}
    with torch.no_grad():
        for name, layer in layers.items():
            if ranks[name] != layer.r[adapter_name]:
                kind = config.init_lora_weights
                exchanges += _plan(name, layer, adapter_name, ranks[name], keep=keep, kind=kind, seed=seed)
        if optimizer is not None:
            inner = check_optimizer(optimizer, {exchange.name: exchange.old for exchange in exchanges})
            exchange_parameters(inner, exchanges)
        for exchange in exchanges:
            if exchange.new is not None and exchange.old.grad is not None:
                exchange.new.grad = exchange.carry(exchange.old.grad)
    successors = {id(exchange.old): exchange.new for exchange in exchanges}
    base = model.get_base_model()
    for name, layer in layers.items():
        if ranks[name] == 0:
            parent, _, child = name.rpartition(".")
            setattr(base.get_submodule(parent), child, layer.get_base_layer())
        elif ranks[name] != layer.r[adapter_name]:
            _install(layer, adapter_name, ranks[name], ratio=ratios[name], successors=successors)
    _rewrite_config(model, adapter_name, ranks, ratios)


def adapter_parameters(layers: Mapping[str, Any], adapter_name: str) -> dict[str, nn.Parameter]:
    """Return both factors of every layer, by a name that says whose they are."""
    return {
        f"`{name}.{factor}`": getattr(layer, factor)[adapter_name].weight
        for name, layer in layers.items()
        for factor in ("lora_A", "lora_B")
    }


def _plan(
    name: str, layer: Any, adapter_name: str, rank: int, *, keep: KeepRule, kind: object, seed: int
) -> tuple[Exchange, Exchange]:
    a: nn.Parameter = layer.lora_A[adapter_name].weight  # (r, in)
    b: nn.Parameter = layer.lora_B[adapter_name].weight  # (out, r)
    kept = _kept_components(a, b, rank, keep)
    new_a = new_b = None
    if rank > 0:
        rows = a.index_select(0, kept)
        columns = b.index_select(1, kept.to(b.device))
        extra = rank - len(kept)
        if extra > 0:
            drawn = _new_rows(extra, a.shape[1], name, kind=kind, spread_rank=a.shape[0], seed=seed)
            rows = torch.cat([rows, drawn.to(a.device, a.dtype)])
            columns = torch.cat([columns, columns.new_zeros(len(columns), extra)], dim=1)
        new_a = nn.Parameter(rows, requires_grad=a.requires_grad)
        new_b = nn.Parameter(columns, requires_grad=b.requires_grad)
    return (
        Exchange(f"`{name}.lora_A`", a, new_a, kept, dim=0),
        Exchange(f"`{name}.lora_B`", b, new_b, kept.to(b.device), dim=1),
    )


def _kept_components(a: Tensor, b: Tensor, rank: int, keep: KeepRule) -> Tensor:
    """Choose which components of B A stay; returns (min(rank, r),) ascending positions."""
    present = a.shape[0]
    if keep == "first" or rank >= present:
        return torch.arange(min(rank, present), device=a.device)
    size = b.float().norm(dim=0).to(a.device) * a.float().norm(dim=1)  # (r,) Frobenius norm of each part
    largest: Tensor = size.argsort(descending=True, stable=True)[:rank]
    return largest.sort().values


def _new_rows(count: int, width: int, name: str, *, kind: object, spread_rank: int, seed: int) -> Tensor:
    """Draw rows of A as PEFT drew the first ones; the same for the same seed and name on every machine.

    Args:
        count: How many.
        width: Inputs of the matrix.
        name: The matrix's name.
        kind: ``init_lora_weights`` of the adapter: True and False draw A alike, uniformly (Kaiming);
            ``"gaussian"`` draws with standard deviation 1 / `spread_rank`.
        spread_rank: The rank that the first rows were drawn at.
        seed: From the config.
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    rows = torch.empty(count, width)
    if kind == "gaussian":
        return nn.init.normal_(rows, std=1 / spread_rank, generator=generator)
    return nn.init.kaiming_uniform_(rows, a=math.sqrt(5), generator=generator)


def _install(
    layer: Any, adapter_name: str, rank: int, *, ratio: Fraction, successors: Mapping[int, nn.Parameter | None]
) -> None:
    lora_a, lora_b = layer.lora_A[adapter_name], layer.lora_B[adapter_name]
    lora_a.weight, lora_b.weight = successors[id(lora_a.weight)], successors[id(lora_b.weight)]
    lora_a.out_features = lora_b.in_features = rank
    layer.r[adapter_name] = rank
    layer.lora_alpha[adapter_name] = _number(ratio * rank)
    layer.scaling[adapter_name] = layer.lora_alpha[adapter_name] / rank  # as PEFT computes it on loading


def _number(value: Fraction) -> int | float:
    return value.numerator if value.denominator == 1 else float(value)


def _rewrite_config(
    model: PeftModel, adapter_name: str, ranks: Mapping[str, int], ratios: Mapping[str, Fraction]
) -> None:
    """Describe the resized adapter so that PEFT builds it again from the config alone."""
    # A copy, because the user may build the next model from the same LoraConfig object.
    config: LoraConfig = copy.copy(model.peft_config[adapter_name])
    kept = {name: rank for name, rank in ranks.items() if rank > 0}
    widest = max(kept, key=kept.__getitem__)
    alphas = {name: _number(ratios[name] * rank) for name, rank in kept.items()}
    config.r, config.lora_alpha = kept[widest], alphas[widest]
    config.rank_pattern = {_anchored(name): rank for name, rank in kept.items() if rank != config.r}
    config.alpha_pattern = {_anchored(name): alpha for name, alpha in alphas.items() if alpha != config.lora_alpha}
    if len(kept) < len(ranks):
        others = [name for name, _ in model.get_base_model().named_modules() if name not in kept]
        config.target_modules = _target_modules(list(kept), others)
        config.layers_to_transform = config.layers_pattern = None  # the names above are complete
        model.base_model.targeted_module_names = list(kept)
    model.peft_config[adapter_name] = config


def _anchored(name: str) -> str:
    return f"^{re.escape(name)}$"


def _target_modules(kept: list[str], others: list[str]) -> set[str] | str:
    """List exactly the kept modules: by name, or as a pattern where a name is also the ending of another module's."""
    endings = tuple(f".{name}" for name in kept)
    if any(other.endswith(endings) for other in others):
        return "|".join(re.escape(name) for name in kept)
    return set(kept)
