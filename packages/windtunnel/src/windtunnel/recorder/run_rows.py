"""Runs as rows of the database: how one is read, and how one is changed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from windtunnel.recorder.records import RunRecord, RunState, unwrap_config

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from windtunnel.recorder.streams import Streams

_COLUMNS = ("display_name", "group", "job_type", "notes", "description", "commit")


def write_run(connection: sqlite3.Connection, key: int, fields: Mapping[str, Any]) -> None:
    """Change a run.

    Args:
        connection: in a transaction.
        key: of the run.
        fields: new values by the name of :class:`RunRecord`'s attribute, ``raw_config`` for the configuration; what is
            None or absent stays as it is.
    """
    values = {f'"{name}"': fields[name] for name in _COLUMNS if fields.get(name) is not None}
    if fields.get("tags") is not None:
        values["tags"] = json.dumps(list(fields["tags"]))
    for column, name in (("config", "raw_config"), ("summary", "summary")):
        if fields.get(name) is not None:
            values[column] = json.dumps(fields[name])
    if values:
        assignments = ", ".join(f"{column} = ?" for column in values)
        # Column names come from the constants above, never from a request.
        connection.execute(f"UPDATE runs SET {assignments} WHERE key = ?", (*values.values(), key))  # noqa: S608


def run_record(row: sqlite3.Row, streams: Streams, *, heartbeat_seconds: float) -> RunRecord:
    """Return a run.

    Args:
        row: of the database.
        streams: where its lines are.
        heartbeat_seconds: silence after which a running run reads as crashed.
    """
    state: RunState = row["state"]
    if state == "running" and time.time() - row["heartbeat_at"] > heartbeat_seconds:
        state = "crashed"
    raw = json.loads(row["config"])
    last_step = streams.last_step(row["key"])
    return RunRecord(
        key=row["key"],
        entity=row["entity"],
        project=row["project"],
        name=row["name"],
        display_name=row["display_name"] or row["name"],
        state=state,
        config=unwrap_config(raw),
        summary=json.loads(row["summary"]),
        created_at=row["created_at"],
        heartbeat_at=row["heartbeat_at"],
        steps=last_step + 1 if last_step >= 0 else streams.count(row["key"], "history"),
        exit_code=row["exit_code"],
        stopped=bool(row["stopped"]),
        raw_config=raw,
        group=row["group"],
        job_type=row["job_type"],
        notes=row["notes"],
        tags=tuple(json.loads(row["tags"])),
        description=row["description"],
        commit=row["commit"],
    )
