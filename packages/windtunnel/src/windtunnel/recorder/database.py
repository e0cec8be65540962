"""One SQLite file behind one lock: transactions, and two secrets.

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
from windtunnel.recorder.tables import SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_DATABASE_BYTES = 32 << 30  # chosen by us: what runs log is far below it, a program that fills the disk is not


class Database:
    """A connection that threads share.

    Args:
        path: the SQLite file; made, with its folder, if missing, readable by its owner only.
        read_only: whether it is only read; it must be there then, and is left as it is.
        max_bytes: size beyond which nothing more is kept.

    Raises:
        UsageError: the file is no database of a recorder, or cannot be opened.
    """

    def __init__(self, path: Path, *, read_only: bool = False, max_bytes: int = MAX_DATABASE_BYTES) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._max_bytes = max_bytes
        try:
            if read_only:
                self._connection = _opened_for_reading(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
                path.chmod(0o600)
                self._connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
            try:
                self._connection.row_factory = sqlite3.Row
                self._check_version(accept_empty=not read_only)
                if not read_only:
                    self._prepare()
            except (sqlite3.Error, WindtunnelError):
                self._connection.close()
                raise
        except (OSError, sqlite3.Error) as error:
            raise UsageError(
                f"the recorder cannot use {path} as its database ({error}); give a path that can be written, "
                "or move the file away"
            ) from error

    def _check_version(self, *, accept_empty: bool) -> None:
        version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
        if version != SCHEMA_VERSION and not (version == 0 and accept_empty):
            raise UsageError(
                f"{self.path} was written by another version of the recorder (layout {version}, this one reads "
                f"{SCHEMA_VERSION}); move it away to start a new one"
            )

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        page_bytes = int(self._connection.execute("PRAGMA page_size").fetchone()[0])
        self._connection.execute(f"PRAGMA max_page_count = {max(1, self._max_bytes // page_bytes)}")
        self._connection.executescript(TABLES)
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
                    f"check the space on that disk, and that the file is below {self._max_bytes} bytes"
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


def _opened_for_reading(path: Path) -> sqlite3.Connection:
    address = path.absolute().as_uri()
    connection = sqlite3.connect(f"{address}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError:
        # In a folder that cannot be written SQLite reads a file in WAL mode only if told that nobody writes to it.
        connection.close()
        return sqlite3.connect(f"{address}?immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    return connection
