"""The exception that ends a process, as data."""

from __future__ import annotations

import sys

from . import handled, places, story, wire
from .guard import guarded
from .text import MESSAGE_CHARACTERS, PATH_CHARACTERS, class_name, shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_FRAMES = 200
_CHAIN = 20

_crash: dict[str, Any] | None = None


def install() -> None:
    """Tell of the crash that :func:`crashed` or :func:`leaving` took down."""
    story.part(lambda: {"crash": _crash}, _forget)


def _forget() -> None:
    global _crash  # noqa: PLW0603
    _crash = None


@guarded
def crashed(error: BaseException) -> None:
    """Take down an exception that nobody caught."""
    global _crash  # noqa: PLW0603
    if not isinstance(error, (SystemExit, KeyboardInterrupt)):
        handled.raised_again(error)
        _crash = described(error)
        wire.touch()


@guarded
def leaving(code: Any) -> None:
    """Take down why ``sys.exit`` was called: the exception that is being handled, if the code says that it failed."""
    global _crash  # noqa: PLW0603
    if code is None or code == 0:
        _crash = None
    else:
        error = sys.exc_info()[1]
        if isinstance(error, Exception):
            handled.raised_again(error)
            _crash = described(error)
        else:
            frames = _frames_of_stack(sys._getframe(1))
            _crash = {
                "exception": "SystemExit",
                "message": shown(code, MESSAGE_CHARACTERS),
                "frames": frames,
                "library": "",
                "chain": [],
                "inside": True,
            }
    wire.touch()


def described(error: BaseException) -> dict[str, Any]:
    """Return an exception as ``windtunnel.evidence.Crash``."""
    frames, library = _frames(error)
    if not frames and isinstance(group := getattr(error, "exceptions", None), tuple) and group:
        frames, library = _frames(group[0])
    return {
        "exception": class_name(type(error)),
        "message": shown(error, MESSAGE_CHARACTERS),
        "frames": frames[-_FRAMES:],
        "library": library,
        "chain": [f"{class_name(type(cause))}: {shown(cause, 1000)}" for cause in causes(error)],
        "inside": True,
    }


def causes(error: BaseException) -> list[BaseException]:
    """Return the exceptions that led to one, the first cause first, those of a group among them."""
    found: list[BaseException] = []
    seen = {id(error)}
    queue: list[BaseException] = [error]
    while queue and len(found) < _CHAIN:
        current = queue.pop(0)
        before = current.__cause__
        if before is None and not current.__suppress_context__:
            before = current.__context__
        group = getattr(current, "exceptions", ())
        for cause in (before, *(group if isinstance(group, tuple) else ())):
            if isinstance(cause, BaseException) and id(cause) not in seen:
                seen.add(id(cause))
                found.append(cause)
                queue.append(cause)
    return found[::-1]


def _frames(error: BaseException) -> tuple[list[dict[str, Any]], str]:
    """Return the lines of the repository that an exception passed through, and where it was raised if outside."""
    frames: list[dict[str, Any]] = []
    innermost = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        path = places.relative(code.co_filename)
        if path:
            frames.append({"path": shown(path, PATH_CHARACTERS), "line": trace.tb_lineno, "function": code.co_name})
            innermost = ""
        else:
            innermost = f"{library_path(code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and isinstance(error.filename, str):
        path = places.relative(error.filename)
        if path:
            frames.append({"path": shown(path, PATH_CHARACTERS), "line": error.lineno or 1, "function": "<module>"})
            innermost = ""
    return frames, innermost


def _frames_of_stack(frame: Any) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while frame is not None and len(frames) < _FRAMES:
        path = places.relative(frame.f_code.co_filename)
        if path:
            frames.append({"path": path, "line": frame.f_lineno, "function": frame.f_code.co_name})
        frame = frame.f_back
    return frames[::-1]


def library_path(filename: str) -> str:
    """Return the path of a library's file from its package on."""
    for folder in ("/site-packages/", "/dist-packages/"):
        if folder in filename:
            return shown(filename.rpartition(folder)[2], PATH_CHARACTERS)
    start = filename.find("/lib/python")
    if start >= 0:
        return shown(filename[start + len("/lib/") :].partition("/")[2] or filename, PATH_CHARACTERS)
    return shown(filename, PATH_CHARACTERS)
