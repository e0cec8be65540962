"""The files of runs and artifacts, kept in the database in pieces, so that it alone carries everything.

Pieces are 1 MiB: neither an upload nor a download holds a whole file in memory, and SQLite's limit on one value
is out of sight. A file becomes visible when its last piece has arrived and then replaces the earlier version.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import posixpath
import time
from typing import TYPE_CHECKING, Literal

from windtunnel.recorder.errors import FileTooLargeError, MalformedRequestError
from windtunnel.recorder.records import FileRecord

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from windtunnel.recorder.database import Database

Owner = Literal["run", "artifact", "manifest"]

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
        kind: what owns the file.
        owner: key of the owner.
        name: normalised path inside the owner.
    """

    def __init__(self, database: Database, kind: Owner, owner: int, name: str) -> None:
        self._database = database
        self._kind = kind
        self._owner = owner
        self._name = name
        self._digest = hashlib.md5(usedforsecurity=False)
        self._buffer = bytearray()
        self._pieces = 0
        self._size = 0
        with database.transaction() as connection:
            # The name of the column is one of three constants, never from a request.
            cursor = connection.execute(f"INSERT INTO files ({kind}, name) VALUES (?, ?)", (owner, name))  # noqa: S608
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

    def finish(self, *, md5: str = "") -> None:
        """Make the file visible in place of an earlier one of the same name.

        Args:
            md5: base64 of the MD5 digest that the content must have; "" if it is not known.

        Raises:
            MalformedRequestError: the content has another digest.
        """
        found = base64.b64encode(self._digest.digest()).decode()
        if md5 and md5 != found:
            raise MalformedRequestError(
                f"{self._name} arrived with the MD5 digest {found}, not {md5[:40]!r}; send it again"
            )
        with self._database.transaction() as connection:
            self._store(bytes(self._buffer))
            connection.execute(
                f"DELETE FROM files WHERE {self._kind} = ? AND name = ? AND complete = 1",  # noqa: S608 - as above
                (self._owner, self._name),
            )
            connection.execute(
                "UPDATE files SET size = ?, md5 = ?, updated_at = ?, complete = 1 WHERE key = ?",
                (self._size, found, time.time(), self._key),
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
    """The complete files of all owners of one kind in one database.

    Args:
        database: where they are.
        kind: what owns them.
    """

    def __init__(self, database: Database, kind: Owner = "run") -> None:
        self._database = database
        self._kind = kind

    def discard_unfinished(self) -> None:
        """Forget uploads that a stopped server left half done; only the server that owns the database may."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM files WHERE complete = 0")

    def upload(self, owner: int, name: str) -> Upload:
        """Begin to store a file; see :class:`Upload`."""
        return Upload(self._database, self._kind, owner, normalised_name(name))

    def of(self, owner: int) -> list[FileRecord]:
        """Return the files of an owner by name."""
        return self._where("", owner)

    def find(self, owner: int, name: str) -> FileRecord | None:
        """Return the file of that name, None if the owner has none.

        Raises:
            MalformedRequestError: the name is no path inside its owner.
        """
        return next(iter(self._where("AND name = ?", owner, normalised_name(name))), None)

    def find_md5(self, owner: int, md5: str) -> FileRecord | None:
        """Return a file of the owner with that content, by the base64 of its MD5 digest; None if there is none."""
        return next(iter(self._where("AND md5 = ?", owner, md5)), None)

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

    def read(self, key: int) -> bytes:
        """Return the whole of a file."""
        return b"".join(self.pieces(key))

    def clear(self, owner: int) -> None:
        """Forget all files of an owner."""
        with self._database.transaction() as connection:
            connection.execute(f"DELETE FROM files WHERE {self._kind} = ?", (owner,))  # noqa: S608 - as above

    def delete(self, keys: list[int]) -> int:
        """Forget files; return how many there were."""
        with self._database.transaction() as connection:
            return sum(connection.execute("DELETE FROM files WHERE key = ?", (key,)).rowcount for key in keys)

    def _where(self, condition: str, owner: int, *values: str) -> list[FileRecord]:
        query = f"SELECT * FROM files WHERE {self._kind} = ? {condition} AND complete = 1 ORDER BY name"  # noqa: S608
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query, (owner, *values))]


def _record(row: sqlite3.Row) -> FileRecord:
    return FileRecord(
        key=row["key"],
        name=row["name"],
        size=row["size"],
        md5=row["md5"],
        mimetype=mimetypes.guess_type(row["name"])[0] or "application/octet-stream",
        updated_at=row["updated_at"],
    )
