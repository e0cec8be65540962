"""The names under which versions of artifacts lie: collections, memberships, aliases, tags.

A version has a number in each collection it is in, which is an alias of its own: ``v3``. ``latest`` moves to each new
version by itself; other aliases move when they are given to another version.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from windtunnel.recorder.artifact_records import AliasRecord, CollectionKind, CollectionRecord, MembershipRecord
from windtunnel.recorder.errors import MalformedRequestError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from windtunnel.recorder.database import Database

LATEST = "latest"
MAX_NAME_CHARACTERS = 128
_NUMBER = re.compile(r"v(0|[1-9]\d{0,17})")


class Collections:
    """Collections in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: int) -> CollectionRecord | None:
        """Return the collection with that number, None where there is none."""
        return next(iter(self._where("key = ?", key)), None)

    def find(self, entity: str, project: str, name: str) -> CollectionRecord | None:
        """Return the collection of that name, None where there is none."""
        return next(iter(self._where("entity = ? AND project = ? AND name = ?", entity, project, name)), None)

    def of_project(self, entity: str, project: str) -> list[CollectionRecord]:
        """Return the collections of a project, newest first."""
        return self._where("entity = ? AND project = ?", entity, project)

    def ensure(self, entity: str, project: str, name: str, *, kind: CollectionKind, type_: str) -> CollectionRecord:
        """Return the collection of that name, made if missing.

        Raises:
            MalformedRequestError: there is one of another kind or type, or the name cannot be.
        """
        for what, text in (("collection", name), ("type", type_)):
            if not text or len(text) > MAX_NAME_CHARACTERS or not text.isprintable() or any(c in text for c in "/:"):
                raise MalformedRequestError(
                    f"{text[:40]!r} is no name of an artifact {what}; give a text without / or :"
                )
        now = time.time()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO collections (entity, project, name, kind, type, created_at, updated_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (entity, project, name, kind, type_, now, now),
            )
            found = self.find(entity, project, name)
        if found is None or (found.kind, found.type) != (kind, type_):
            raise MalformedRequestError(
                f"{entity}/{project}/{name} is a {found.kind if found else 'lost collection'} of artifacts of type "
                f"{found.type if found else ''!r}, not a {kind} of type {type_!r}; give another name"
            )
        return found

    def change(self, key: int, *, name: str | None = None, description: str | None = None) -> None:
        """Rename or describe a collection; None leaves as it is.

        Raises:
            MalformedRequestError: the project has a collection of that name.
        """
        with self._database.transaction() as connection:
            found = self.get(key)
            if found is not None and name is not None and name != found.name:
                if self.find(found.entity, found.project, name) is not None:
                    raise MalformedRequestError(f"{found.entity}/{found.project} has a collection {name!r} already")
                connection.execute("UPDATE collections SET name = ? WHERE key = ?", (name, key))
            if description is not None:
                connection.execute("UPDATE collections SET description = ? WHERE key = ?", (description, key))
            connection.execute("UPDATE collections SET updated_at = ? WHERE key = ?", (time.time(), key))

    def move(self, key: int, type_: str) -> None:
        """Give the artifacts of a collection another type."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE collections SET type = ? WHERE key = ?", (type_, key))

    def delete(self, key: int) -> bool:
        """Forget a collection, and if it is a sequence its versions; return whether there was one."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM collections WHERE key = ?", (key,)).rowcount == 1

    def tag(self, key: int, tags: Iterable[str], *, remove: bool = False) -> None:
        """Add tags to a collection, or remove them."""
        action = "DELETE FROM collection_tags WHERE collection = ? AND tag = ?"
        if not remove:
            action = "INSERT OR IGNORE INTO collection_tags VALUES (?, ?)"
        with self._database.transaction() as connection:
            connection.executemany(action, [(key, tag) for tag in tags])

    def join(self, collection: int, artifact: int, *, version: int | None = None) -> MembershipRecord:
        """Put a version into a collection; it gets the next number there, unless it is in it or one is given."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT coalesce(max(version), -1) + 1 AS next FROM memberships WHERE collection = ?", (collection,)
            ).fetchone()
            connection.execute(
                "INSERT OR IGNORE INTO memberships (collection, artifact, version, created_at) VALUES (?, ?, ?, ?)",
                (collection, artifact, row["next"] if version is None else version, time.time()),
            )
            connection.execute("UPDATE collections SET updated_at = ? WHERE key = ?", (time.time(), collection))
            (member,) = self._members("collection = ? AND artifact = ?", collection, artifact)
        return member

    def leave(self, collection: int, artifact: int) -> bool:
        """Take a version out of a collection, with its aliases there; return whether it was in it."""
        with self._database.transaction() as connection:
            pair = (collection, artifact)
            connection.execute("DELETE FROM aliases WHERE collection = ? AND artifact = ?", pair)
            left = connection.execute("DELETE FROM memberships WHERE collection = ? AND artifact = ?", pair)
        return left.rowcount == 1

    def members(self, collection: int) -> list[MembershipRecord]:
        """Return the versions of a collection, newest first."""
        return self._members("collection = ?", collection)

    def memberships(self, artifact: int) -> list[MembershipRecord]:
        """Return the collections that a version is in, newest membership first."""
        return self._members("artifact = ?", artifact)

    def member(self, collection: int, alias: str) -> MembershipRecord | None:
        """Return the version of a collection that has an alias, or that number as in ``v3``; None for none."""
        if match := _NUMBER.fullmatch(alias):
            return next(iter(self._members("collection = ? AND version = ?", collection, int(match[1]))), None)
        chosen = "collection = ? AND artifact = (SELECT artifact FROM aliases WHERE collection = ? AND alias = ?)"
        return next(iter(self._members(chosen, collection, collection, alias)), None)

    def assign(self, collection: int, artifact: int, aliases: Iterable[str]) -> None:
        """Give aliases to a version; a version that had one of them loses it.

        Raises:
            MalformedRequestError: one cannot be an alias.
        """
        with self._database.transaction() as connection:
            for alias in aliases:
                if (
                    not alias
                    or len(alias) > MAX_NAME_CHARACTERS
                    or not alias.isprintable()
                    or any(c in alias for c in "/:")
                ):
                    raise MalformedRequestError(f"{alias[:40]!r} is no alias; give a text without / or :")
                if _NUMBER.fullmatch(alias) is None:  # its number is a version's alias by itself
                    connection.execute(
                        "INSERT INTO aliases (collection, artifact, alias) VALUES (?, ?, ?) "
                        "ON CONFLICT (collection, alias) DO UPDATE SET artifact = excluded.artifact",
                        (collection, artifact, alias),
                    )

    def withdraw(self, collection: int, artifact: int, aliases: Iterable[str] | None = None) -> None:
        """Take aliases from a version; None takes all it has in the collection."""
        with self._database.transaction() as connection:
            if aliases is None:
                connection.execute("DELETE FROM aliases WHERE collection = ? AND artifact = ?", (collection, artifact))
            else:
                connection.executemany(
                    "DELETE FROM aliases WHERE collection = ? AND artifact = ? AND alias = ?",
                    [(collection, artifact, alias) for alias in aliases],
                )

    def aliases(self, member: MembershipRecord) -> list[AliasRecord]:
        """Return the aliases of a version in a collection, its number last."""
        query = "SELECT key, alias FROM aliases WHERE collection = ? AND artifact = ? ORDER BY key"
        with self._database.reading() as connection:
            rows = connection.execute(query, (member.collection.key, member.artifact)).fetchall()
        named = [AliasRecord(str(row["key"]), row["alias"], member.collection) for row in rows]
        return [*named, AliasRecord(f"member-{member.key}", f"v{member.version}", member.collection)]

    def _where(self, condition: str, *values: object) -> list[CollectionRecord]:
        query = f"SELECT * FROM collections WHERE {condition} ORDER BY key DESC"  # noqa: S608 - conditions are above
        with self._database.reading() as connection:
            return [self._record(connection, row) for row in connection.execute(query, values).fetchall()]

    def _members(self, condition: str, *values: object) -> list[MembershipRecord]:
        query = f"SELECT * FROM memberships WHERE {condition} ORDER BY version DESC, key DESC"  # noqa: S608 - as above
        with self._database.reading() as connection:
            rows = connection.execute(query, values).fetchall()
            found = {row["collection"]: self.get(row["collection"]) for row in rows}
        return [
            MembershipRecord(row["key"], collection, row["artifact"], row["version"], row["created_at"])
            for row in rows
            if (collection := found[row["collection"]]) is not None
        ]

    @staticmethod
    def _record(connection: sqlite3.Connection, row: sqlite3.Row) -> CollectionRecord:
        tags = connection.execute("SELECT tag FROM collection_tags WHERE collection = ? ORDER BY tag", (row["key"],))
        return CollectionRecord(**dict(row), tags=tuple(tag["tag"] for tag in tags))
