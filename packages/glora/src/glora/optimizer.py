"""Exchanging parameters inside a living optimizer, with the state that belongs to the components that stay.

What becomes of the state of a parameter whose rank changes:

* torch's Adam, AdamW, Adamax, NAdam, RAdam, SGD, RMSprop, Adagrad, Adadelta and Muon: tensors of the parameter's shape
  are cut like it. New components get zero as their first moment (``exp_avg``, ``momentum_buffer``, …) and the mean of
  what stays as their second (``exp_avg_sq``, …): from zero it would take hundreds of steps to be right, in which they
  would move several times too far, since ``step`` stays and nothing corrects for the start. Numbers stay.
* Adafactor, torch's and transformers': the same. Factored second moments are cut along the rank where they have it;
  those that average over the rank stay.
* Any other optimizer: reset, with a warning that names it; it starts anew for these parameters alone.
* LBFGS: refused, it has one flat history of all parameters.

The state of mixed components (``keep="svd"``) is always reset: moments of the old ones say nothing about them.

Internals of torch.optim used here: ``param_groups`` (with the parallel list ``param_names``) and ``state``;
an optimizer that only wraps another one (accelerate) is entered through its attribute ``optimizer``. Tested
with torch 2.15 and transformers 5.23.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import LBFGS, Optimizer

from glora.errors import TWO_PHASES, OptimizerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor
    from torch.nn import Parameter

# By name, so that transformers need not be imported; subclasses count.
CARRIED = frozenset(
    ["Adafactor", "Adagrad", "Adadelta", "Adam", "Adamax", "AdamW", "Muon", "NAdam", "RAdam", "RMSprop", "SGD"]
)
# Averages of squares (or, in Adamax, greatest sizes) by which the steps are divided.
SECOND_MOMENTS = frozenset(["acc_delta", "exp_avg_sq", "exp_inf", "max_exp_avg_sq", "square_avg", "sum"])
# Averages of gradients, under whatever name an optimizer keeps one.
FIRST_MOMENTS = ("exp_avg", "momentum_buffer")
# Which dimension a factored moment averages over, and whether it is kept with size one (torch) or dropped.
FACTORED = {
    "exp_avg_sq_row": (-1, False),
    "exp_avg_sq_col": (-2, False),
    "row_var": (-1, True),
    "col_var": (-2, True),
}


@dataclass(frozen=True)
class Exchange:
    """One parameter that changes its shape along the rank dimension, or goes.

    Attributes:
        name: The parameter's name, for errors.
        old: The parameter before.
        new: The parameter after; ``None`` if it goes.
        kept: (number kept,) int64 positions in `old` of what stays, in the order in which it opens `new`;
            ``None`` if nothing stays as it was.
        dim: The rank dimension: 0 for A (r, …), 1 for B (out, r, …).
    """

    name: str
    old: Parameter
    new: Parameter | None
    kept: Tensor | None
    dim: int

    def carry(self, key: str, value: Any) -> Any:
        """Fit one entry of the old parameter's state to the new parameter.

        Raises:
            ValueError: If it has another form than the ones in this module's table.
        """
        if self.new is None or self.kept is None:
            raise ValueError(f"{self.name}: nothing of it stays.")
        if not isinstance(value, torch.Tensor):
            return value
        if key in FACTORED:  # at rank 1 it may have the parameter's own shape
            dim, is_kept = FACTORED[key]
            averaged = dim % self.old.dim()
            if averaged == self.dim:
                return value
            return self._cut(value, self.dim - (not is_kept and averaged < self.dim), pad_with_mean=True)
        if value.shape == self.old.shape and value.is_floating_point():
            return self._cut(value, self.dim, pad_with_mean=key in SECOND_MOMENTS)
        if value.numel() == 1:
            return value
        raise ValueError(f"{self.name}: `{key}` is a tensor {tuple(value.shape)} of {value.dtype}.")

    def _cut(self, tensor: Tensor, dim: int, *, pad_with_mean: bool = False) -> Tensor:
        if self.new is None or self.kept is None:
            raise ValueError(f"{self.name}: nothing of it stays.")
        stays = tensor.index_select(dim, self.kept.to(tensor.device))
        shape = [*tensor.shape[:dim], self.new.shape[self.dim] - len(self.kept), *tensor.shape[dim + 1 :]]
        pad = stays.mean(dim, keepdim=True).expand(shape) if pad_with_mean else tensor.new_zeros(shape)
        return torch.cat([stays, pad], dim)


def unwrap_optimizer(optimizer: Any) -> Optimizer:
    """Return the torch optimizer inside a wrapper such as accelerate's ``AcceleratedOptimizer``.

    Raises:
        OptimizerError: If there is none.
    """
    inner = optimizer
    if any("deepspeed" in kind.__name__.lower() for kind in type(optimizer).__mro__):
        raise OptimizerError(f"`optimizer` is a {type(optimizer).__name__}. {TWO_PHASES}")
    while not isinstance(inner, Optimizer) or isinstance(getattr(inner, "optimizer", None), Optimizer):
        inner = getattr(inner, "optimizer", None)
        if inner is None:
            raise OptimizerError(
                f"`optimizer` is a {type(optimizer).__name__}; give the torch.optim.Optimizer that updates the model."
            )
    return inner


def check_optimizer(optimizer: Any, parameters: Mapping[str, Parameter]) -> Optimizer:
    """Make sure that all `parameters` can later be exchanged inside `optimizer`; change nothing.

    Args:
        optimizer: A torch optimizer, or a wrapper around one.
        parameters: By name, for the errors.

    Returns:
        The torch optimizer itself.

    Raises:
        OptimizerError: If a parameter is in no group, or the optimizer keeps no state per parameter.
    """
    inner = unwrap_optimizer(optimizer)
    if isinstance(inner, LBFGS):
        raise OptimizerError(
            "LBFGS keeps one flat history of all parameters, which cannot be cut; use AdamW, Adam or SGD."
        )
    held = {id(parameter) for group in inner.param_groups for parameter in group["params"]}
    missing = [name for name, parameter in parameters.items() if id(parameter) not in held]
    if missing:
        raise OptimizerError(
            f"{len(missing)} of {len(parameters)} adapter parameters are in no group of the optimizer, the first "
            f"is {missing[0]}. Build the optimizer from the model's trainable parameters, after "
            "RankAllocator.load_state_dict."
        )
    return inner


def first_moment(optimizer: Optimizer, parameter: Parameter) -> Tensor | None:
    """Return the optimizer's average of a parameter's gradients, of its shape; ``None`` if it keeps none."""
    state = optimizer.state.get(parameter, {})
    found = (state.get(name) for name in FIRST_MOMENTS)
    return next((value for value in found if isinstance(value, torch.Tensor) and value.shape == parameter.shape), None)


def exchange_parameters(optimizer: Optimizer, exchanges: Iterable[Exchange]) -> None:
    """Put every new parameter at its old one's place in the groups, with the carried state.

    Parameters that go leave groups and state. No group is added or removed (one may become empty), so that
    schedulers keep working.
    """
    by_parameter = {id(exchange.old): exchange for exchange in exchanges}
    for group in optimizer.param_groups:
        entries = list(zip(group["params"], group.get("param_names", group["params"]), strict=True))
        replaced = [(_successor(parameter, by_parameter), name) for parameter, name in entries]
        remaining = [(parameter, name) for parameter, name in replaced if parameter is not None]
        group["params"] = [parameter for parameter, _ in remaining]
        if "param_names" in group:
            group["param_names"] = [name for _, name in remaining]
    is_known = not CARRIED.isdisjoint(kind.__name__ for kind in type(optimizer).__mro__)
    reset: list[str] = []
    for exchange in by_parameter.values():
        state = optimizer.state.pop(exchange.old, None)
        if state is None or exchange.new is None or exchange.kept is None:
            continue
        if not is_known:
            reset.append(f"{exchange.name}: {type(optimizer).__name__} is none of the optimizers whose state it knows.")
            continue
        try:
            optimizer.state[exchange.new] = {key: exchange.carry(key, value) for key, value in state.items()}
        except ValueError as why:
            reset.append(str(why))
    if reset:
        warnings.warn(
            f"The state of {type(optimizer).__name__} for {len(reset)} resized parameters is reset, because GLoRA does "
            f"not know how to cut it: {reset[0]} They start anew, the others go on. AdamW, Adam, SGD and Adafactor "
            "keep theirs.",
            stacklevel=2,
        )


def _successor(parameter: Parameter, by_parameter: Mapping[int, Exchange]) -> Parameter | None:
    exchange = by_parameter.get(id(parameter))
    return parameter if exchange is None else exchange.new
