"""What each field of a mutation that is about artifacts does to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.blobs import normalised_name
from windtunnel.recorder.connections import Node, json_object, number
from windtunnel.recorder.manifests import MANIFEST_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windtunnel.recorder.artifact_records import ArtifactRecord, CollectionRecord
    from windtunnel.recorder.nodes import Nodes
    from windtunnel.recorder.store import Store

MAX_FILES = 10_000  # of one request; the client asks for far fewer at a time


class ArtifactOperations:
    """The top-level fields of one request that are about artifacts.

    Args:
        store: where they are.
        nodes: builder of the answers.
    """

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._artifacts = store.artifacts
        self._nodes = nodes

    def root(self) -> Node:
        """Return the top-level fields by their names in the schema."""
        return {
            "artifact": self._one,
            "artifactCollection": lambda id: self._nodes.collections.collection(self._collection(id)),  # noqa: A006
            "clientIDMapping": self._client,
            "createArtifactType": self._create_type,
            "createArtifact": self._create,
            "createArtifactManifest": self._create_manifest,
            "updateArtifactManifest": self._update_manifest,
            "createArtifactFiles": self._create_files,
            "completeMultipartUploadArtifact": self._complete_multipart,
            "commitArtifact": self._commit,
            "updateArtifact": self._update,
            "deleteArtifact": self._delete,
            "useArtifact": self._use,
        }

    def _one(self, *, id: str) -> Node | None:  # noqa: A002 - the name of the argument in the schema
        found = self._artifacts.get(number(id))
        return None if found is None else self._nodes.artifacts.artifact(found)

    def _client(self, *, client_id: str) -> Node | None:
        found = self._artifacts.by_client(client_id)
        return None if found is None else {"serverID": str(found.key)}

    def _create_type(self, values: dict[str, Any]) -> Node:
        return {
            "artifactType": self._nodes.collections.type(values["entity_name"], values["project_name"], values["name"])
        }

    def _create(self, values: dict[str, Any]) -> Node:
        entity, project = values["entity_name"], values["project_name"]
        names = [values.get("artifact_collection_name"), *(values.get("artifact_collection_names") or [])]
        name = next((name for name in names if name), None)
        if name is None:
            raise GraphQLError("an artifact needs a name: give artifactCollectionName")
        run = None
        if values.get("run_name"):
            run = self._store.run(entity, project, values["run_name"])
            if run is None:
                raise GraphQLError(f"the recorder has no run {entity}/{project}/{values['run_name']}")
        json_object("metadata", values.get("metadata"))
        with self._store.database.transaction():
            self._store.projects.ensure(entity, project)
            sequence = self._artifacts.collections.ensure(
                entity, project, name, kind="sequence", type_=values["artifact_type_name"]
            )
            found = self._artifacts.announce(
                sequence,
                digest=values["digest"],
                fields={
                    "algorithm": values.get("digest_algorithm") or "MANIFEST_MD5",
                    "description": values.get("description"),
                    "metadata": values.get("metadata"),
                    "labels": values.get("labels"),
                    "ttl_seconds": values.get("ttl_duration_seconds"),
                    "history_step": values.get("history_step"),
                    "distributed_id": values.get("distributed_id"),
                    "tags": _tags(values.get("tags")),
                },
                aliases=[alias["alias"] for alias in values.get("aliases") or []],
                reuse=bool(values.get("enable_digest_deduplication")),
                run=None if run is None else run.key,
                client=values.get("client_id"),
            )
        return {"artifact": self._nodes.artifacts.artifact(found)}

    def _create_manifest(self, values: dict[str, Any]) -> Node:
        artifact = self._pending(values["artifact_id"])
        base = values.get("base_artifact_id")
        manifest = self._artifacts.manifests.create(
            artifact.key,
            name=normalised_name(values["name"] or MANIFEST_FILE),
            type_=values.get("type") or "FULL",
            digest=values["digest"],
            base=None if base is None else self._artifact(base).key,
        )
        return {"artifactManifest": self._nodes.artifacts.manifest(manifest)}

    def _update_manifest(self, values: dict[str, Any]) -> Node:
        manifest = self._artifacts.manifests.get(number(values["artifact_manifest_id"]))
        if manifest is None:
            raise GraphQLError(f"the recorder has no manifest with id {values['artifact_manifest_id']!r}")
        self._pending(str(manifest.artifact))
        base = values.get("base_artifact_id")
        self._artifacts.manifests.change(
            manifest.key, digest=values.get("digest"), base=None if base is None else self._artifact(base).key
        )
        return {"artifactManifest": self._nodes.artifacts.manifest(manifest)}

    def _create_files(self, values: dict[str, Any]) -> Node:
        if len(values["artifact_files"]) > MAX_FILES:
            raise GraphQLError(f"one request announces at most {MAX_FILES} files of artifacts")
        edges: list[Node] = []
        known: dict[str, ArtifactRecord] = {}
        for spec in values["artifact_files"]:
            key = spec["artifact_id"]
            artifact = known.get(key) or known.setdefault(key, self._pending(key))
            node = self._nodes.artifacts.uploaded(artifact, normalised_name(spec["name"]), md5=spec["md5"])
            edges.append({"node": node, "cursor": str(len(edges) + 1)})
        info = {"endCursor": None, "hasNextPage": False}
        return {"files": {"edges": edges, "pageInfo": info, "totalCount": len(edges), "uploadHeaders": []}}

    def _complete_multipart(self, values: dict[str, Any]) -> Node:
        raise GraphQLError(
            f"no upload in parts was begun under {values['upload_id'][:40]!r}; send the file in one piece"
        )

    def _commit(self, values: dict[str, Any]) -> Node:
        found = self._artifacts.commit(self._artifact(values["artifact_id"]).key)
        return {"artifact": self._nodes.artifacts.artifact(found)}

    def _update(self, values: dict[str, Any]) -> Node:
        found = self._artifact(values["artifact_id"])
        json_object("metadata", values.get("metadata"))
        fields = {
            "description": values.get("description"),
            "metadata": values.get("metadata"),
            "labels": values.get("labels"),
            "ttl_seconds": values.get("ttl_duration_seconds"),
        }
        with self._store.database.transaction():
            without = _tags(values.get("tags_to_delete"))
            self._artifacts.change(found.key, fields, tags=_tags(values.get("tags_to_add")), without=without)
            if values.get("aliases") is not None:
                self._replace_aliases(found, values["aliases"])
        return {"artifact": self._nodes.artifacts.artifact(self._artifact(values["artifact_id"]))}

    def _replace_aliases(self, found: ArtifactRecord, aliases: list[dict[str, str]]) -> None:
        # The request lists all aliases of the version, in each of its collections.
        for member in self._artifacts.collections.memberships(found.key):
            named = [a["alias"] for a in aliases if a["artifact_collection_name"] == member.collection.name]
            self._artifacts.collections.withdraw(member.collection.key, found.key)
            self._artifacts.collections.assign(member.collection.key, found.key, named)

    def _delete(self, values: dict[str, Any]) -> Node:
        key = self._artifact(values["artifact_id"]).key
        found = self._artifacts.delete(key, with_aliases=bool(values.get("delete_aliases")))
        return {"artifact": self._nodes.artifacts.artifact(found)}

    def _use(self, values: dict[str, Any]) -> Node:
        found = self._artifact(values["artifact_id"])
        entity, project, name = values["entity_name"], values["project_name"], values["run_name"]
        run = self._store.run(entity, project, name)
        if run is None:
            raise GraphQLError(f"the recorder has no run {entity}/{project}/{name}")
        self._artifacts.note_run(run.key, found.key, "input")
        return {"artifact": self._nodes.artifacts.artifact(found)}

    def _artifact(self, text: str) -> ArtifactRecord:
        found = self._artifacts.get(number(text))
        if found is None:
            raise GraphQLError(f"the recorder has no artifact with id {text!r}")
        return found

    def _pending(self, text: str) -> ArtifactRecord:
        found = self._artifact(text)
        if found.state != "PENDING":
            raise GraphQLError(f"artifact {text} is {found.state.lower()}: what it consists of can no longer change")
        return found

    def _collection(self, text: str) -> CollectionRecord:
        found = self._artifacts.collections.get(number(text))
        if found is None:
            raise GraphQLError(f"the recorder has no artifact collection with id {text!r}")
        return found


def _tags(tags: Iterable[dict[str, str]] | None) -> list[str]:
    return [tag["tag_name"] for tag in tags or ()]
