"""The GraphQL nodes of accounts and projects, and the way from them to runs and artifacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.artifact_nodes import ArtifactNodes
from windtunnel.recorder.collection_nodes import CollectionNodes
from windtunnel.recorder.connections import Node, json_object, page
from windtunnel.recorder.filters import of_run, selected, timestamp
from windtunnel.recorder.run_nodes import RunNodes

if TYPE_CHECKING:
    from windtunnel.recorder.asked import Questions
    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.records import RunRecord
    from windtunnel.recorder.store import Store

DEFAULT_ENTITY = "windtunnel"


class Nodes:
    """Builder of nodes.

    Args:
        store: where runs are.
        links: signer of file addresses.
        base_url: address of this server, for file addresses.
        questions: where what is read is noted.

    Attributes:
        runs: builder of the nodes of runs.
        artifacts: builder of the nodes of versions of artifacts.
        collections: builder of the nodes of the names they lie under.
        questions: where what is read is noted.
    """

    def __init__(self, store: Store, links: FileLinks, base_url: str, questions: Questions) -> None:
        self._store = store
        self.questions = questions
        self.runs = RunNodes(self, store, links, base_url, questions)
        self.artifacts = ArtifactNodes(self, store, links, base_url)
        self.collections = CollectionNodes(self, store)

    def user(self) -> Node:
        """Return the one account of a recorder; its key is never among the answers."""
        return {
            "__typename": "User",
            "id": "1",
            "name": DEFAULT_ENTITY,
            "username": DEFAULT_ENTITY,
            "email": "",
            "admin": False,
            "flags": "{}",
            "entity": DEFAULT_ENTITY,
            "organizations": [],
            "apiKeys": {"edges": []},
            "teams": {"edges": []},
        }

    def entity(self, name: str) -> Node:
        """Return an account; every name is one, for the recorder serves whoever has the key."""
        return {
            "id": name,
            "name": name,
            "entityType": "team",
            "organization": None,
            "user": None,
            "xxhashDigestsEnabled": False,
        }

    def project(self, entity: str, name: str) -> Node:
        """Return a project with its runs and artifacts."""

        def matching(filters: str | None, order: str | None = None) -> list[RunRecord]:
            query = json_object("filters", filters) or {}
            return selected(self._store.runs_of(entity, name), query=query, order=order, value=of_run)

        def runs_page(
            *,
            filters: str | None = None,
            order: str | None = None,
            after: str | None = None,
            first: int | None = None,
        ) -> Node:
            self.questions.note("", "runs")
            return page(matching(filters, order), self.runs.run, after=after, first=first)

        def bucket(*, name: str, missing_ok: bool = False, **_: Any) -> Node | None:
            record = self._store.run(entity, project_name, name)
            if record is None:
                if missing_ok:
                    return None
                raise GraphQLError(f"the recorder has no run {entity}/{project_name}/{name}")
            if missing_ok:  # the question of a process that wants to resume the run if it is there
                self._store.starts.announce_resume(record.key)
            return self.runs.run(record, noted=False)

        def run(*, name: str, **_: Any) -> Node | None:
            record = self._store.run(entity, project_name, name)
            return None if record is None else self.runs.run(record)

        project_name = name
        return {
            "id": f"{entity}/{name}",
            "internalId": "1",
            "name": name,
            "entityName": entity,
            "description": "",
            "createdAt": lambda: timestamp(self._store.projects.created_at(entity, name) or 0.0),
            "isBenchmark": False,
            "readOnly": False,
            "access": "PRIVATE",
            "views": "{}",
            "user": self.user(),
            "entity": self.entity(entity),
            "runCount": lambda filters=None: len(matching(filters)),
            "runs": runs_page,
            "run": run,
            "bucket": bucket,
            **self.collections.of_project(entity, name),
        }
