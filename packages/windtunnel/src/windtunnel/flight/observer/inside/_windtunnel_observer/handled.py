"""Exceptions that code of the repository handled without raising them again.

``monitored`` tells of them on Python 3.12 and later, ``rewritten`` before.
"""

from __future__ import annotations

from . import places, story, wire
from .guard import guarded
from .story import Kept
from .text import MESSAGE_CHARACTERS, class_name, shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST = 200
_REMEMBERED = 256
# how loops and generators end
_ORDINARY = (StopIteration, StopAsyncIteration, GeneratorExit)

_seen = Kept("swallowed", _MOST)
# of the exceptions handled last: their number (id) to the entry, and what tells them from another at the same address
_recent: dict[int, tuple[dict[str, Any], type, Any]] = {}


def install() -> None:
    """Tell of what was swallowed."""
    story.part(_tell, _forget)


def _tell() -> dict[str, Any]:
    return {"swallowed": [dict(entry) for entry in _seen.values() if entry["count"] > 0]}


def _forget() -> None:
    _seen.clear()
    _recent.clear()


def handled(error: BaseException, place: str) -> None:
    """Count an exception that arrived at a handler in the repository.

    Args:
        error: the exception.
        place: the handler.
    """
    if isinstance(error, _ORDINARY):
        return
    kind = type(error)
    raised = raised_at(error)
    entry = _seen.get(
        (kind, raised, place),
        lambda: {
            "exception": class_name(kind),
            "message": shown(error, MESSAGE_CHARACTERS // 4),
            "raised": raised,
            "handled": place,
            "count": 0,
        },
    )
    if entry is None:
        return
    entry["count"] += 1
    number = id(error)
    _recent.pop(number, None)
    _recent[number] = (entry, kind, _mark(error))
    if len(_recent) > _REMEMBERED:
        _recent.pop(next(iter(_recent)), None)
    wire.touch()


@guarded
def raised_again(error: BaseException | None) -> None:
    """Take back what was counted of an exception, and of those that it was raised from."""
    for _ in range(20):
        if error is None:
            return
        found = _recent.get(id(error))
        if found is not None and found[1] is type(error) and found[2] in _marks(error):
            del _recent[id(error)]
            found[0]["count"] -= 1
        error = error.__cause__ or error.__context__


def _mark(error: BaseException) -> Any:
    trace = error.__traceback__
    return None if trace is None else (id(trace.tb_frame.f_code), trace.tb_lasti)


def _marks(error: BaseException) -> list[Any]:
    """Return the marks that an exception could have had: raised again, it has more of a traceback in front."""
    marks: list[Any] = []
    trace = error.__traceback__
    while trace is not None and len(marks) < 100:
        marks.append((id(trace.tb_frame.f_code), trace.tb_lasti))
        trace = trace.tb_next
    return marks


def raised_at(error: BaseException) -> str:
    """Return the innermost line of the repository that an exception passed through."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        path = places.relative(trace.tb_frame.f_code.co_filename)
        if path:
            place = f"{path}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
