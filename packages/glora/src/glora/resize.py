r"""Changing the rank of living adapters in place, without changing the function they compute more than asked.

For every matrix the components that stay keep their values and their order; a growing matrix gets components that
leave B A unchanged (`glora.components`); the scaling is constant. At rank 0 the layer becomes its base layer again. The
adapter's config is rewritten, so that what is saved is a plain LoRA adapter that PEFT loads by itself. Step 5 of the
method.

Names of PEFT that `glora.resize`, `glora.adapters` and `glora.layers` rely on and that PEFT does not promise to keep:

* of a LoRA layer: those listed in `glora.layers`, ``merged``;
* of the model: ``peft_config``, ``base_model.targeted_module_names``;
* the class ``peft.utils.other.AuxiliaryTrainingWrapper`` around trained copies (``modules_to_save``);
* how names are matched: `glora.patterns`.

PEFT's ``update_layer`` is not called: it draws both factors anew, casts them to the base weight's type, makes DoRA's
magnitude anew and, under some initialisations, changes the base weight again. Tested with PEFT 0.19.0 and 0.21.2.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from peft.tuners.lora import LoraLayer
from torch import nn

from glora.adapters import adapted_matrices, adapter_config
from glora.components import draw, grow, shrink
from glora.errors import UnsupportedModelError
from glora.optimizer import Exchange, check_optimizer, exchange_parameters, first_moment, unwrap_optimizer
from glora.patterns import anchored, target_modules
from glora.seeding import leading_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from peft import LoraConfig, PeftModel
    from torch import Tensor

    from glora.config import GrowthName, KeepRule
    from glora.layers import Matrix


def resize_adapters(
    model: PeftModel,
    adapter_name: str,
    ranks: Mapping[str, int],
    *,
    keep: KeepRule = "magnitude",
    growth: GrowthName = "random",
    seed: int = 0,
    optimizer: Any = None,
) -> None:
    """Bring an adapter of `model` to the given ranks, in place; other adapters are left alone.

    Parameters whose rank changes are new objects afterwards; parameters whose rank stays are untouched.
    Gradients are carried over like the optimizer's state. Either everything is changed or, on an error,
    nothing.

    Args:
        model: The PEFT model.
        adapter_name: The adapter to resize.
        ranks: The new rank of every adapted matrix by name; 0 takes the adapter away.
        keep: Which components stay where a rank shrinks.
        growth: Where new components point.
        seed: Seed of new components.
        optimizer: The optimizer whose groups and state follow; ``None`` if none exists yet.

    Raises:
        UnsupportedModelError: If a layer cannot be resized, a name is unknown or missing, or no matrix would
            keep an adapter.
        OptimizerError: If the optimizer does not hold the parameters or cannot follow.
    """
    matrices = adapted_matrices(model, adapter_name)
    if ranks.keys() != matrices.keys() or not any(ranks.values()):
        different = sorted(ranks.keys() ^ matrices.keys())
        raise UnsupportedModelError(
            f"The ranks do not fit the adapted matrices: {different[0]} is in only one of the two. Give one rank "
            "per matrix."
            if different
            else "All ranks are 0, which leaves nothing to train; give at least one matrix a rank."
        )
    kind = adapter_config(model, adapter_name).init_lora_weights
    changing = {name: matrix for name, matrix in matrices.items() if ranks[name] != matrix.rank}
    with torch.no_grad():
        exchanges = {
            name: _plan(matrix, ranks[name], keep=keep, kind=kind, seed=seed, seen=_seen(matrix, growth, optimizer))
            for name, matrix in changing.items()
        }
        if optimizer is not None:
            flat = [exchange for planned in exchanges.values() for exchange in planned]
            exchange_parameters(check_optimizer(optimizer, {exchange.name: exchange.old for exchange in flat}), flat)
    base = model.get_base_model()
    for name, matrix in changing.items():
        new_a, new_b = (exchange.new for exchange in exchanges[name][:2])
        if new_a is None or new_b is None:
            matrix.remove(base)
        else:
            matrix.install(new_a, new_b)
    remaining = [matrix for name, matrix in matrices.items() if ranks[name] > 0]
    rewrite_config(model, adapter_name, remaining, retarget=len(remaining) < len(matrices))


def adapter_parameters(matrices: Iterable[Matrix]) -> dict[str, nn.Parameter]:
    """Return the trained parameters of every matrix's adapter, by a name that says whose they are."""
    return {
        f"`{matrix.name}.{part}`": parameter
        for matrix in matrices
        for part, parameter in {"lora_A": matrix.a, "lora_B": matrix.b, **matrix.extras}.items()
        if parameter.requires_grad
    }


def rewrite_config(model: PeftModel, adapter_name: str, matrices: Iterable[Matrix], *, retarget: bool) -> None:
    """Describe an adapter that has exactly these matrices so that PEFT builds it again from the config alone.

    Args:
        model: The PEFT model.
        adapter_name: The adapter.
        matrices: Every matrix that the adapter adapts now.
        retarget: Whether they are others than the config names.
    """
    # A copy, because the user may build the next model from the same LoraConfig object.
    config: LoraConfig = copy.copy(model.peft_config[adapter_name])
    ranks, alphas = {}, {}
    for matrix in matrices:
        ranks[matrix.name], alphas[matrix.name] = matrix.rank, matrix.alpha
    widest = max(ranks, key=ranks.__getitem__)
    config.r, config.lora_alpha = ranks[widest], alphas[widest]
    config.rank_pattern = {anchored(name): rank for name, rank in ranks.items() if rank != config.r}
    config.alpha_pattern = {anchored(name): alpha for name, alpha in alphas.items() if alpha != config.lora_alpha}
    if retarget:
        modules = dict(model.get_base_model().named_modules())
        config.target_modules = target_modules(list(ranks), [name for name in modules if name not in ranks])
        config.layers_to_transform = config.layers_pattern = None  # the names above are complete
        targeted = model.base_model.targeted_module_names
        model.base_model.targeted_module_names = [name for name in targeted if isinstance(modules.get(name), LoraLayer)]
    model.peft_config[adapter_name] = config


def _seen(matrix: Matrix, growth: GrowthName, optimizer: Any) -> Tensor | None:
    """The gradient of the drawn factor so far, (r, width), if new components are to point along it."""
    if growth == "random":
        return None
    drawn = matrix.b if matrix.reversed else matrix.a
    average = None if optimizer is None else first_moment(unwrap_optimizer(optimizer), drawn)
    gradient = drawn.grad if average is None else average
    if gradient is None:
        return None
    flat = gradient.flatten(1)
    return flat.mT if matrix.reversed else flat


def _plan(matrix: Matrix, rank: int, *, keep: KeepRule, kind: object, seed: int, seen: Tensor | None) -> list[Exchange]:
    """Make the new parameters of one matrix, with their gradients; A's exchange comes first, then B's."""
    old_a, old_b = matrix.a, matrix.b
    if rank == 0:
        parts = {"lora_A": old_a, "lora_B": old_b, **matrix.extras}
        return [Exchange(f"`{matrix.name}.{part}`", parameter, None, None, 0) for part, parameter in parts.items()]
    a, b = old_a.flatten(1), old_b.flatten(1)  # (r, in), (out, r)
    b_is_drawn = matrix.reversed
    if rank < len(a):
        new = shrink(a, b, rank, keep, b_is_drawn=b_is_drawn)
    else:
        width = len(b) if b_is_drawn else a.shape[1]
        kind = "embedding" if b_is_drawn else kind
        drawn = draw(rank - len(a), width, matrix.name, kind=kind, spread_rank=len(a), seed=seed)
        if seen is not None:
            found = leading_rows(seen, b.mT if b_is_drawn else a, len(drawn)).to(drawn.device)
            drawn = torch.cat([found, drawn[len(found) :]])
        new = grow(a, b, drawn, b_is_drawn=b_is_drawn)
    new_a = _parameter(new.a.reshape(rank, *old_a.shape[1:]), old_a)
    new_b = _parameter(new.b.reshape(len(b), rank, *old_b.shape[2:]), old_b)
    if old_a.grad is not None:
        new_a.grad = new.gradient_of_a(old_a.grad.flatten(1)).reshape(new_a.shape)
    if old_b.grad is not None:
        new_b.grad = new.gradient_of_b(old_b.grad.flatten(1)).reshape(new_b.shape)
    return [
        Exchange(f"`{matrix.name}.lora_A`", old_a, new_a, new.kept, 0),
        Exchange(f"`{matrix.name}.lora_B`", old_b, new_b, new.kept, 1),
    ]


def _parameter(values: Tensor, old: nn.Parameter) -> nn.Parameter:
    return nn.Parameter(values.contiguous(), requires_grad=old.requires_grad)
