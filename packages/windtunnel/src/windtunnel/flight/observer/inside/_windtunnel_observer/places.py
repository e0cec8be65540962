"""Which line of the repository is at work: ``src/train.py:42``."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

# folders below a repository whose files are not its own code
_FOREIGN = ("/site-packages/", "/dist-packages/", "/.venv/", "/venv/", "/node_modules/")

_roots: tuple[str, ...] = ()
_start = ""
_known: dict[str, str] = {}


def begin(repository: str) -> None:
    """Say where the repository lies; places are relative to it."""
    global _roots, _start  # noqa: PLW0603
    roots = {repository, os.path.realpath(repository)}
    _roots = tuple(root.rstrip("/") + "/" for root in roots if root)
    _start = os.getcwd()  # noqa: PTH109
    _known.clear()


def relative(filename: str) -> str:
    """Return the path in the repository of a file as code objects name it, "" if it is not of the repository."""
    found = _known.get(filename)
    if found is None:
        found = _known[filename] = _relative(filename)
    return found


def _relative(filename: str) -> str:
    if filename.startswith("<"):
        return ""
    path = os.path.normpath(os.path.join(_start, filename))  # noqa: PTH118
    for root in _roots:
        if path.startswith(root):
            inside = path[len(root) - 1 :]
            return "" if any(folder in inside for folder in _FOREIGN) else inside[1:]
    return ""


def inside(path: str) -> bool:
    """Whether a path lies in the repository, whatever it holds."""
    return path.startswith(_roots) if _roots else False


def here(frame: Any = None) -> str:
    """Return the innermost line of the repository on the stack of ``frame``, "" if there is none."""
    frame = sys._getframe(1) if frame is None else frame
    known = _known
    while frame is not None:
        filename = frame.f_code.co_filename
        path = known.get(filename)
        if path is None:
            path = relative(filename)
        if path:
            return f"{path}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
