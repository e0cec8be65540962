"""How much a command has written to the disk, added up again and again while it runs."""

from __future__ import annotations

import os
import stat
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_WALK_SECONDS = 0.5  # between two looks, or longer where a look is long
_WALK_PART = 10


class Written:
    """By how much some folders have grown since :meth:`start`.

    Files that are open and have no name any more are not seen.

    Args:
        folders: the folders; those that are not there are left out.
        hidden: folders below them that do not count, unless they hold another one of them.

    Attributes:
        roots: the folders as they really lie.
        bytes_written: what was seen when they were last looked at.
    """

    def __init__(self, folders: Iterable[Path], *, hidden: Iterable[Path] = ()) -> None:
        self.roots = tuple(dict.fromkeys(path.resolve() for path in folders if path.is_dir()))
        self.bytes_written = 0
        self._skipped = frozenset(str(path.resolve()) for path in (*hidden, *self.roots))
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look at what is there, and go on looking in a thread of its own."""
        if self.roots:
            before = self._walk()
            self._thread = threading.Thread(target=self._follow, args=(before,), name="windtunnel-disk", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more. Safe to call twice, and without a start."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self, before: int) -> None:
        wait = _WALK_SECONDS
        while not self._ended.wait(wait):
            started = time.monotonic()
            self.bytes_written = self._walk() - before
            wait = max(_WALK_SECONDS, _WALK_PART * (time.monotonic() - started))

    def _walk(self) -> int:
        """Add up the blocks of all files, each once however many names it has; what is just going away is left out."""
        total = 0
        linked: set[tuple[int, int]] = set()
        folders = [str(root) for root in self.roots]
        while folders and not self._ended.is_set():
            with suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    with suppress(OSError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISDIR(status.st_mode):
                            if entry.path not in self._skipped:
                                folders.append(entry.path)
                        elif status.st_nlink > 1:
                            if (status.st_dev, status.st_ino) in linked:
                                continue
                            linked.add((status.st_dev, status.st_ino))
                        total += 512 * status.st_blocks
        return total
