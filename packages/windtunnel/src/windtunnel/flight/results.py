"""The results folder: one flight at a time in it, and the earlier one moved aside instead of overwritten."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError
from windtunnel.flight.workspace import LOCK_NAME

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LEAST_FREE_BYTES = 200 * 2**20  # what a small run's checkpoints, logs and caches need; chosen by us


@contextmanager
def hold(results_dir: Path) -> Iterator[None]:
    """Keep ``results_dir`` to this process while the context is open; a lock left by a dead process does not count.

    Raises:
        FlightError: another flight holds the folder, or the folder cannot be made.
    """
    lock = results_dir / LOCK_NAME
    try:
        results_dir.mkdir(parents=True, exist_ok=True)
        descriptor = _lock(lock)
    except OSError as error:
        raise FlightError(f"{results_dir} cannot be used as the results folder: {error.strerror}") from error
    if descriptor is None:
        raise FlightError(
            f"{results_dir} is in use by another flight (process {_holder(lock)}); wait for it, end it, or give "
            "another --results-dir"
        )
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def require_free_space(results_dir: Path) -> None:
    """Raise :class:`FlightError` if the disk of ``results_dir`` is nearly full."""
    free = shutil.disk_usage(results_dir).free
    if free < LEAST_FREE_BYTES:
        raise FlightError(
            f"the disk of {results_dir} has {free / 2**20:.0f} MiB left and a flight needs at least "
            f"{LEAST_FREE_BYTES / 2**20:.0f} MiB; free some, or give a --results-dir on another disk"
        )


def move_earlier(results_dir: Path, run_ids: Iterable[str]) -> Path | None:
    """Move what an earlier flight left in ``results_dir`` to ``earlier/<time>`` and return that folder.

    Args:
        results_dir: the folder of both flights.
        run_ids: every run whose results may lie there.

    Returns:
        Where it went, or ``None`` if there was nothing to move.
    """
    names = dict.fromkeys(("flight", "comparison", *run_ids, *_flown_before(results_dir)))
    return move_aside(results_dir, names)


def move_aside(results_dir: Path, names: Iterable[str]) -> Path | None:
    """Move what is there of ``names`` to ``earlier/<time>`` and return that folder, ``None`` if nothing was."""
    found = [path for name in names if os.path.lexists(path := results_dir / name)]
    if not found:
        return None
    stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    target = results_dir / "earlier" / stamp
    counter = 1
    while target.exists():
        counter += 1
        target = target.with_name(f"{stamp}-{counter}")
    try:
        target.mkdir(parents=True)
        for path in found:
            path.rename(target / path.name)
    except OSError as error:
        raise FlightError(
            f"the earlier flight in {results_dir} could not be moved to {target}: {error.strerror} "
            f"({error.filename}); move it yourself, or give another --results-dir"
        ) from error
    return target


def _flown_before(results_dir: Path) -> list[str]:
    """Return the runs of the earlier flight as it wrote them down; their configurations may be gone by now."""
    try:
        run_ids = json.loads((results_dir / "flight" / "report.json").read_text(encoding="utf-8"))["run_ids"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    plain = [name for name in run_ids if isinstance(name, str) and Path(name).name == name and name not in {".", ".."}]
    return [name for name in plain if name != "earlier"]


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on ``path``, or ``None`` if another process holds it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError:
            os.close(descriptor)
            raise
        # the holder before us removes the file as it leaves: a lock on a removed file locks nobody out
        if _same_file(descriptor, path):
            return descriptor
        os.close(descriptor)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(lock: Path) -> str:
    try:
        return lock.read_text(encoding="ascii").strip() or "unknown"
    except (OSError, UnicodeDecodeError):
        return "unknown"
