"""What fails in the observer is noted and goes no further: the flown program never sees it."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_KEPT = 20

faults: dict[str, None] = {}


def guarded(hook: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``hook`` so that it returns None where it would have raised."""

    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return hook(*args, **kwargs)
        except Exception as error:  # noqa: BLE001  # whatever it is, the flown program has no part in it
            note(error)
            return None

    return call


def note(error: BaseException) -> None:
    """Remember what failed, and where in the observer."""
    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = ""
        if trace is not None:
            where = f" ({trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno})"
        if len(faults) < _KEPT:
            faults[f"{type(error).__name__}: {error}"[:300] + where] = None
    except Exception as other:  # noqa: BLE001  # an exception whose text fails
        faults[type(other).__name__] = None
