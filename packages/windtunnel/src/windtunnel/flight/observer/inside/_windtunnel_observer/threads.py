"""Exceptions that end a thread: the process goes on, so they are swallowed ones that no line handles."""

from __future__ import annotations

from . import handled
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any


def install(threading: Any) -> None:
    """Watch what ends threads."""
    tell = threading.excepthook

    def excepthook(arguments: Any, /) -> Any:
        _ended(arguments)
        return tell(arguments)

    threading.excepthook = excepthook


@guarded
def _ended(arguments: Any) -> None:
    if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
        handled.raised_again(arguments.exc_value)
        handled.handled(arguments.exc_value, "")
