"""Swallowed exceptions on Python 3.12 and later, by ``sys.monitoring``: only exceptions cost anything, not code."""

from __future__ import annotations

import sys

from . import handled, places, story
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_TOOLS = (4, 3, 5)  # those that debuggers, coverage and profilers leave free, see sys.monitoring
_lines: dict[tuple[Any, int], int] = {}


def install() -> bool:
    """Watch handlers, and say whether that is possible here."""
    monitoring: Any = getattr(sys, "monitoring", None)
    if monitoring is None:
        return False
    tool = next((number for number in _TOOLS if monitoring.get_tool(number) is None), None)
    if tool is None:
        return False
    events = monitoring.events
    monitoring.use_tool_id(tool, "windtunnel")
    monitoring.register_callback(tool, events.EXCEPTION_HANDLED, guarded(_handled))
    monitoring.register_callback(tool, events.RERAISE, guarded(_raised_again))
    monitoring.register_callback(tool, events.PY_UNWIND, guarded(_left))
    monitoring.set_events(tool, events.EXCEPTION_HANDLED | events.RERAISE | events.PY_UNWIND)
    story.watched["exceptions"] = None
    return True


def _handled(code: Any, offset: int, error: BaseException) -> None:
    path = places.relative(code.co_filename)
    if path:
        handled.handled(error, f"{path}:{_line(code, offset)}")


def _raised_again(code: Any, _offset: int, error: BaseException) -> None:
    if places.relative(code.co_filename):
        handled.raised_again(error)


def _left(code: Any, _offset: int, error: BaseException) -> None:
    # sys.exit in a handler: `endings` knows whether it reports a failure
    if places.relative(code.co_filename) and not isinstance(error, SystemExit):
        handled.raised_again(error)


def _line(code: Any, offset: int) -> int:
    """Return the line of the handler that begins at an offset of the bytecode."""
    line = _lines.get((code, offset))
    if line is None:
        # the first instruction is the interpreter's own, and need not have the line of the handler
        lines = [(end, number) for _, end, number in code.co_lines() if number is not None]
        line = _lines[code, offset] = next((number for end, number in lines if end > offset + 2), code.co_firstlineno)
    return line
