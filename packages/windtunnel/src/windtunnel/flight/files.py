"""Which files a command made or changed, found by comparing a folder before and after it."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
import stat
from typing import TYPE_CHECKING, Any

from windtunnel.evidence import FileSeen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

Stamp = tuple[int, int, int]  # size in bytes, time of change in ns, inode

MOST_FILES = 20_000  # of a folder; what lies beyond is not listed
_HASHED_BYTES = 4 * 2**20  # larger files are checkpoints, which no rule reads
_READ_BYTES = 256 * 2**10  # of a JSON file with numbers
_TOLD_FILES = 2_000
_TOLD_NUMBERS = 500
_NOT_LISTED = frozenset({"__pycache__", ".cache"})  # caches lie where the contract has them


def listing(folder: Path, *, leave_out: Collection[Path] = ()) -> dict[str, Stamp]:
    """Return the stamp of every regular file and link below ``folder`` by its relative path.

    Args:
        folder: what to list; a folder that is not there is empty.
        leave_out: folders below it that do not count.
    """
    found: dict[str, Stamp] = {}
    skipped = {str(path) for path in leave_out}
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _NOT_LISTED and os.path.join(parent, name) not in skipped  # noqa: PTH118
        )
        for name in sorted(files):
            path = os.path.join(parent, name)  # noqa: PTH118 - a folder may have very many files
            try:
                status = os.lstat(path)
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode):
                found[os.path.relpath(path, folder)] = (status.st_size, status.st_mtime_ns, status.st_ino)
        if len(found) > MOST_FILES:
            break
    return found


def changed(folder: Path, before: Mapping[str, Stamp], after: Mapping[str, Stamp]) -> tuple[FileSeen, ...]:
    """Return what of ``after`` is new or another than ``before``, in the order of the paths."""
    seen = []
    for path in sorted(after):
        if after[path] == before.get(path):
            continue
        size = after[path][0]
        content = _read(folder / path) if size <= _HASHED_BYTES else None
        seen.append(
            FileSeen(
                _text(path),
                size,
                "" if content is None else hashlib.sha256(content).hexdigest(),
                made=path not in before,
                numbers=_numbers(content) if content and path.endswith(".json") and size <= _READ_BYTES else {},
            )
        )
        if len(seen) == _TOLD_FILES:
            break
    return tuple(seen)


def _read(path: Path) -> bytes | None:
    """The content of a small regular file, None of anything else; a link is never followed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor that cannot have become a link since
        content = file.read(_HASHED_BYTES + 1)
    return content if len(content) <= _HASHED_BYTES else None


def _numbers(content: bytes) -> dict[str, float]:
    """The first finite numbers of a JSON object by their dotted keys, none if it is no JSON."""
    try:
        given = json.loads(content)
        return {_text(key): number for key, number in itertools.islice(_leaves(given, ""), _TOLD_NUMBERS)}
    except (ValueError, OverflowError, RecursionError):  # an integer may be too large for a float
        return {}


def _text(name: str) -> str:
    """A name as evidence can hold it: files and keys of flown code may have names that are no UTF-8."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _leaves(value: Any, key: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves(item, f"{key}.{place}")
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        yield key, float(value)
