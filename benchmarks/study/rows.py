"""The rows of the study: one JSON object a line, appended whole, never changed."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """Return the rows in their order; a file that is not there has none, a cut-off last line does not count."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def append_rows(path: Path, rows: Iterable[Row]) -> None:
    """Append rows, on the disk when this returns; two processes may append to one file."""
    text = "".join(json.dumps(row, sort_keys=True, allow_nan=False) + "\n" for row in rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        if size and _last_byte(file, size) != b"\n":  # a line that was cut off stays one
            file.write(b"\n")
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def _last_byte(file: Any, size: int) -> bytes:
    file.seek(size - 1)
    last: bytes = file.read(1)
    return last


def done(rows: Iterable[Row]) -> set[str]:
    """The hashes of the configurations that have a row of a finished run."""
    return {row["config"] for row in rows if row["kind"] == "run"}


def tuned_rates(rows: Iterable[Row]) -> dict[tuple[str, str, int], float]:
    """The best learning rate by task, arm and mean rank: the first of equally good trials."""
    best: dict[tuple[str, str, int], Row] = {}
    for row in rows:
        if row["kind"] != "trial" or row["value"] is None:
            continue
        key = (row["task"], row["arm"], row["mean_rank"])
        if key not in best or row["value"] > best[key]["value"]:
            best[key] = row
    return {key: row["learning_rate"] for key, row in best.items()}
