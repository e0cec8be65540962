"""What clients read of runs: noted as they ask, taken by whoever watches."""

from __future__ import annotations

import threading

from windtunnel.evidence.flight import Asked

MAX_NOTES = 10_000  # distinct ones; chosen by us: an evaluation of hundreds of runs notes a few for each


class Questions:
    """The distinct questions of clients in the order in which they first came; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._notes: dict[Asked, None] = {}

    def note(self, run: str, what: str, keys: tuple[str, ...] = ()) -> None:
        """Remember a question.

        Args:
            run: id of the run it is about; "" if it is about several.
            what: what was asked for; see :class:`windtunnel.evidence.flight.Asked`.
            keys: the history keys that it names.
        """
        named = tuple(key for key in keys if key != "_step") or keys  # the client adds the step to what its user names
        with self._lock:
            if len(self._notes) < MAX_NOTES:
                self._notes.setdefault(Asked(run=run, what=what, keys=named))

    def so_far(self) -> list[Asked]:
        """Return what has been asked since the last :meth:`take`."""
        with self._lock:
            return list(self._notes)

    def take(self) -> list[Asked]:
        """Return what has been asked since the last call, and forget it."""
        with self._lock:
            notes, self._notes = self._notes, {}
        return list(notes)
