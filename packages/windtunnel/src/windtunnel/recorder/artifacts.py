"""The artifacts that runs log and use: versions of files under a name.

A client announces a version, uploads its files and its manifest, and commits it: only then it has a number and can be
found. The same content under the same name is the same version. The files of a deleted version are kept, for later
versions may consist of them.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Literal

from windtunnel.recorder.artifact_collections import LATEST, Collections
from windtunnel.recorder.artifact_records import ArtifactRecord, CollectionRecord, MembershipRecord
from windtunnel.recorder.blobs import Files
from windtunnel.recorder.errors import MalformedRequestError
from windtunnel.recorder.manifests import Manifests

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from windtunnel.recorder.database import Database

Direction = Literal["input", "output"]

_COLUMNS = ("description", "metadata", "labels", "ttl_seconds")


class Artifacts:
    """Artifacts in one database.

    Args:
        database: where they are.

    Attributes:
        collections: the names they lie under.
        manifests: the lists of their files.
        files: their files.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.collections = Collections(database)
        self.manifests = Manifests(database)
        self.files = Files(database, "artifact")

    def get(self, key: int) -> ArtifactRecord | None:
        """Return the version with that number, None where there is none."""
        return next(iter(self._where("key = ?", key)), None)

    def by_client(self, client: str) -> ArtifactRecord | None:
        """Return the version that a client announced under an id of its own, None where there is none."""
        return next(iter(self._where("key = (SELECT artifact FROM artifact_clients WHERE client = ?)", client)), None)

    def find(self, entity: str, project: str, name: str) -> MembershipRecord | None:
        """Return a committed version by a name such as ``weights``, ``weights:best``, ``weights:v3``; None for none."""
        collection_name, _, alias = name.partition(":")
        collection = self.collections.find(entity, project, collection_name)
        return None if collection is None else self.collections.member(collection.key, alias or LATEST)

    def of_run(self, run: int, direction: Direction) -> list[ArtifactRecord]:
        """Return the versions that a run logged ("output") or used ("input"), oldest first."""
        return self._where(
            "state = 'COMMITTED' AND key IN (SELECT artifact FROM run_artifacts WHERE run = ? AND direction = ?)",
            run,
            direction,
        )

    def runs_of(self, key: int, direction: Direction) -> list[int]:
        """Return the keys of the runs that logged or used a version, the first one first."""
        query = "SELECT run FROM run_artifacts WHERE artifact = ? AND direction = ? ORDER BY at, run"
        with self._database.reading() as connection:
            return [int(row["run"]) for row in connection.execute(query, (key, direction))]

    def versions(self, sequence: int) -> list[ArtifactRecord]:
        """Return the committed versions that were logged under a name, oldest first."""
        return self._where("sequence = ? AND state = 'COMMITTED'", sequence)

    def latest(self, sequence: int) -> ArtifactRecord | None:
        """Return the newest committed version logged under a name, None where there is none."""
        newest = "SELECT key FROM artifacts WHERE sequence = ? AND state = 'COMMITTED' ORDER BY version DESC LIMIT 1"
        return next(iter(self._where(f"key = ({newest})", sequence)), None)

    def announce(
        self,
        sequence: CollectionRecord,
        *,
        digest: str,
        fields: Mapping[str, Any],
        aliases: Iterable[str],
        reuse: bool,
        run: int | None = None,
        client: str | None = None,
    ) -> ArtifactRecord:
        """Begin a version, or return the one that has this content.

        Args:
            sequence: the name it is logged under.
            digest: of its manifest.
            fields: by the name of the column.
            aliases: what it is to be called besides its number and ``latest``.
            reuse: whether a committed version with this digest is the same one.
            run: key of the run that logs it.
            client: the client's own id of it.
        """
        now = time.time()
        with self._database.transaction() as connection:
            same = self._same(sequence.key, digest, fields.get("distributed_id"), reuse=reuse)
            if same is None:
                columns = ("description", "metadata", "labels", "ttl_seconds", "history_step", "distributed_id")
                cursor = connection.execute(
                    "INSERT INTO artifacts (sequence, run, state, digest, algorithm, pending_aliases, tags, "  # noqa: S608
                    f"created_at, updated_at, {', '.join(columns)}) "
                    f"VALUES (?, ?, 'PENDING', ?, ?, ?, ?, ?, ?{', ?' * len(columns)})",
                    (
                        *(sequence.key, run, digest, fields["algorithm"]),
                        *(json.dumps(list(aliases)), json.dumps(sorted(set(fields.get("tags") or ()))), now, now),
                        *(fields.get(column) for column in columns),
                    ),
                )
                key = int(cursor.lastrowid or 0)
            else:
                key = same.key
                if same.state == "COMMITTED":
                    self.collections.assign(sequence.key, key, aliases)
            if client:
                connection.execute("INSERT OR REPLACE INTO artifact_clients VALUES (?, ?)", (client, key))
            if run is not None:
                self.note_run(run, key, "output")
        return self._existing(key)

    def commit(self, key: int) -> ArtifactRecord:
        """Let a version be found: it gets the next number of its name, and its aliases.

        Raises:
            MalformedRequestError: its manifest is missing or none.
        """
        with self._database.transaction() as connection:
            found = self._existing(key)
            if found.state != "PENDING":
                return found
            size, count = self.manifests.settle(key)
            # The number of a deleted version is never given again.
            row = connection.execute(
                "SELECT coalesce(max(version), -1) + 1 AS next FROM artifacts WHERE sequence = ?", (found.sequence.key,)
            ).fetchone()
            member = self.collections.join(found.sequence.key, key, version=row["next"])
            row = connection.execute("SELECT pending_aliases FROM artifacts WHERE key = ?", (key,)).fetchone()
            self.collections.assign(found.sequence.key, key, [LATEST, *json.loads(row["pending_aliases"])])
            connection.execute(
                "UPDATE artifacts SET state = 'COMMITTED', version = ?, size = ?, file_count = ?, updated_at = ? "
                "WHERE key = ?",
                (member.version, size, count, time.time(), key),
            )
        return self._existing(key)

    def change(self, key: int, fields: Mapping[str, Any], *, tags: Iterable[str], without: Iterable[str]) -> None:
        """Change what a user says of a version.

        Args:
            key: its number.
            fields: new values by the name of the column; what is absent or None stays as it is.
            tags: to add.
            without: tags to remove.
        """
        with self._database.transaction() as connection:
            kept = (set(self._existing(key).tags) | set(tags)) - set(without)
            given = {name: fields[name] for name in _COLUMNS if fields.get(name) is not None}
            values = {**given, "tags": json.dumps(sorted(kept)), "updated_at": time.time()}
            assignments = ", ".join(f"{column} = ?" for column in values)
            # Column names come from the constants above, never from a request.
            connection.execute(f"UPDATE artifacts SET {assignments} WHERE key = ?", (*values.values(), key))  # noqa: S608

    def delete(self, key: int, *, with_aliases: bool) -> ArtifactRecord:
        """Take a version out of all collections; ``latest`` then is the newest of those that are left.

        Raises:
            MalformedRequestError: it has aliases, and these are not to go with it.
        """
        with self._database.transaction() as connection:
            found = self._existing(key)
            members = self.collections.memberships(key)
            named = [alias.alias for member in members for alias in self.collections.aliases(member)[:-1]]
            if named and not with_aliases:
                raise MalformedRequestError(
                    f"artifact {found.sequence.name}:v{found.version} has the aliases {', '.join(named)}; "
                    "remove them first, or give delete_aliases=True"
                )
            for member in members:
                self.collections.leave(member.collection.key, key)
            connection.execute(
                "UPDATE artifacts SET state = 'DELETED', updated_at = ? WHERE key = ?", (time.time(), key)
            )
            newest = self.latest(found.sequence.key)
            if LATEST in named and newest is not None:
                self.collections.assign(found.sequence.key, newest.key, [LATEST])
        return self._existing(key)

    def note_run(self, run: int, key: int, direction: Direction) -> None:
        """Remember that a run logged or used a version."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO run_artifacts VALUES (?, ?, ?, ?)", (run, key, direction, time.time())
            )

    def _same(self, sequence: int, digest: str, distributed: str | None, *, reuse: bool) -> ArtifactRecord | None:
        if distributed:
            parts = self._where("sequence = ? AND distributed_id = ? AND state = 'PENDING'", sequence, distributed)
            if parts:
                return parts[0]
        if not reuse:
            return None
        return next(iter(self._where("sequence = ? AND digest = ? AND state = 'COMMITTED'", sequence, digest)), None)

    def _existing(self, key: int) -> ArtifactRecord:
        found = self.get(key)
        if found is None:
            raise MalformedRequestError(f"the recorder has no artifact with id {key}")
        return found

    def _where(self, condition: str, *values: object) -> list[ArtifactRecord]:
        query = f"SELECT * FROM artifacts WHERE {condition} ORDER BY key"  # noqa: S608 - the conditions are above
        with self._database.reading() as connection:
            rows = connection.execute(query, values).fetchall()
            found = {row["sequence"]: self.collections.get(row["sequence"]) for row in rows}
        return [_record(row, sequence) for row in rows if (sequence := found[row["sequence"]]) is not None]


def _record(row: sqlite3.Row, sequence: CollectionRecord) -> ArtifactRecord:
    values = {name: row[name] for name in ArtifactRecord.__dataclass_fields__ if name not in {"sequence", "tags"}}
    return ArtifactRecord(**values, sequence=sequence, tags=tuple(json.loads(row["tags"])))
