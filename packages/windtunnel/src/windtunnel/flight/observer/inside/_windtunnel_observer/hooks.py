"""Hooks that the repository's own lines register on modules and tensors, and how often they are called."""

from __future__ import annotations

import copy
import functools
import sys

from . import places, story, wire
from .guard import guarded
from .story import Kept

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_PLACES = 200
_OF_MODULES = (
    "register_forward_pre_hook",
    "register_forward_hook",
    "register_full_backward_pre_hook",
    "register_full_backward_hook",
    "register_backward_hook",
)
_OF_TENSORS = ("register_hook", "register_post_accumulate_grad_hook")

_seen = Kept("hooks", _MOST_PLACES)


class Counted:
    """A hook that counts its calls; stored, it is the hook alone.

    Args:
        hook: what the repository registered.
        entry: gets the number of calls.
    """

    def __init__(self, hook: Any, entry: dict[str, Any]) -> None:
        functools.update_wrapper(self, hook)
        self._hook = hook
        self._entry = entry

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the hook."""
        self._entry["fired"] += 1
        wire.touch()
        return self._hook(*args, **kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Counted:
        """Copy as the hook is copied: a bound method goes with its object."""
        return Counted(copy.deepcopy(self._hook, memo), self._entry)

    def __reduce__(self) -> tuple[Any, ...]:
        """Store the hook in what everybody can load: who does may not have the observer."""
        return functools.partial, (self._hook,)


def install(module: Any) -> None:
    """Watch hooks.

    Args:
        module: ``torch.nn.modules.module``.
    """
    story.part(lambda: {"hooks": [dict(entry) for entry in _seen.values()]}, _seen.clear)
    for name in _OF_MODULES:
        _wrap(module.Module, name)
    for name in _OF_TENSORS:
        _wrap(sys.modules["torch._tensor"].Tensor, name)


def _wrap(owner: Any, kind: str) -> None:
    register = getattr(owner, kind, None)
    if register is None:  # a release of torch without it
        return

    @functools.wraps(register)
    def registering(self: Any, hook: Any, *args: Any, **kwargs: Any) -> Any:
        return register(self, _counted(hook, kind, sys._getframe(1)) or hook, *args, **kwargs)

    setattr(owner, kind, registering)


@guarded
def _counted(hook: Any, kind: str, frame: Any) -> Any:
    path = places.relative(frame.f_code.co_filename)
    if not path:
        return None
    place = f"{path}:{frame.f_lineno}"
    entry = _seen.get((place, kind), lambda: {"place": place, "kind": kind, "registered": 0, "fired": 0})
    if entry is None:
        return None
    entry["registered"] += 1
    wire.touch()
    return Counted(hook, entry)
