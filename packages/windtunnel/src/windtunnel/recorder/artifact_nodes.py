"""The GraphQL nodes of versions of artifacts, their manifests and their files, drawn from the store."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any

from windtunnel.recorder.connections import Node, page
from windtunnel.recorder.filters import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.recorder.artifact_records import ArtifactRecord, ManifestRecord
    from windtunnel.recorder.artifacts import Direction
    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.manifests import Entry
    from windtunnel.recorder.nodes import Nodes
    from windtunnel.recorder.records import RunRecord
    from windtunnel.recorder.store import Store


class ArtifactNodes:
    """Builder of the nodes of versions.

    Args:
        nodes: builder of the nodes around them.
        store: where they are.
        links: signer of file addresses.
        base_url: address of this server, for file addresses.
    """

    def __init__(self, nodes: Nodes, store: Store, links: FileLinks, base_url: str) -> None:
        self._nodes = nodes
        self._store = store
        self._artifacts = store.artifacts
        self._links = links
        self._base_url = base_url

    def of_run(self, run: RunRecord) -> Node:
        """Return the fields of a run that are about artifacts."""

        def connection(direction: Direction) -> Callable[..., Node]:
            def artifacts(*, after: str | None = None, first: int | None = None) -> Node:
                self._nodes.questions.note(run.name, f"{direction} artifacts")
                return page(self._artifacts.of_run(run.key, direction), self.artifact, after=after, first=first)

            return artifacts

        return {"outputArtifacts": connection("output"), "inputArtifacts": connection("input")}

    def artifact(self, found: ArtifactRecord) -> Node:
        """Return a version with its manifest, files and runs."""
        names = self._artifacts.collections
        nodes = self._nodes.collections

        def aliases() -> list[Node]:
            return [nodes.alias(alias) for member in names.memberships(found.key) for alias in names.aliases(member)]

        def memberships(*, after: str | None = None, first: int | None = None) -> Node:
            return page(names.memberships(found.key), nodes.membership, after=after, first=first)

        def manifest() -> Node | None:
            current = self._artifacts.manifests.current(found.key)
            return None if current is None else self.manifest(current)

        def created_by() -> Node | None:
            run = None if found.run is None else self._store.run_by_key(found.run)
            return self._nodes.user() if run is None else self._nodes.runs.run(run, noted=False)

        def used_by() -> Node:
            runs = [self._store.run_by_key(key) for key in self._artifacts.runs_of(found.key, "input")]
            known = [run for run in runs if run is not None]
            return page(known, lambda run: self._nodes.runs.run(run, noted=False), after=None, first=1000)

        def by_entries(*, entries: list[dict[str, Any]] | None = None, **_: Any) -> Node:
            wanted = {entry["name"] for entry in entries or []}
            chosen = [entry for entry in self._artifacts.manifests.entries(found.key) if entry.path in wanted]
            return self._page(found, chosen, after=None, first=len(chosen))

        return {
            "id": str(found.key),
            "state": found.state,
            "digest": found.digest,
            "digestAlgorithm": found.algorithm,
            "commitHash": found.digest,
            "versionIndex": found.version,
            "size": found.size,
            "storageBytes": found.size,
            "fileCount": found.file_count,
            "description": found.description,
            "metadata": found.metadata,
            "labels": found.labels,
            "ttlDurationSeconds": found.ttl_seconds or 0,  # the client takes no null for "for ever"
            "ttlIsInherited": found.ttl_seconds is None,
            "historyStep": found.history_step,
            "createdAt": timestamp(found.created_at),
            "updatedAt": timestamp(found.updated_at),
            "artifactType": lambda: nodes.type(found.sequence.entity, found.sequence.project, found.sequence.type),
            "artifactSequence": lambda: nodes.collection(found.sequence),
            "aliases": aliases,
            "tags": [nodes.tag(name) for name in found.tags],
            "artifactMemberships": memberships,
            "currentManifest": manifest,
            "createdBy": created_by,
            "usedBy": used_by,
            "files": self.files(found),
            "filesByManifestEntries": by_entries,
        }

    def manifest(self, manifest: ManifestRecord) -> Node:
        """Return a manifest with the addresses to which it is uploaded and from which it is read."""
        file = next(iter(self._artifacts.manifests.files.of(manifest.key)), None)
        read = "" if file is None else self._links.url(self._base_url, "read", file.key, file.name)
        upload = self._links.url(self._base_url, "write-manifest", manifest.key, manifest.name)
        node = {
            "id": f"manifest-{manifest.key}",
            "name": manifest.name,
            "displayName": manifest.name,
            "url": read,
            "directUrl": read,
            "sizeBytes": 0 if file is None else file.size,
            "uploadUrl": upload,
            "uploadHeaders": [],
        }
        return {"id": str(manifest.key), "digest": "", "file": node}

    def uploaded(self, artifact: ArtifactRecord, name: str, *, md5: str) -> Node:
        """Return the address to which a file of a version is uploaded.

        Args:
            artifact: the version.
            name: normalised path inside it.
            md5: base64 of the MD5 digest that the file is to have.
        """
        return {
            "id": f"{artifact.key}/{name}",
            "name": name,
            "displayName": name,
            "sizeBytes": 0,
            "storagePath": f"{artifact.key}/{name}",
            "uploadUrl": self._links.url(self._base_url, "write-artifact", artifact.key, name),
            "uploadHeaders": [f"Content-MD5:{md5}"],
            "uploadMultipartUrls": None,
            "artifact": {"id": str(artifact.key)},
        }

    def files(self, found: ArtifactRecord | None) -> Callable[..., Node]:
        """Return the resolver of the files of a version; none where there is no version."""

        def files(*, names: list[str] | None = None, after: str | None = None, first: int | None = None) -> Node:
            entries = [] if found is None else self._artifacts.manifests.entries(found.key)
            chosen = [entry for entry in entries if not names or entry.path in names]
            return self._page(found, chosen, after=after, first=first)

        return files

    def _page(
        self, found: ArtifactRecord | None, entries: list[Entry], *, after: str | None, first: int | None
    ) -> Node:
        def node(entry: Entry) -> Node:
            file = None if found is None else self._artifacts.manifests.file(found.key, entry)
            # References are among the files: the client fetches them itself, but only those that it finds here.
            url = entry.ref or ""
            if file is not None:
                url = self._links.url(self._base_url, "read", file.key, file.name)
            return {
                "id": entry.path if file is None else str(file.key),
                "name": entry.path,
                "displayName": entry.path,
                "url": url,
                "directUrl": url,
                "sizeBytes": entry.size,
                "storagePath": entry.path,
                "mimetype": mimetypes.guess_type(entry.path)[0] or "application/octet-stream",
                "updatedAt": None if file is None else timestamp(file.updated_at),
                "digest": entry.digest,
                "md5": "" if file is None else file.md5,
            }

        return page(entries, node, after=after, first=first) | {"uploadHeaders": []}
