"""Exchanging parameters inside a living optimizer, with the state that belongs to the components that stay.

What is carried: every floating-point state tensor of the parameter's own shape (``exp_avg``, ``exp_avg_sq``,
``max_exp_avg_sq``, ``momentum_buffer``, …) and the gradient are cut and zero-padded like the parameter;
numbers and one-element tensors (``step``) stay. State of any other form is refused, because it cannot be
cut: factored (Adafactor) or quantized.

Internals of torch.optim used here: ``param_groups`` (with the parallel list ``param_names``) and ``state``;
an optimizer that only wraps another one (accelerate) is entered through its attribute ``optimizer``. Tested
with torch 2.15.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.optim import LBFGS, Optimizer

from glora.errors import OptimizerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor
    from torch.nn import Parameter


@dataclass(frozen=True)
class Exchange:
    """One parameter that changes its shape along the rank dimension, or goes.

    Attributes:
        name: The parameter's name, for errors.
        old: The parameter before.
        new: The parameter after; ``None`` if it goes.
        kept: (number kept,) int64 positions in `old` of what stays, in the order in which it opens `new`.
        dim: The rank dimension: 0 for A (r, in), 1 for B (out, r).
    """

    name: str
    old: Parameter
    new: Parameter | None
    kept: Tensor
    dim: int

    def carry(self, tensor: Tensor) -> Tensor:
        """Cut a tensor of the old parameter's shape to what stays, and pad it with zeros to the new one's."""
        if self.new is None:
            raise ValueError(f"{self.name} goes; there is nothing to carry over.")
        carried = tensor.new_zeros(self.new.shape)
        carried.narrow(self.dim, 0, len(self.kept)).copy_(tensor.index_select(self.dim, self.kept))
        return carried


def unwrap_optimizer(optimizer: Any) -> Optimizer:
    """Return the torch optimizer inside a wrapper such as accelerate's ``AcceleratedOptimizer``.

    Raises:
        OptimizerError: If there is none.
    """
    inner = optimizer
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
        OptimizerError: If a parameter is in no group, or has state that cannot be cut.
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
    for name, parameter in parameters.items():
        for key, value in inner.state.get(parameter, {}).items():
            if not _can_carry(value, parameter):
                form = (
                    f"a tensor {tuple(value.shape)} of {value.dtype}"
                    if isinstance(value, torch.Tensor)
                    else type(value).__name__
                )
                raise OptimizerError(
                    f"{type(inner).__name__} keeps `{key}` ({form}) for {name} {tuple(parameter.shape)}, which "
                    "cannot be cut along the rank. Use an optimizer whose state has the parameter's shape: AdamW, "
                    "Adam, SGD."
                )
    return inner


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
    for exchange in by_parameter.values():
        state = optimizer.state.pop(exchange.old, None)
        if state is not None and exchange.new is not None:
            optimizer.state[exchange.new] = {
                key: exchange.carry(value) if _is_shaped_like(value, exchange.old) else value
                for key, value in state.items()
            }


def _successor(parameter: Parameter, by_parameter: Mapping[int, Exchange]) -> Parameter | None:
    exchange = by_parameter.get(id(parameter))
    return parameter if exchange is None else exchange.new


def _is_shaped_like(value: object, parameter: Parameter) -> bool:
    return isinstance(value, torch.Tensor) and value.shape == parameter.shape and value.is_floating_point()


def _can_carry(value: object, parameter: Parameter) -> bool:
    if isinstance(value, torch.Tensor):
        return _is_shaped_like(value, parameter) or value.numel() == 1
    return value is None or isinstance(value, bool | int | float | str)
