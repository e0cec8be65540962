"""Ctrl-C and its relatives, noted when they come and acted on where it is safe to."""

from __future__ import annotations

import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# a launcher such as `uv run` may pass on the signal that the terminal has already sent
_ONE_REQUEST_SECONDS = 0.5


class Interrupted(BaseException):
    """The user asked the flight to end; like KeyboardInterrupt, nothing that catches errors catches it."""


class Interrupts:
    """Note SIGINT, SIGTERM and SIGHUP while the context is open, instead of letting them end the process.

    A flight has children to stop and files to finish, so a signal must not raise wherever the interpreter happens
    to be: :meth:`check` raises at a place of the caller's choosing, and only within :meth:`at_once` does the signal
    itself raise. Outside the main thread Python cannot take signals; nothing is noted there.
    """

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        self._last = float("-inf")
        self._immediate = False
        self._previous: dict[signal.Signals, signal.Handlers | object] = {}

    @property
    def requested(self) -> bool:
        """Whether the flight should end."""
        return bool(self.received)

    @property
    def urgent(self) -> bool:
        """Whether the user asked more than once, and so would rather not wait for a graceful end."""
        return len(self.received) > 1

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process ended by the first signal: 128 + its number."""
        return 128 + self.received[0]

    def check(self) -> None:
        """Raise :class:`Interrupted` if the flight should end."""
        if self.requested:
            raise Interrupted

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the first signal raise :class:`Interrupted` right away, for long steps that start no process."""
        self.check()
        self._immediate = True
        try:
            yield
        finally:
            self._immediate = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                    continue  # nohup: the user means the flight to outlive the terminal
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned, it takes back
        self._previous.clear()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._last > _ONE_REQUEST_SECONDS:
            self.received.append(signal.Signals(number))
        self._last = now
        if self._immediate:
            self._immediate = False
            raise Interrupted
