"""The files of runs, kept in the database in pieces, so that it alone carries everything.

Pieces are 1 MiB: neither an upload nor a download holds a whole file in memory, and SQLite's limit on one value
is out of sight. A file becomes visible when its last piece has arrived and then replaces the earlier version.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import posixpath
import time
from typing import TYPE_CHECKING

from windtunnel.recorder.errors import FileTooLargeError, MalformedRequestError
from windtunnel.recorder.records import FileRecord

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from windtunnel.recorder.database import Database

PIECE_BYTES = 1 << 20
MAX_FILE_BYTES = 2 << 30  # chosen by us: a miniature's checkpoint is far below it, a runaway upload is not
MAX_NAME_CHARACTERS = 1024


def normalised_name(name: str) -> str:
    """Return the path of a file inside its run, without ``./`` and with forward slashes.

    Args:
        name: as the client says it.

    Raises:
        MalformedRequestError: the path is empty, absolute, leaves the run, or has control characters.
    """
    path = posixpath.normpath(name.replace("\\", "/"))
    outside = path.startswith(("/", "../")) or path == ".."
    if not name or path == "." or outside or len(path) > MAX_NAME_CHARACTERS or not path.isprintable():
        raise MalformedRequestError(f"{name[:80]!r} is no file name inside a run; give a relative path without '..'")
    return path


class Upload:
    """A file on its way in; :meth:`finish` makes it visible, :meth:`abandon` forgets it.

    Args:
        database: where it goes.
        run: key of the run.
        name: normalised path inside the run.
    """

    def __init__(self, database: Database, run: int, name: str) -> None:
        self._database = database
        self._run = run
        self._name = name
        self._digest = hashlib.md5(usedforsecurity=False)
        self._buffer = bytearray()
        self._pieces = 0
        self._size = 0
        with database.transaction() as connection:
            cursor = connection.execute("INSERT INTO files (run, name) VALUES (?, ?)", (run, name))
        self._key = int(cursor.lastrowid or 0)

    def write(self, data: bytes) -> None:
        """Add bytes.

        Raises:
            FileTooLargeError: the file is now larger than the recorder keeps.
        """
        self._size += len(data)
        if self._size > MAX_FILE_BYTES:
            raise FileTooLargeError(f"{self._name} is larger than {MAX_FILE_BYTES} bytes, the most a recorder keeps")
        self._digest.update(data)
        self._buffer += data
        while len(self._buffer) >= PIECE_BYTES:
            self._store(bytes(self._buffer[:PIECE_BYTES]))
            del self._buffer[:PIECE_BYTES]

    def finish(self) -> None:
        """Make the file visible in place of an earlier one of the same name."""
        with self._database.transaction() as connection:
            self._store(bytes(self._buffer))
            connection.execute("DELETE FROM files WHERE run = ? AND name = ? AND complete = 1", (self._run, self._name))
            connection.execute(
                "UPDATE files SET size = ?, md5 = ?, updated_at = ?, complete = 1 WHERE key = ?",
                (self._size, base64.b64encode(self._digest.digest()).decode(), time.time(), self._key),
            )

    def abandon(self) -> None:
        """Forget what has arrived."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM files WHERE key = ?", (self._key,))

    def _store(self, piece: bytes) -> None:
        with self._database.transaction() as connection:
            connection.execute("INSERT INTO pieces VALUES (?, ?, ?)", (self._key, self._pieces, piece))
        self._pieces += 1


class Files:
    """The complete files of all runs in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def discard_unfinished(self) -> None:
        """Forget uploads that a stopped server left half done; only the server that owns the database may."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM files WHERE complete = 0")

    def upload(self, run: int, name: str) -> Upload:
        """Begin to store a file; see :class:`Upload`."""
        return Upload(self._database, run, normalised_name(name))

    def of_run(self, run: int) -> list[FileRecord]:
        """Return the files of a run by name."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM files WHERE run = ? AND complete = 1 ORDER BY name", (run,)
            ).fetchall()
        return [_record(row) for row in rows]

    def find(self, run: int, name: str) -> FileRecord | None:
        """Return the file of that name, None if the run has none.

        Raises:
            MalformedRequestError: the name is no path inside a run.
        """
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM files WHERE run = ? AND name = ? AND complete = 1", (run, normalised_name(name))
            ).fetchone()
        return None if row is None else _record(row)

    def find_key(self, key: int) -> FileRecord | None:
        """Return the file with that number, None if it has been replaced or deleted."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT * FROM files WHERE key = ? AND complete = 1", (key,)).fetchone()
        return None if row is None else _record(row)

    def pieces(self, key: int) -> Iterator[bytes]:
        """Yield the bytes of a file, at most :data:`PIECE_BYTES` at a time."""
        number = 0
        while True:
            with self._database.reading() as connection:
                row = connection.execute(
                    "SELECT data FROM pieces WHERE file = ? AND number = ?", (key, number)
                ).fetchone()
            if row is None:
                return
            yield bytes(row["data"])
            number += 1

    def clear(self, run: int) -> None:
        """Forget all files of a run."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM files WHERE run = ?", (run,))

    def delete(self, keys: list[int]) -> int:
        """Forget files; return how many there were."""
        with self._database.transaction() as connection:
            return sum(connection.execute("DELETE FROM files WHERE key = ?", (key,)).rowcount for key in keys)


def _record(row: sqlite3.Row) -> FileRecord:
    return FileRecord(
        key=row["key"],
        name=row["name"],
        size=row["size"],
        md5=row["md5"],
        mimetype=mimetypes.guess_type(row["name"])[0] or "application/octet-stream",
        updated_at=row["updated_at"],
    )
