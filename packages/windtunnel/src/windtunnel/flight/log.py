"""What a command writes to stdout and stderr, kept up to a limit."""

from __future__ import annotations

import errno
import re
import threading
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LOG_LIMIT_BYTES = 64 * 2**20
_END_SECONDS = 2.0
_TAIL_BYTES = 4096
_LINE_CHARACTERS = 500
_WARNING = re.compile(r"\S+:\d+: \w*Warning: ")


class Log:
    """A log file with an upper size, filled from a pipe by a thread that never lets the writer wait.

    Args:
        path: the file; overwritten.
        limit_bytes: what comes beyond this is counted and not kept.

    Attributes:
        disk_full: it could not be written any more.
        written: how many bytes came, those that were not kept included.
    """

    def __init__(self, path: Path, *, limit_bytes: int) -> None:
        self.disk_full = False
        self.written = 0
        self._file = path.open("wb", buffering=0)
        self._left = limit_bytes
        self._limit_bytes = limit_bytes
        self._tail = b""
        self._thread: threading.Thread | None = None

    @property
    def last_line(self) -> str:
        """The last line that says something; a carriage return begins a new one, as progress bars use it.

        Warnings, and the indented line of code that Python prints below each, are passed over.
        """
        text = self._tail.decode("utf-8", errors="replace")
        lines = [line for line in text.replace("\r", "\n").split("\n") if line.strip()]
        told = [line for line in lines if not line.startswith("  ") and not _WARNING.match(line)]
        return (told or lines or [""])[-1].strip()[-_LINE_CHARACTERS:]

    def follow(self, pipe: IO[bytes]) -> None:
        """Begin to read the pipe."""
        self._thread = threading.Thread(target=self._drain, args=(pipe,), name="windtunnel-log", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait a moment for what the pipe still holds, and close the file."""
        if self._thread is not None:
            self._thread.join(_END_SECONDS)
        self._file.close()

    def _drain(self, pipe: IO[bytes]) -> None:
        with pipe:
            while chunk := pipe.read1(2**16):  # type: ignore[attr-defined]  # Popen gives a BufferedReader
                self.written += len(chunk)
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
                if self._left > 0:
                    self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        kept = chunk[: self._left]
        self._left -= len(chunk)
        if self._left <= 0:
            kept += f"\n[windtunnel: the log ends here, at {self._limit_bytes} bytes]\n".encode()
        try:
            self._file.write(kept)
        except ValueError:  # closed: the flight no longer waits for this writer
            self._left = 0
        except OSError as error:
            self._left = 0
            self.disk_full = error.errno in {errno.ENOSPC, errno.EDQUOT}
