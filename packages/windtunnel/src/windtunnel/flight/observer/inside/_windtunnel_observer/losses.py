"""The tensors that ``backward`` is called on: their values, by the line of the repository that calls."""

from __future__ import annotations

import _thread
import functools
import sys
from collections import deque

from . import places, story, wire
from .guard import guarded
from .story import Kept
from .text import finite

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_PLACES, _FIRST, _LAST = 50, 200, 50
_TOGETHER = 32  # losses on an accelerator are fetched in groups: each fetch waits for it

_local = _thread._local()


class _Calls:
    """How often ``backward`` was called."""

    count = 0


calls = _Calls()


class _Losses:
    """The losses of one place."""

    def __init__(self) -> None:
        self.count = 0
        self.first: list[float | None] = []
        self.last: deque[float | None] = deque(maxlen=_LAST)
        self.not_finite = self.first_not_finite = 0
        self.waiting: list[Any] = []

    def add(self, value: float) -> None:
        """Take down the next value."""
        self.count += 1
        number = finite(value)
        if number is None:
            self.not_finite += 1
            self.first_not_finite = self.first_not_finite or self.count
        if len(self.first) < _FIRST:
            self.first.append(number)
        self.last.append(number)

    def fetch(self) -> None:
        """Take down the values that are still on an accelerator."""
        waiting, self.waiting = self.waiting, []
        for loss in waiting:
            self.add(float(loss))


_seen = Kept("losses", _MOST_PLACES)


def install(module: Any) -> None:
    """Watch ``Tensor.backward`` and ``torch.autograd.backward``.

    Args:
        module: ``torch._tensor`` or ``torch.autograd``.
    """
    if hasattr(module, "backward"):
        _wrap(module, "backward", _given_tensors)
        return
    story.part(_tell, _seen.clear)
    story.at_end(_fetch)
    story.watched["torch"] = None
    _wrap(module.Tensor, "backward", lambda args, _: args[0])


def _given_tensors(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    tensors = args[0] if args else kwargs.get("tensors")
    return tensors[0] if isinstance(tensors, (list, tuple)) and len(tensors) == 1 else tensors


def _wrap(owner: Any, name: str, tensor_of: Any) -> None:
    backward = getattr(owner, name)

    @functools.wraps(backward)
    def call(*args: Any, **kwargs: Any) -> Any:
        calls.count += 1
        if getattr(_local, "within", False):
            return backward(*args, **kwargs)
        _local.within = True
        try:
            _take(tensor_of, args, kwargs)
            return backward(*args, **kwargs)
        finally:
            _local.within = False

    setattr(owner, name, call)


@guarded
def _take(tensor_of: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    tensor = tensor_of(args, kwargs)
    if getattr(tensor, "numel", int)() != 1:
        return
    losses = _seen.get(places.here(sys._getframe(2)), _Losses)
    if losses is None:
        return
    value = tensor.detach()
    if value.device.type == "cpu":
        losses.add(float(value))
    else:
        losses.waiting.append(value)
        if len(losses.waiting) >= _TOGETHER:
            losses.fetch()
    wire.touch()


def _fetch() -> None:
    for losses in _seen.values():
        losses.fetch()


def _tell() -> dict[str, Any]:
    return {
        "losses": [
            {
                "place": place,
                "count": losses.count,
                "first": list(losses.first),
                "last": list(losses.last.copy()),
                "not_finite": losses.not_finite,
                "first_not_finite": losses.first_not_finite,
            }
            for place, losses in _seen.items()
        ]
    }
