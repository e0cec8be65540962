"""Environments kept in the user's cache: each made once, never used half made, the oldest dropped for the newest."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST = 24  # environments; uv links their files to its own cache, so that most are small
_MARK = ".windtunnel-finished"


@contextmanager
def kept(folder: Path) -> Iterator[Path]:
    """Hold an environment's folder while it is looked at or made; another process that wants it waits.

    Raises:
        FlightError: the cache cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f".{folder.name}.lock").open("w")
    except OSError as error:
        raise FlightError(
            f"{folder.parent} cannot be written: {error.strerror}; free space, or set XDG_CACHE_HOME to another folder"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists() and not finished(folder):
            shutil.rmtree(folder, ignore_errors=True)
        yield folder


def finished(folder: Path, *, now: bool = False) -> bool:
    """Whether an environment is whole; ``now`` says that it has just become so."""
    mark = folder / _MARK
    if now:
        mark.touch()
    if mark.exists():
        os.utime(mark)  # when it was last wanted
        return True
    return False


def discard_oldest(parent: Path, *, keep: Path, most: int = MOST) -> None:
    """Remove the environments that were not wanted for longest, beyond ``most`` of them.

    Args:
        parent: where they lie.
        keep: one that stays whatever its age.
        most: how many stay.
    """
    marks = sorted(parent.glob(f"*/{_MARK}"), key=lambda mark: mark.stat().st_mtime, reverse=True)
    for mark in marks[most:]:
        if mark.parent == keep:
            continue
        lock = parent / f".{mark.parent.name}.lock"
        with lock.open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            mark.unlink(missing_ok=True)
            shutil.rmtree(mark.parent, ignore_errors=True)
