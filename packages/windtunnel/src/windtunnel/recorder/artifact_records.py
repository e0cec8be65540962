"""What a reader of the store sees of artifacts; plain immutable data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArtifactState = Literal["PENDING", "COMMITTED", "DELETED"]
CollectionKind = Literal["sequence", "portfolio"]


@dataclass(frozen=True)
class CollectionRecord:
    """A name under which versions lie.

    Attributes:
        key: its number in the database.
        entity: the account.
        project: its project.
        name: the name.
        kind: "sequence" if runs log to it, "portfolio" if versions of sequences are linked to it.
        type: the type of its artifacts, such as "model".
        description: what its user said of it.
        created_at: seconds since the epoch.
        updated_at: seconds since the epoch.
        tags: in alphabetical order.
    """

    key: int
    entity: str
    project: str
    name: str
    kind: CollectionKind
    type: str
    description: str | None
    created_at: float
    updated_at: float
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArtifactRecord:
    """One version.

    Attributes:
        key: its number in the database.
        sequence: the sequence it was logged to.
        run: key of the run that logged it, None if there is none any more.
        state: "PENDING" until it is committed.
        version: its number in the sequence, None until it is committed.
        digest: of its manifest, as the client computed it.
        algorithm: of the digest.
        description: what its user said of it.
        metadata: JSON, None for none.
        labels: JSON, None for none.
        ttl_seconds: how long it was to be kept; the recorder keeps it longer.
        history_step: the run's step at which it was logged.
        tags: in alphabetical order.
        size: bytes of its files together.
        file_count: files and references.
        created_at: seconds since the epoch.
        updated_at: seconds since the epoch.
    """

    key: int
    sequence: CollectionRecord
    run: int | None
    state: ArtifactState
    version: int | None
    digest: str
    algorithm: str
    description: str | None
    metadata: str | None
    labels: str | None
    ttl_seconds: int | None
    history_step: int | None
    tags: tuple[str, ...]
    size: int
    file_count: int
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class AliasRecord:
    """A name of a version in a collection; the version's number is one of them, "v3"."""

    key: str
    alias: str
    collection: CollectionRecord


@dataclass(frozen=True)
class MembershipRecord:
    """A version in a collection: its sequence, or a portfolio that it was linked to.

    Attributes:
        key: its number in the database.
        collection: the collection.
        artifact: key of the version.
        version: its number in the collection.
        created_at: seconds since the epoch.
    """

    key: int
    collection: CollectionRecord
    artifact: int
    version: int
    created_at: float


@dataclass(frozen=True)
class ManifestRecord:
    """A list of files that a client made for an artifact.

    Attributes:
        key: its number in the database.
        artifact: key of the version.
        base: key of the version that an "INCREMENTAL" one builds on, None for none.
        name: of the file.
        type: "FULL", "PATCH", "INCREMENTAL".
    """

    key: int
    artifact: int
    base: int | None
    name: str
    type: str
