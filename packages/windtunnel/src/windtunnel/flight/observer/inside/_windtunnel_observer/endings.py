"""The ways in which a process ends or becomes another, so that its last word is said before."""

from __future__ import annotations

import atexit
import builtins
import os
import sys

from . import crashes, wire
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_exit_interpreter = sys.exit
_exit_at_once = os._exit


def install() -> None:
    """Say the last word at the end of the interpreter and before ``os._exit``; begin anew after a fork."""
    atexit.register(_end)  # registered first, so called last
    os.register_at_fork(before=guarded(wire.pause), after_in_child=guarded(wire.forked))
    sys.exit = _sys_exit
    os._exit = _os_exit
    quitter = type(getattr(builtins, "exit", None))
    if quitter.__name__ == "Quitter":
        leave = quitter.__call__

        def call(self: Any, code: Any = None) -> Any:
            crashes.leaving(code)
            return leave(self, code)

        quitter.__call__ = call  # type: ignore[method-assign]  # site's own class, of which `exit` and `quit` are


@guarded
def _end() -> None:
    # set by the interpreter when nobody caught it, and left by an excepthook that does not call the one before it
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if isinstance(error, BaseException):
        crashes.crashed(error)
    wire.end()


def _sys_exit(status: Any = None, /) -> Any:
    """Exit the interpreter by raising SystemExit(status)."""
    crashes.leaving(status)
    _exit_interpreter(status)


def _os_exit(status: int) -> Any:
    """Exit to the system with specified status, without normal exit processing."""
    guarded(wire.end)()
    _exit_at_once(status)
