"""The rows of the study: one JSON object a line, appended whole, never changed."""

from __future__ import annotations

import fcntl
import json
import math
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


def done(rows: Iterable[Row], kind: str = "run") -> set[str]:
    """The hashes of the configurations that have a row of a finished run, or of another kind."""
    return {row["config"] for row in rows if row["kind"] == kind}


def without_interrupted(trials: Iterable[Row]) -> list[Row]:
    """The trials but those that were interrupted and made again at the same rate: they say nothing of it."""
    trials = list(trials)
    complete = {(row["config"], row["learning_rate"]) for row in trials if row["value"] is not None}
    return [row for row in trials if row["value"] is not None or (row["config"], row["learning_rate"]) not in complete]


def tuned_rates(rows: Iterable[Row], *, nearest: int = 1, margin: float = 1) -> dict[tuple[str, str, int], float]:
    """The best learning rate by task, arm and mean rank.

    Args:
        rows: of the searches, and others.
        nearest: a rate's value is the mean over this many trials, itself and those nearest to it in the logarithm. One
            trial's value is one seed's on a few hundred rows, and the best of several is the luckiest; beside a rate
            at which training fails, a lucky one fails with another seed. A trial that was given up counts as the
            search's worst. Of equally good rates the one whose own trial was better is taken, then the first.
        margin: how many times a rate must lie below the lowest one at which training failed, above the best trial's.
            Training failed in a trial that was given up, or that came less than half the way from its search's worst
            value to its best.
    """
    searches: dict[tuple[str, str, int], list[Row]] = {}
    for row in without_interrupted(row for row in rows if row["kind"] == "trial"):
        searches.setdefault((row["task"], row["arm"], row["mean_rank"]), []).append(row)
    found = {}
    for key, trials in searches.items():
        if (best := _best(trials, nearest, margin)) is not None:
            found[key] = best
    return found


def _best(trials: list[Row], nearest: int, margin: float) -> float | None:
    complete = [trial for trial in trials if trial["value"] is not None]
    if not complete:
        return None
    worst = min(trial["value"] for trial in complete)
    top = max(complete, key=lambda trial: trial["value"])
    half = (worst + top["value"]) / 2
    failed = [
        trial["learning_rate"]
        for trial in trials
        if trial["learning_rate"] > top["learning_rate"] and (trial["value"] is None or trial["value"] < half)
    ]
    highest = min(failed) / margin if failed else math.inf
    allowed = [trial for trial in complete if trial["learning_rate"] <= highest]

    def smoothed(trial: Row) -> float:
        at = math.log(trial["learning_rate"])
        near = sorted(trials, key=lambda other: abs(math.log(other["learning_rate"]) - at))[:nearest]
        return math.fsum(worst if one["value"] is None else one["value"] for one in near) / len(near)

    # rounded, because two rates with the same neighbours are equal whatever the order of the sum; where all lie too
    # near to the failed one, the lowest
    best: Row = (
        max(allowed, key=lambda trial: (round(smoothed(trial), 9), trial["value"]))
        if allowed
        else min(complete, key=lambda trial: trial["learning_rate"])
    )
    rate: float = best["learning_rate"]
    return rate
