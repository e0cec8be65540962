"""What the instruments have seen so far, in the form of ``windtunnel.evidence.ProcessSeen``."""

from __future__ import annotations

import os
import sys
import time

from .guard import faults, guarded
from .text import shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_ARGUMENTS = 100

watched: dict[str, None] = {}
cut: dict[str, None] = {}
shims: dict[str, None] = {}
_parts: list[tuple[Callable[[], dict[str, Any]], Callable[[], None]]] = []
_endings: list[Callable[[], None]] = []
_began = time.monotonic()


def part(tell: Callable[[], dict[str, Any]], forget: Callable[[], None]) -> None:
    """Add an instrument.

    Args:
        tell: returns fields of the snapshot.
        forget: called in a process that was forked off: what the parent did is not its own.
    """
    _parts.append((guarded(tell), guarded(forget)))


def at_end(look: Callable[[], None]) -> None:
    """Have ``look`` called before the last snapshot."""
    _endings.append(guarded(look))


def last_looks() -> None:
    """Let the instruments look once more."""
    for look in _endings:
        look()


def forget() -> None:
    """Begin anew, in a process that was forked off."""
    global _began  # noqa: PLW0603
    _began = time.monotonic()
    for known in (cut, shims, faults):
        known.clear()
    for _, clear in _parts:
        clear()


def told(*, goodbye: bool) -> dict[str, Any]:
    """Return the snapshot of this moment; ``goodbye`` if it is the last."""
    snapshot: dict[str, Any] = {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "argv": _argv(),
        "folder": _folder,
        "seconds": round(time.monotonic() - _began, 3),
        "said_goodbye": goodbye,
        "python": ".".join(str(number) for number in sys.version_info[:3]),
    }
    for tell, _ in _parts:
        snapshot.update(tell() or {})
    snapshot["watched"] = list(watched)
    snapshot["cut"] = list(cut)
    snapshot["shims"] = list(shims)
    snapshot["faults"] = list(faults)
    return snapshot


def _argv() -> list[str]:
    argv = getattr(sys, "orig_argv", None)
    if argv is None:  # before Python 3.10
        with open("/proc/self/cmdline", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            argv = file.read().split("\0")[:-1]
    return [shown(argument, 1000) for argument in argv[:_ARGUMENTS]]


def _here() -> str:
    try:
        return shown(os.getcwd(), 1000)  # noqa: PTH109
    except OSError:  # the folder is gone
        return ""


_folder = _here()


class Kept:
    """Entries by key, up to a number; ``name`` is told as cut where more came.

    Args:
        name: the field of the snapshot.
        most: how many entries.
    """

    def __init__(self, name: str, most: int) -> None:
        self.name = name
        self.most = most
        self.entries: dict[Any, Any] = {}

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return the entry of ``key``, made if it is new, None if there is no room for it."""
        entry = self.entries.get(key)
        if entry is None:
            if len(self.entries) >= self.most:
                cut[self.name] = None
                return None
            entry = self.entries[key] = make()
        return entry

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()

    def values(self) -> list[Any]:
        """Return the entries, as :meth:`items` does."""
        return list(self.entries.values())

    def items(self) -> list[tuple[Any, Any]]:
        """Return them as they are now, while other threads may add some."""
        return list(self.entries.items())
