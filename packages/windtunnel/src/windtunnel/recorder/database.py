"""One SQLite file behind one lock: the tables of the recorder, transactions, and two secrets.

Journal mode is WAL and every change is one transaction, so that a killed process leaves the last completed request
and readers in other processes never wait for a writer.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from windtunnel.errors import UsageError, WindtunnelError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCHEMA_VERSION = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS runs (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    entity TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL,
    display_name TEXT, state TEXT NOT NULL, exit_code INTEGER,
    config TEXT NOT NULL DEFAULT '{}', summary TEXT NOT NULL DEFAULT '{}',
    created_at REAL NOT NULL, heartbeat_at REAL NOT NULL,
    "group" TEXT, job_type TEXT, notes TEXT, description TEXT, "commit" TEXT, tags TEXT NOT NULL DEFAULT '[]',
    UNIQUE (entity, project, name)
);
CREATE TABLE IF NOT EXISTS lines (
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    stream TEXT NOT NULL, number INTEGER NOT NULL, step INTEGER, text TEXT NOT NULL,
    PRIMARY KEY (run, stream, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS lines_by_step ON lines (run, stream, step);
CREATE TABLE IF NOT EXISTS files (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs (key) ON DELETE CASCADE,
    name TEXT NOT NULL, size INTEGER NOT NULL DEFAULT 0, md5 TEXT NOT NULL DEFAULT '', updated_at REAL,
    complete INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS files_by_name ON files (run, name);
CREATE TABLE IF NOT EXISTS pieces (
    file INTEGER NOT NULL REFERENCES files (key) ON DELETE CASCADE,
    number INTEGER NOT NULL, data BLOB NOT NULL,
    PRIMARY KEY (file, number)
);
"""


class Database:
    """A connection that threads share.

    Args:
        path: the SQLite file; made, with its folder, if missing, readable by its owner only.

    Raises:
        UsageError: the file is no database of a recorder, or cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o600)
            self._connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
            try:
                self._prepare()
            except (sqlite3.Error, WindtunnelError):
                self._connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"the recorder cannot use {path} as its database ({error}); give a path that can be written, "
                "or move the file away"
            ) from error

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version not in {0, SCHEMA_VERSION}:
            raise UsageError(
                f"{self.path} was written by another version of the recorder (layout {version}, this one reads "
                f"{SCHEMA_VERSION}); move it away to start a new one"
            )
        self._connection.executescript(_TABLES)
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection alone; commit at the end, roll back when an exception leaves the block.

        A block inside a block of the same thread joins it.

        Raises:
            WindtunnelError: the database is closed, or the disk is full or fails.
        """
        with self._lock:
            if self._connection.in_transaction:
                yield self._connection
                return
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.rollback()
                    raise
                self._connection.commit()
            except sqlite3.Error as error:
                raise WindtunnelError(
                    f"the recorder cannot use {self.path} ({error}); nothing of this request was kept; "
                    "check the space on that disk"
                ) from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the connection alone for reading.

        Raises:
            WindtunnelError: the database is closed, or cannot be read.
        """
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise WindtunnelError(f"the recorder cannot read {self.path} ({error})") from error

    def setting(self, name: str, *, value: str | None = None) -> str:
        """Return a secret kept in the database: ``value`` if given, else the kept one, else a new random one.

        Args:
            name: what the secret is for.
            value: replaces the kept one.

        Returns:
            40 hexadecimal digits, unless a value was given.
        """
        with self.transaction() as connection:
            if value is not None:
                connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))
            else:
                connection.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", (name, secrets.token_hex(20)))
            row = connection.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
        return str(row["value"])

    def close(self) -> None:
        """Close the connection; later use raises. Safe to call twice."""
        with self._lock:
            self._connection.close()
