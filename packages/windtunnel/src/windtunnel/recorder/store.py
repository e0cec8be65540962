"""The runs that a recorder has seen, in one SQLite file that survives restarts and killed processes.

Covered: identity, configuration, summary, state, exit code, history, system events, console output, files, alerts and
artifacts of runs, and how often each was started. Not covered: sweeps, reports, runs with several writers, forks and
rewinds.

A run is ``running`` from its first request on. The client's last request makes it ``finished`` (exit code 0) or
``failed``; without a sign of life for ``heartbeat_seconds`` it reads as ``crashed``, and a later sign of life makes it
``running`` again.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from windtunnel.recorder.alerts import Alerts
from windtunnel.recorder.artifacts import Artifacts
from windtunnel.recorder.blobs import Files
from windtunnel.recorder.database import MAX_DATABASE_BYTES, Database
from windtunnel.recorder.projects import Projects
from windtunnel.recorder.run_rows import run_record, write_run
from windtunnel.recorder.starts import Starts
from windtunnel.recorder.streams import STREAMS, Streams

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from windtunnel.recorder.filestream import StreamPost
    from windtunnel.recorder.records import FileRecord, RunRecord, RunState

HEARTBEAT_SECONDS = 120.0  # the client gives a sign of life every 30 s at the latest


class Store:
    """Runs in one SQLite file; safe to share between threads.

    Args:
        database: path of the SQLite file; made if missing.
        heartbeat_seconds: silence after which a running run reads as crashed.
        read_only: whether the file is only read; it must be there then.
        max_bytes: size of the file beyond which nothing more is kept.

    Attributes:
        projects: the projects that they lie in.
        starts: how often each was started.
        streams: their lines.
        blobs: their files.
        alerts: what they alerted of.
        artifacts: what they logged as artifacts.

    Raises:
        UsageError: the file is no database of a recorder, or cannot be opened.
    """

    def __init__(
        self,
        database: Path,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        read_only: bool = False,
        max_bytes: int = MAX_DATABASE_BYTES,
    ) -> None:
        self.heartbeat_seconds = heartbeat_seconds
        self.database = Database(database, read_only=read_only, max_bytes=max_bytes)
        self.projects = Projects(self.database)
        self.starts = Starts(self.database)
        self.streams = Streams(self.database)
        self.blobs = Files(self.database)
        self.alerts = Alerts(self.database)
        self.artifacts = Artifacts(self.database)

    def close(self) -> None:
        """Close the database. Safe to call twice."""
        self.database.close()

    def runs_of(self, entity: str, project: str) -> list[RunRecord]:
        """Return the runs of a project, oldest first."""
        query = "SELECT * FROM runs WHERE entity = ? AND project = ? ORDER BY created_at, key"
        with self.database.reading() as connection:
            return [self._record(row) for row in connection.execute(query, (entity, project)).fetchall()]

    def runs(self) -> list[RunRecord]:
        """Return all runs, oldest first."""
        with self.database.reading() as connection:
            rows = connection.execute("SELECT * FROM runs ORDER BY created_at, key").fetchall()
            return [self._record(row) for row in rows]

    def run(self, entity: str, project: str, name: str) -> RunRecord | None:
        """Return one run, None where there is none of that name."""
        with self.database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM runs WHERE entity = ? AND project = ? AND name = ?", (entity, project, name)
            ).fetchone()
            return None if row is None else self._record(row)

    def run_by_key(self, key: int) -> RunRecord | None:
        """Return the run with that number, None where there is none."""
        with self.database.reading() as connection:
            row = connection.execute("SELECT * FROM runs WHERE key = ?", (key,)).fetchone()
            return None if row is None else self._record(row)

    def history(self, entity: str, project: str, name: str) -> list[dict[str, Any]]:
        """Return every row of a run's history in the order logged; NaN and infinities are floats.

        Raises:
            KeyError: there is no such run.
        """
        key = self._key(entity, project, name)
        return [json.loads(text) for _, text in self.streams.texts(key, "history")]

    def files(self, entity: str, project: str, name: str) -> list[FileRecord]:
        """Return the files of a run by name.

        Raises:
            KeyError: there is no such run.
        """
        return self.blobs.of(self._key(entity, project, name))

    def read_file(self, entity: str, project: str, name: str, file: str) -> Iterator[bytes]:
        """Return the bytes of a file of a run, piece by piece.

        Raises:
            KeyError: there is no such run, or it has no such file.
        """
        record = self.blobs.find(self._key(entity, project, name), file)
        if record is None:
            raise KeyError(f"run {entity}/{project}/{name} has no file {file!r}")
        return self.blobs.pieces(record.key)

    def upsert(
        self, entity: str, project: str, name: str, *, fields: Mapping[str, Any], starts: bool
    ) -> tuple[RunRecord, bool]:
        """Make a run, or change the one of that name.

        Args:
            entity: account.
            project: project of the account.
            name: run id.
            fields: new values by the name of :class:`RunRecord`'s attribute, ``raw_config`` for the configuration;
                what is None or absent stays as it is.
            starts: a process begins to log to the run, without resuming it: a run of that name loses what it has.

        Returns:
            The run, and whether it is new.
        """
        now = time.time()
        with self.database.transaction() as connection:
            self.projects.ensure(entity, project)
            cursor = connection.execute(
                "INSERT OR IGNORE INTO runs (entity, project, name, state, created_at, heartbeat_at) "
                "VALUES (?, ?, ?, 'running', ?, ?)",
                (entity, project, name, now, now),
            )
            inserted = cursor.rowcount == 1
            key = self._key(entity, project, name)
            if starts and not inserted:
                self.streams.clear(key)
                self.blobs.clear(key)
                connection.execute(
                    "UPDATE runs SET summary = '{}', config = '{}', state = 'running', exit_code = NULL, stopped = 0, "
                    "created_at = ?, heartbeat_at = ? WHERE key = ?",
                    (now, now, key),
                )
            if starts or inserted:
                self.starts.note(key, resumed=False)
            write_run(connection, key, fields)
            return self._existing(key), inserted

    def resume(self, key: int, *, fields: Mapping[str, Any]) -> RunRecord | None:
        """Let a process continue a run: it keeps what it has and is running again; ``fields`` as in :meth:`upsert`."""
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET state = 'running', exit_code = NULL, stopped = 0, heartbeat_at = ? WHERE key = ?",
                (time.time(), key),
            )
            if connection.execute("SELECT 1 FROM runs WHERE key = ?", (key,)).fetchone() is not None:
                self.starts.note(key, resumed=True)
            return self.update(key, fields=fields)

    def update(self, key: int, *, fields: Mapping[str, Any]) -> RunRecord | None:
        """Change a run that exists, without a sign of life; ``fields`` as in :meth:`upsert`."""
        with self.database.transaction() as connection:
            write_run(connection, key, fields)
        return self.run_by_key(key)

    def apply(self, key: int, post: StreamPost) -> None:
        """Store one request of a client's file stream, whole or not at all.

        Args:
            key: the run.
            post: the request.

        Raises:
            MalformedRequestError: a line or an offset cannot be; nothing of the request is kept.
        """
        with self.database.transaction() as connection:
            for file, (offset, lines) in post.chunks.items():
                if file in STREAMS:
                    self.streams.append(key, STREAMS[file], offset=offset, lines=lines)
            if post.summary is not None:
                connection.execute("UPDATE runs SET summary = ? WHERE key = ?", (json.dumps(post.summary), key))
            state: RunState = "running"
            if post.exit_code is not None:
                state = "finished" if post.exit_code == 0 else "failed"
            connection.execute(
                "UPDATE runs SET state = ?, exit_code = ?, heartbeat_at = ? WHERE key = ?",
                (state, post.exit_code, time.time(), key),
            )

    def mark_crashed(self) -> list[str]:
        """Make every run that has not ended ``crashed``, for its process is gone; return their names."""
        with self.database.transaction() as connection:
            rows = connection.execute("SELECT name FROM runs WHERE state = 'running' ORDER BY key").fetchall()
            connection.execute("UPDATE runs SET state = 'crashed' WHERE state = 'running'")
        return [str(row["name"]) for row in rows]

    def stop(self, key: int) -> bool:
        """Ask the process of a run to stop; return whether there is such a run."""
        with self.database.transaction() as connection:
            return connection.execute("UPDATE runs SET stopped = 1 WHERE key = ?", (key,)).rowcount == 1

    def set_state(self, key: int, state: RunState) -> bool:
        """Say how a run stands, whatever its process said; return whether there is such a run."""
        with self.database.transaction() as connection:
            return connection.execute("UPDATE runs SET state = ? WHERE key = ?", (state, key)).rowcount == 1

    def delete(self, key: int) -> bool:
        """Forget a run with all it has; return whether there was one."""
        with self.database.transaction() as connection:
            return connection.execute("DELETE FROM runs WHERE key = ?", (key,)).rowcount == 1

    def _key(self, entity: str, project: str, name: str) -> int:
        record = self.run(entity, project, name)
        if record is None:
            raise KeyError(f"the recorder has no run {entity}/{project}/{name}")
        return record.key

    def _existing(self, key: int) -> RunRecord:
        record = self.run_by_key(key)
        if record is None:
            raise KeyError(f"the recorder has no run with number {key}")
        return record

    def _record(self, row: sqlite3.Row) -> RunRecord:
        return run_record(row, self.streams, heartbeat_seconds=self.heartbeat_seconds)
