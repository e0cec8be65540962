"""A unix socket on which flown processes tell of themselves; whatever comes, it costs bounded memory and no exception.

Each connection is a process, each line a whole snapshot that replaces the one before.
"""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from windtunnel.errors import FlightError
from windtunnel.flight.observer.messages import read_message

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.evidence import ProcessSeen

LONGEST_LINE_BYTES = 2 * 2**20
MOST_CONNECTIONS = 256  # open at a time
MOST_PROCESSES = 1024  # heard between two calls of `take`
MOST_BYTES = 32 * 2**20  # of all that is kept
_READ_BYTES = 2**18
_LOOK_SECONDS = 0.5
_CHECK_SECONDS = 0.25  # between two lines of one process that are held against the schema; others only if they are last
_DRAIN_SECONDS = 2.0  # how long `take` reads what is left when somebody goes on sending


@dataclass(slots=True, eq=False)
class _Voice:
    """One process that connected.

    Attributes:
        connection: None once it is closed.
        begun: a line that has no end yet.
        newest: the last whole line, not yet held against the schema.
        valid: the last line that passed.
        checked: when a line was last held against the schema.
    """

    connection: socket.socket | None
    begun: bytearray = field(default_factory=bytearray)
    newest: bytes = b""
    valid: bytes = b""
    checked: float = 0.0

    @property
    def size(self) -> int:
        """Bytes that are kept of it."""
        return len(self.begun) + len(self.newest) + len(self.valid)


class Listener:
    """Listens in a thread of its own while the context is open.

    Args:
        path: of the socket; it exists as long as the context is open.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._server: socket.socket | None = None
        self._voices: list[_Voice] = []
        self._thread: threading.Thread | None = None
        self._closing = False

    def __enter__(self) -> Self:
        """Listen.

        Raises:
            FlightError: the socket cannot be made.
        """
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.bind(str(self.path))
            server.listen(MOST_CONNECTIONS)
        except OSError as error:
            server.close()
            raise FlightError(f"{self.path}: no socket can be made there: {error.strerror or error}") from error
        server.setblocking(False)
        self._server, self._closing = server, False
        self._selector.register(server, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._listen, name="windtunnel-observer", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            for voice in self._voices:
                self._close(voice)
            if self._server is not None:
                self._selector.unregister(self._server)
                self._server.close()
                self._server = None
            self._selector.close()
        self.path.unlink(missing_ok=True)

    def take(self) -> tuple[ProcessSeen, ...]:
        """Return what processes told since the last call, and forget it.

        Connections are closed: whoever outlives the command it belongs to is heard no more.

        Returns:
            The last valid snapshot of each process, in the order in which they connected.
        """
        with self._lock:
            deadline = time.monotonic() + _DRAIN_SECONDS
            while self._hear(0) and time.monotonic() < deadline:
                pass
            for voice in self._voices:
                self._close(voice)
            lines = [line for voice in self._voices for line in (voice.valid,) if line]
            self._voices = []
        return tuple(process for process in map(read_message, lines) if process is not None)

    def _listen(self) -> None:
        while not self._closing:
            # waits without the lock; what is ready is asked for again with it
            try:
                self._selector.select(_LOOK_SECONDS)
            except OSError:  # a connection was closed meanwhile
                continue
            with self._lock:
                if not self._closing:
                    self._hear(0)
            time.sleep(0.01)  # a flood gets no more than a share of this process

    def _hear(self, seconds: float) -> bool:
        """Read what has come, a bounded part of it, and say whether there was anything."""
        ready = self._selector.select(seconds)
        for key, _ in ready:
            if key.data is None:
                self._accept()
            else:
                self._read(key.data)
        return bool(ready)

    def _accept(self) -> None:
        if self._server is None:
            return
        for _ in range(MOST_CONNECTIONS):
            try:
                connection, _ = self._server.accept()
            except BlockingIOError:
                return
            except OSError:  # no descriptors left: the next look may find some
                return
            open_now = sum(voice.connection is not None for voice in self._voices)
            if open_now >= MOST_CONNECTIONS or len(self._voices) >= MOST_PROCESSES:
                connection.close()
                continue
            connection.setblocking(False)
            voice = _Voice(connection)
            self._voices.append(voice)
            self._selector.register(connection, selectors.EVENT_READ, voice)

    def _read(self, voice: _Voice) -> None:
        if voice.connection is None:
            return
        try:
            chunk = voice.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._close(voice)
            return
        voice.begun += chunk
        whole, found, rest = voice.begun.rpartition(b"\n")
        if found:
            voice.begun = bytearray(rest)
            line = bytes(whole.rpartition(b"\n")[2])
            if 0 < len(line) <= LONGEST_LINE_BYTES:
                voice.newest = line
                if time.monotonic() - voice.checked >= _CHECK_SECONDS:
                    self._check(voice)
        if len(voice.begun) > LONGEST_LINE_BYTES or sum(other.size for other in self._voices) > MOST_BYTES:
            voice.newest = b""
            self._close(voice)

    def _check(self, voice: _Voice) -> None:
        """Hold the newest line against the schema."""
        line, voice.newest, voice.checked = voice.newest, b"", time.monotonic()
        if line and read_message(line) is not None:
            voice.valid = line

    def _close(self, voice: _Voice) -> None:
        if voice.connection is not None:
            with suppress(OSError, KeyError, ValueError):
                self._selector.unregister(voice.connection)
            voice.connection.close()
            voice.connection = None
            voice.begun = bytearray()
            self._check(voice)
