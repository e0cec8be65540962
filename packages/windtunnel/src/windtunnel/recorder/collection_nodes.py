"""The GraphQL nodes of the names under which artifacts lie, drawn from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windtunnel.recorder.connections import Node, json_object, page
from windtunnel.recorder.filters import of_record, selected, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.recorder.artifact_records import AliasRecord, ArtifactRecord, CollectionRecord, MembershipRecord
    from windtunnel.recorder.nodes import Nodes
    from windtunnel.recorder.store import Store


class CollectionNodes:
    """Builder of the nodes of collections and what belongs to them.

    Args:
        nodes: builder of the nodes around them.
        store: where they are.
    """

    def __init__(self, nodes: Nodes, store: Store) -> None:
        self._nodes = nodes
        self._store = store
        self._artifacts = store.artifacts
        self._names = store.artifacts.collections

    def of_project(self, entity: str, project: str) -> Node:
        """Return the fields of a project that are about artifacts."""

        def artifact(*, name: str, **_: Any) -> Node | None:
            return self._version(self._asked_for(entity, project, name))

        def membership(*, name: str) -> Node | None:
            found = self._asked_for(entity, project, name)
            return None if found is None else self.membership(found)

        def collection(*, name: str) -> Node | None:
            found = self._names.find(entity, project, name)
            return None if found is None else self.collection(found)

        def types(*, after: str | None = None, first: int | None = None) -> Node:
            names = sorted({found.type for found in self._names.of_project(entity, project)})
            return page(names, lambda name: self.type(entity, project, name), after=after, first=first)

        def one_type(*, name: str) -> Node | None:
            known = any(found.type == name for found in self._names.of_project(entity, project))
            return self.type(entity, project, name) if known else None

        return {
            "artifact": artifact,
            "artifactType": one_type,
            "artifactTypes": types,
            "artifactCollection": collection,
            "artifactCollections": self._pages(entity, project, None),
            "artifactCollectionMembership": membership,
        }

    def type(self, entity: str, project: str, name: str) -> Node:
        """Return a type of artifacts with the collections of a project that are of it."""

        def one(*, name: str) -> Node | None:
            found = self._names.find(entity, project, name)
            return None if found is None or found.type != type_name else self.collection(found)

        type_name = name
        return {
            "id": f"{entity}/{project}/{name}",
            "name": name,
            "description": None,
            "createdAt": lambda: timestamp(self._store.projects.created_at(entity, project) or 0.0),
            "artifact": lambda name: self._version(self._asked_for(entity, project, name)),
            "artifactCollection": one,
            "artifactSequence": one,
            "artifactCollections": self._pages(entity, project, name),
            "artifactSequences": self._pages(entity, project, name),
        }

    def collection(self, found: CollectionRecord) -> Node:
        """Return a sequence or a portfolio with its versions."""

        def versions(
            *, after: str | None = None, first: int | None = None, order: str | None = None, filters: str | None = None
        ) -> Node:
            numbers = {member.artifact: member.version for member in self._names.members(found.key)}
            candidates = [artifact for key in numbers if (artifact := self._artifacts.get(key)) is not None]
            query = json_object("filters", filters) or {}
            chosen = selected(candidates, query=query, order=order or "-created_at", value=_of_artifact)
            paged = page(chosen, lambda artifact: {"record": artifact}, after=after, first=first)
            edges = [
                {
                    "node": self._nodes.artifacts.artifact(edge["node"]["record"]),
                    "cursor": edge["cursor"],
                    "version": f"v{numbers[edge['node']['record'].key]}",
                }
                for edge in paged["edges"]
            ]
            return paged | {"edges": edges}

        def aliases(*, after: str | None = None, first: int | None = None) -> Node:
            named = [alias for member in self._names.members(found.key) for alias in self._names.aliases(member)]
            return page(named, self.alias, after=after, first=first)

        def membership(*, alias_name: str) -> Node | None:
            member = self._names.member(found.key, alias_name)
            return None if member is None else self.membership(member)

        def latest() -> Node | None:
            newest = self._artifacts.latest(found.key)
            return None if newest is None else self._nodes.artifacts.artifact(newest)

        return {
            "__typename": "ArtifactSequence" if found.kind == "sequence" else "ArtifactPortfolio",
            "id": str(found.key),
            "name": found.name,
            "description": found.description,
            "createdAt": timestamp(found.created_at),
            "updatedAt": timestamp(found.updated_at),
            "state": "READY",
            "project": lambda: self._nodes.project(found.entity, found.project),
            "defaultArtifactType": lambda: self.type(found.entity, found.project, found.type),
            "tags": lambda after=None, first=None: page(found.tags, self.tag, after=after, first=first),
            "aliases": aliases,
            "artifacts": versions,
            "artifactMembership": membership,
            "latestArtifact": latest,
            "digestAlgorithm": "MANIFEST_MD5",
        }

    def membership(self, member: MembershipRecord) -> Node:
        """Return a version as a member of a collection."""
        artifact = self._artifacts.get(member.artifact)
        return {
            "id": str(member.key),
            "versionIndex": member.version,
            "createdAt": timestamp(member.created_at),
            "aliases": lambda: [self.alias(alias) for alias in self._names.aliases(member)],
            "artifactCollection": lambda: self.collection(member.collection),
            "artifact": None if artifact is None else self._nodes.artifacts.artifact(artifact),
            "files": self._nodes.artifacts.files(artifact),
        }

    def alias(self, alias: AliasRecord) -> Node:
        """Return a name of a version in a collection."""
        return {
            "id": alias.key,
            "alias": alias.alias,
            "artifactCollectionName": alias.collection.name,
            "artifactCollection": lambda: self.collection(alias.collection),
        }

    @staticmethod
    def tag(name: str) -> Node:
        """Return a tag."""
        return {"id": name, "name": name, "tagCategoryName": None, "attributes": None}

    def _version(self, member: MembershipRecord | None) -> Node | None:
        artifact = None if member is None else self._artifacts.get(member.artifact)
        return None if artifact is None else self._nodes.artifacts.artifact(artifact)

    def _asked_for(self, entity: str, project: str, name: str) -> MembershipRecord | None:
        found = self._artifacts.find(entity, project, name)
        artifact = None if found is None else self._artifacts.get(found.artifact)
        run = None if artifact is None or artifact.run is None else self._store.run_by_key(artifact.run)
        self._nodes.questions.note("" if run is None else run.name, f"artifact:{name}")
        return found

    def _pages(self, entity: str, project: str, type_: str | None) -> Callable[..., Node]:
        def collections(
            *, after: str | None = None, first: int | None = None, order: str | None = None, filters: str | None = None
        ) -> Node:
            found = [one for one in self._names.of_project(entity, project) if type_ in {None, one.type}]
            query = json_object("filters", filters) or {}
            chosen = selected(found, query=query, order=order or "-created_at", value=_of_collection)
            return page(chosen, self.collection, after=after, first=first)

        return collections


def _of_artifact(found: ArtifactRecord, name: str) -> Any:
    properties = {
        "state": found.state,
        "versionindex": found.version,
        "version": found.version,
        "name": found.sequence.name,
        "type": found.sequence.type,
        "tags": list(found.tags),
        "tag": list(found.tags),
        "digest": found.digest,
        "description": found.description,
        "createdat": timestamp(found.created_at),
        "updatedat": timestamp(found.updated_at),
    }
    return of_record(properties, name)


def _of_collection(found: CollectionRecord, name: str) -> Any:
    properties = {
        "name": found.name,
        "type": found.type,
        "tags": list(found.tags),
        "tag": list(found.tags),
        "description": found.description,
        "createdat": timestamp(found.created_at),
        "updatedat": timestamp(found.updated_at),
    }
    return of_record(properties, name)
