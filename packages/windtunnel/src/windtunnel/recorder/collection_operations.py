"""What each field of a mutation that is about collections of artifacts, their aliases and tags does to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.connections import Node, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.recorder.artifact_records import ArtifactRecord, CollectionKind, CollectionRecord
    from windtunnel.recorder.nodes import Nodes
    from windtunnel.recorder.store import Store


class CollectionOperations:
    """The top-level fields of one request that are about collections.

    Args:
        store: where they are.
        nodes: builder of the answers.
    """

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._artifacts = store.artifacts
        self._names = store.artifacts.collections
        self._nodes = nodes

    def root(self) -> Node:
        """Return the top-level fields by their names in the schema."""
        return {
            "linkArtifact": self._link,
            "unlinkArtifact": self._unlink,
            "addAliases": lambda values: self._change_aliases(values, self._names.assign),
            "deleteAliases": lambda values: self._change_aliases(values, self._names.withdraw),
            "updateArtifactSequence": lambda values: self._update(values, values["artifact_sequence_id"]),
            "updateArtifactPortfolio": lambda values: self._update(values, values["artifact_portfolio_id"]),
            "moveArtifactSequence": self._move,
            "deleteArtifactSequence": lambda values: self._delete(values["artifact_sequence_id"], "sequence"),
            "deleteArtifactPortfolio": lambda values: self._delete(values["artifact_portfolio_id"], "portfolio"),
            "createArtifactCollectionTagAssignments": self._add_tags,
            "deleteArtifactCollectionTagAssignments": self._remove_tags,
        }

    def _link(self, values: dict[str, Any]) -> Node:
        artifact = self._linked(values)
        if artifact.state != "COMMITTED":
            raise GraphQLError(
                f"artifact {artifact.key} is {artifact.state.lower()}; only a committed one can be linked"
            )
        with self._store.database.transaction():
            if values.get("artifact_portfolio_id"):
                portfolio = self._collection(values["artifact_portfolio_id"])
            else:
                entity, project = values.get("entity_name"), values.get("project_name")
                name = values.get("artifact_portfolio_name")
                if not entity or not project or not name:
                    raise GraphQLError("a link needs entityName, projectName and artifactPortfolioName")
                self._store.projects.ensure(entity, project)
                portfolio = self._names.ensure(entity, project, name, kind="portfolio", type_=artifact.sequence.type)
            member = self._names.join(portfolio.key, artifact.key)
            aliases = [alias["alias"] for alias in values.get("aliases") or []]
            self._names.assign(portfolio.key, artifact.key, ["latest", *aliases])
        return {"versionIndex": member.version, "artifactMembership": self._nodes.collections.membership(member)}

    def _linked(self, values: dict[str, Any]) -> ArtifactRecord:
        found = None
        if values.get("artifact_id"):
            found = self._artifacts.get(number(values["artifact_id"]))
        elif values.get("client_id"):
            found = self._artifacts.by_client(values["client_id"])
        if found is None:
            raise GraphQLError("the recorder has no artifact with this id, so that it cannot be linked")
        return found

    def _unlink(self, values: dict[str, Any]) -> Node:
        portfolio = self._collection(values["artifact_portfolio_id"])
        if portfolio.kind != "portfolio":
            raise GraphQLError(f"{portfolio.name!r} is where the artifact was logged; only a link can be taken away")
        left = self._names.leave(portfolio.key, number(values["artifact_id"]))
        return {"success": left, "artifactID": values["artifact_id"], "clientMutationId": None}

    def _change_aliases(self, values: dict[str, Any], change: Callable[[int, int, list[str]], None]) -> Node:
        key = number(values["artifact_id"])
        with self._store.database.transaction():
            for alias in values["aliases"]:
                where = (alias["entity_name"], alias["project_name"], alias["artifact_collection_name"])
                collection = self._names.find(*where)
                members = [] if collection is None else self._names.memberships(key)
                if collection is None or all(member.collection.key != collection.key for member in members):
                    raise GraphQLError(f"artifact {key} is not in {'/'.join(where)}, so that it has no aliases there")
                change(collection.key, key, [alias["alias"]])
        return {"success": True}

    def _update(self, values: dict[str, Any], text: str) -> Node:
        collection = self._collection(text)
        self._names.change(collection.key, name=values.get("name"), description=values.get("description"))
        return {"artifactCollection": self._nodes.collections.collection(self._collection(text))}

    def _move(self, values: dict[str, Any]) -> Node:
        text = values["artifact_sequence_id"]
        self._names.move(self._collection(text).key, values["destination_artifact_type_name"])
        return {"artifactCollection": self._nodes.collections.collection(self._collection(text))}

    def _delete(self, text: str, kind: CollectionKind) -> Node:
        collection = self._collection(text)
        if collection.kind != kind:
            raise GraphQLError(f"{collection.name!r} is no {kind} but a {collection.kind}")
        self._names.delete(collection.key)
        return {"artifactCollection": self._nodes.collections.collection(collection) | {"state": "DELETED"}}

    def _add_tags(self, values: dict[str, Any]) -> Node:
        tags = [tag["tag_name"] for tag in values["tags"]]
        self._names.tag(self._named(values).key, tags)
        return {"tags": [self._nodes.collections.tag(tag) for tag in tags]}

    def _remove_tags(self, values: dict[str, Any]) -> Node:
        self._names.tag(self._named(values).key, [tag["tag_name"] for tag in values["tags"]], remove=True)
        return {"success": True}

    def _named(self, values: dict[str, Any]) -> CollectionRecord:
        where = (values["entity_name"], values["project_name"], values["artifact_collection_name"])
        found = self._names.find(*where)
        if found is None:
            raise GraphQLError(f"the recorder has no artifact collection {'/'.join(where)}")
        return found

    def _collection(self, text: str) -> CollectionRecord:
        found = self._names.get(number(text))
        if found is None:
            raise GraphQLError(f"the recorder has no artifact collection with id {text!r}")
        return found
