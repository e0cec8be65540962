"""Optimizers of torch: their steps, and whether a step could change anything, by torch's own global step hooks."""

from __future__ import annotations

import functools
import sys
import weakref

from . import parameters, places, story, wire
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST = 50
_LOOKED_AT = 20  # steps that are looked at closely, and after them those whose number is a power of two


class _Optimizer:
    """One that took a step."""

    def __init__(self, optimizer: Any, place: str) -> None:
        self.name = type(optimizer).__name__
        self.place = place
        self.built = _built.get(optimizer, "")
        self.steps = self.effective_steps = self.tensors = 0
        self.learning_rates = [0.0, 0.0]


_seen: list[_Optimizer] = []
_of: weakref.WeakKeyDictionary[Any, _Optimizer] = weakref.WeakKeyDictionary()
_built: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


def install(module: Any) -> None:
    """Watch optimizers.

    Args:
        module: ``torch.optim.optimizer``.
    """
    story.part(_tell, _forget)
    parameters.install()
    _watch_building(module.Optimizer)
    module.register_optimizer_step_pre_hook(_before)
    module.register_optimizer_step_post_hook(_after)


def _watch_building(optimizer_class: Any) -> None:
    build = optimizer_class.__init__

    @functools.wraps(build)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        build(self, *args, **kwargs)
        _note_building(self)

    optimizer_class.__init__ = __init__


@guarded
def _note_building(optimizer: Any) -> None:
    _built[optimizer] = places.here(sys._getframe(2))


def _close(step: int) -> bool:
    return step <= _LOOKED_AT or step & (step - 1) == 0


@guarded
def _before(optimizer: Any, _args: Any, _kwargs: Any) -> None:
    seen = _of.get(optimizer)
    if seen is None:
        if len(_seen) >= _MOST:
            story.cut["optimizers"] = None
            return
        seen = _of[optimizer] = _Optimizer(optimizer, places.here(sys._getframe(2)))
        _seen.append(seen)
    seen.steps += 1
    groups = optimizer.param_groups
    rates = [float(group.get("lr", 1.0)) for group in groups]
    seen.learning_rates[1] = max(rates, default=0.0)
    if seen.steps == 1:
        seen.learning_rates[0] = seen.learning_rates[1]
    moving = [group["params"] for group, rate in zip(groups, rates) if rate > 0]  # noqa: B905  # Python 3.9 has no strict
    if _close(seen.steps):
        held = [parameter for group in groups for parameter in group["params"]]
        seen.tensors = len(held)
        effective = parameters.before_step(held, [parameter for held in moving for parameter in held])
    else:
        effective = any(parameter.grad is not None for held in moving for parameter in held)
    seen.effective_steps += effective
    wire.touch()


@guarded
def _after(optimizer: Any, _args: Any, _kwargs: Any) -> None:
    seen = _of.get(optimizer)
    if seen is not None and _close(seen.steps):
        parameters.after_step()


def _tell() -> dict[str, Any]:
    return {
        "optimizers": [
            {
                "name": seen.name,
                "steps": seen.steps,
                "effective_steps": seen.effective_steps,
                "learning_rates": [rate if rate - rate == 0 else 0.0 for rate in seen.learning_rates],
                "tensors": seen.tensors,
                "place": seen.place,
                "built": seen.built,
            }
            for seen in list(_seen)
        ]
    }


def _forget() -> None:
    _seen.clear()
    _of.clear()
