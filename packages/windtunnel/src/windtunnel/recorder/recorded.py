"""What a recorder's database says of the runs, as evidence; read while the recorder serves or long after.

JSON has no NaN and no infinities, and evidence is JSON: they are the texts "NaN", "Infinity" and "-Infinity".
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from windtunnel.evidence.flight import RunRecorded
from windtunnel.recorder.sampling import flattened, strict
from windtunnel.recorder.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.recorder.records import RunRecord

MAX_ROWS = 1000  # from either end


def recorded(store: Store) -> list[RunRecorded]:
    """Return the runs of a store, oldest first.

    Args:
        store: where they are.
    """
    return [_recorded(store, run) for run in store.runs()]


def recorded_in(path: Path) -> list[RunRecorded]:
    """Return the runs in a recorder's database, oldest first; the file is left as it is.

    Args:
        path: the SQLite file.

    Raises:
        UsageError: the file is no database of a recorder, or cannot be opened.
    """
    store = Store(path, heartbeat_seconds=float("inf"), read_only=True)
    try:
        return recorded(store)
    finally:
        store.close()


def _recorded(store: Store, run: RunRecord) -> RunRecorded:
    count = 0
    keys: dict[str, None] = {}
    first: list[dict[str, Any]] = []
    last: list[dict[str, Any]] = []
    for page in store.streams.pages(run.key, "history"):
        rows = [flattened(json.loads(text)) for _, text in page]
        count += len(rows)
        for row in rows:
            keys.update(dict.fromkeys(row))
        taken = MAX_ROWS - len(first)
        first += rows[:taken]
        last = (last + rows[taken:])[-MAX_ROWS:] if taken < len(rows) else last
    starts = store.starts.of(run.key)
    return RunRecorded(
        entity=run.entity,
        project=run.project,
        name=run.name,
        display_name=run.display_name,
        state=run.state,
        command=starts[0].phase if starts else "",
        steps=count,
        config=strict(run.config),
        summary=strict(run.summary),
        keys=tuple(keys),
        history=tuple(strict(row) for row in first + last),
        starts=len(starts),
    )
