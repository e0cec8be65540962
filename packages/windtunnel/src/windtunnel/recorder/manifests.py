"""The manifests of artifacts: the lists of files that clients upload, and the one that counts.

A client uploads a whole list (``FULL``), additions to another version's (``INCREMENTAL``), or its part of a version
that several processes make together (``PATCH``). When the version is committed they become one list.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.recorder.artifact_records import ManifestRecord
from windtunnel.recorder.blobs import Files, normalised_name
from windtunnel.recorder.errors import MalformedRequestError

if TYPE_CHECKING:
    import sqlite3

    from windtunnel.recorder.database import Database
    from windtunnel.recorder.records import FileRecord

MANIFEST_FILE = "wandb_manifest.json"
MAX_MANIFEST_BYTES = 128 << 20  # about half a million entries


@dataclass(frozen=True)
class Entry:
    """One line of a manifest.

    Attributes:
        path: inside the artifact.
        digest: base64 of the MD5 digest of the file, or what identifies a reference.
        size: in bytes, as the client says.
        birth: id of the version with which the file was uploaded, None if it was with this one.
        ref: address of what the entry refers to, None if it is a file.
    """

    path: str
    digest: str
    size: int
    birth: str | None
    ref: str | None


class Manifests:
    """Manifests in one database.

    Args:
        database: where they are.

    Attributes:
        files: the manifests as files.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.files = Files(database, "manifest")
        self._artifact_files = Files(database, "artifact")

    def create(self, artifact: int, *, name: str, type_: str, digest: str, base: int | None) -> ManifestRecord:
        """Announce a manifest, which is then uploaded."""
        with self._database.transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO manifests (artifact, base, name, type, digest) VALUES (?, ?, ?, ?, ?)",
                (artifact, base, name, type_, digest),
            )
        return ManifestRecord(int(cursor.lastrowid or 0), artifact, base, name, type_)

    def change(self, key: int, *, digest: str | None, base: int | None) -> None:
        """Change what is known of a manifest; None leaves as it is."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE manifests SET digest = coalesce(?, digest), base = coalesce(?, base) WHERE key = ?",
                (digest, base, key),
            )

    def get(self, key: int) -> ManifestRecord | None:
        """Return the manifest with that number, None where there is none."""
        return next(iter(self._where("key = ?", key)), None)

    def current(self, artifact: int) -> ManifestRecord | None:
        """Return the whole manifest of a version that was uploaded last, None where there is none."""
        return next((manifest for manifest in reversed(self._uploaded(artifact)) if manifest.type == "FULL"), None)

    def settle(self, artifact: int) -> tuple[int, int]:
        """Make one manifest of those that were uploaded for a version.

        Returns:
            The bytes of the files together, and how many entries there are.

        Raises:
            MalformedRequestError: one of them is missing or no manifest.
        """
        manifests = self._uploaded(artifact)
        if not manifests:
            raise MalformedRequestError(f"artifact {artifact} has no manifest; upload one before the commit")
        whole = self.read(manifests[-1])
        parts = [manifest for manifest in manifests if manifest.type != "FULL"]
        if parts:
            contents: dict[str, Any] = {}
            for manifest in parts:
                base = self.current(manifest.base) if manifest.type == "INCREMENTAL" and manifest.base else None
                if base is not None and manifest.base is not None:
                    contents |= self._born(self.read(base)["contents"], manifest.base)
                contents |= self.read(manifest)["contents"]
            whole = {**whole, "contents": contents}
            self._write(artifact, whole)
        entries = [_entry(path, value) for path, value in whole["contents"].items()]
        return sum(entry.size for entry in entries), len(entries)

    def entries(self, artifact: int) -> list[Entry]:
        """Return the lines of a version's manifest, none where it has no manifest.

        Raises:
            MalformedRequestError: it is no manifest.
        """
        manifest = self.current(artifact)
        if manifest is None:
            return []
        return [_entry(path, value) for path, value in self.read(manifest)["contents"].items()]

    def file(self, artifact: int, entry: Entry) -> FileRecord | None:
        """Return the file of an entry of a version, None for a reference or where nobody uploaded it."""
        if entry.ref is not None:
            return None
        owner = int(entry.birth) if entry.birth and entry.birth.isdecimal() and len(entry.birth) < 19 else artifact
        found = self._artifact_files.find_md5(owner, entry.digest)
        return self._artifact_files.find(owner, entry.path) if found is None else found

    def file_by_digest(self, birth: int, hexadecimal: str) -> FileRecord | None:
        """Return a file uploaded with a version by the hexadecimal MD5 digest of its content, None for none."""
        try:
            digest = base64.b64encode(binascii.unhexlify(hexadecimal)).decode()
        except (binascii.Error, ValueError):
            return None
        return self._artifact_files.find_md5(birth, digest)

    def read(self, manifest: ManifestRecord) -> dict[str, Any]:
        """Return a manifest's JSON.

        Raises:
            MalformedRequestError: it was not uploaded, is too large, or is no manifest.
        """
        file = next(iter(self.files.of(manifest.key)), None)
        if file is None:
            raise MalformedRequestError(f"manifest {manifest.key} has not been uploaded; upload it before the commit")
        if file.size > MAX_MANIFEST_BYTES:
            raise MalformedRequestError(f"manifest {manifest.key} is larger than {MAX_MANIFEST_BYTES} bytes")
        try:
            value = json.loads(self.files.read(file.key))
        except (ValueError, RecursionError) as error:
            raise MalformedRequestError(f"manifest {manifest.key} is no JSON ({error})") from error
        if not isinstance(value, dict) or not isinstance(value.get("contents"), dict):
            raise MalformedRequestError(f"manifest {manifest.key} is no JSON object with an object 'contents'")
        return value

    def _born(self, contents: dict[str, Any], base: int) -> dict[str, Any]:
        """Return entries of another version, each of which says with which version its file came."""
        return {
            path: value if not isinstance(value, dict) or value.get("ref") else {"birthArtifactID": str(base), **value}
            for path, value in contents.items()
        }

    def _write(self, artifact: int, whole: dict[str, Any]) -> None:
        manifest = self.create(artifact, name=MANIFEST_FILE, type_="FULL", digest="", base=None)
        upload = self.files.upload(manifest.key, manifest.name)
        upload.write(json.dumps(whole).encode())
        upload.finish()

    def _uploaded(self, artifact: int) -> list[ManifestRecord]:
        # The client announces some twice and uploads the second.
        complete = "EXISTS (SELECT 1 FROM files WHERE manifest = manifests.key AND complete = 1)"
        return self._where(f"artifact = ? AND {complete}", artifact)

    def _where(self, condition: str, *values: object) -> list[ManifestRecord]:
        query = f"SELECT * FROM manifests WHERE {condition} ORDER BY key"  # noqa: S608 - the conditions are above
        with self._database.reading() as connection:
            return [_record(row) for row in connection.execute(query, values)]


def _record(row: sqlite3.Row) -> ManifestRecord:
    return ManifestRecord(row["key"], row["artifact"], row["base"], row["name"], row["type"])


def _entry(path: str, value: object) -> Entry:
    normalised_name(path)  # a download writes to this path
    if not isinstance(value, dict):
        raise MalformedRequestError(f"the manifest's entry {path[:80]!r} is no JSON object")
    digest, size, birth, ref = (value.get(name) for name in ("digest", "size", "birthArtifactID", "ref"))
    if not isinstance(digest, str) or isinstance(size, bool) or not isinstance(size, int | None):
        raise MalformedRequestError(
            f"the manifest's entry {path[:80]!r} needs a text 'digest' and a whole number 'size'"
        )
    if not isinstance(birth, str | None) or not isinstance(ref, str | None) or not 0 <= (size or 0) < 2**53:
        raise MalformedRequestError(
            f"the manifest's entry {path[:80]!r} has a 'birthArtifactID', 'ref' or 'size' that cannot be"
        )
    return Entry(path, digest, size or 0, birth, ref)
