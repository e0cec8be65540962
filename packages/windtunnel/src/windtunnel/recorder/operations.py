"""What each field at the top of a query or mutation does to the store.

Covered: who the key belongs to; making, changing, resuming, listing, filtering and deleting runs and their files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.blobs import normalised_name
from windtunnel.recorder.nodes import DEFAULT_ENTITY, Node, Nodes, json_object, page

if TYPE_CHECKING:
    from windtunnel.recorder.records import RunRecord
    from windtunnel.recorder.store import Store

DEFAULT_PROJECT = "uncategorized"
CLIENT_VERSIONS = {"min_cli_version": "0.26.0", "max_cli_version": "0.31.0"}  # the range tried against this server
SERVER_FEATURES = ("MARK_RUN_FILES_UPLOADED",)


class Operations:
    """The top-level fields of one request.

    Args:
        store: where runs are.
        nodes: builder of the answers.
    """

    def __init__(self, store: Store, nodes: Nodes) -> None:
        self._store = store
        self._nodes = nodes

    def root(self) -> Node:
        """Return the top-level fields by their names in the schema."""
        return {
            "viewer": self._nodes.user,
            "serverInfo": {
                "features": [{"name": name, "isEnabled": True} for name in SERVER_FEATURES],
                "cliVersionInfo": dict(CLIENT_VERSIONS),
                "latestLocalVersionInfo": None,
            },
            "entity": self._nodes.entity,
            "project": self._project,
            "model": self._project,
            "models": self._projects,
            "upsertBucket": self._upsert_run,
            "createRunFiles": self._create_files,
            "markRunFilesUploaded": self._confirm_files,
            "deleteFiles": self._delete_files,
            "deleteRun": self._delete_run,
        }

    def _project(self, *, name: str | None = None, entity_name: str | None = None) -> Node | None:
        entity, project = entity_name or DEFAULT_ENTITY, name or DEFAULT_PROJECT
        known = any((run.entity, run.project) == (entity, project) for run in self._store.runs())
        return self._nodes.project(entity, project) if known else None

    def _projects(
        self,
        *,
        entity_name: str | None = None,
        after: str | None = None,
        first: int | None = None,
    ) -> Node:
        entity = entity_name or DEFAULT_ENTITY
        names = sorted({run.project for run in self._store.runs() if run.entity == entity})
        return page(names, lambda name: self._nodes.project(entity, name), after=after, first=first)

    def _upsert_run(self, values: dict[str, Any]) -> Node:
        fields = {
            "display_name": values.get("display_name"),
            "group": values.get("group_name"),
            "job_type": values.get("job_type"),
            "notes": values.get("notes"),
            "description": values.get("description"),
            "commit": values.get("commit"),
            "tags": values.get("tags"),
            "raw_config": json_object("config", values.get("config")),
            "summary": json_object("summaryMetrics", values.get("summary_metrics")),
        }
        # Of the client's requests only the one that begins a process's logging names the host; it has the id where
        # the process resumes the run, and the name alone where it begins the run anew.
        starts = values.get("host") is not None
        if values.get("id"):
            change = self._store.resume if starts else self._store.update
            known = change(_key(values["id"]), fields=fields)
            if known is None:
                raise GraphQLError(f"the recorder has no run with id {values['id']!r}")
            return {"bucket": self._nodes.run(known), "inserted": False}
        name = values.get("name")
        if not name or any(c in name for c in "/\\#?%:"):
            raise GraphQLError(f"{name!r} is no run id: give a text without / \\ # ? % :")
        entity, project = values.get("entity_name") or DEFAULT_ENTITY, values.get("model_name") or DEFAULT_PROJECT
        run, inserted = self._store.upsert(entity, project, name, fields=fields, starts=starts)
        return {"bucket": self._nodes.run(run), "inserted": inserted}

    def _create_files(self, values: dict[str, Any]) -> Node:
        run = self._run(values.get("entity_name"), values["project_name"], values["run_name"])
        files = [
            # The client finds its file by the very name it sent, so that one is repeated.
            {
                "id": name,
                "name": name,
                "uploadUrl": self._nodes.upload_url(run.key, normalised_name(name)),
            }
            for name in values["files"]
        ]
        return {"runID": str(run.key), "uploadHeaders": [], "files": files}

    def _confirm_files(self, values: dict[str, Any]) -> Node:
        run = self._run(values["entity_name"], values["project_name"], values["run_name"])
        # A file is stored once its upload ends, so there is nothing left to confirm but that it is there.
        return {"success": all(self._store.blobs.find(run.key, name) is not None for name in values["files"])}

    def _delete_files(self, values: dict[str, Any]) -> Node:
        keys = [_key(text) for text in values["files"]]
        return {"success": self._store.blobs.delete(keys) == len(keys)}

    def _delete_run(self, values: dict[str, Any]) -> Node:
        if not self._store.delete(_key(values["id"])):
            raise GraphQLError(f"the recorder has no run with id {values['id']!r}")
        return {"success": True, "clientMutationId": None}

    def _run(self, entity: str | None, project: str, name: str) -> RunRecord:
        run = self._store.run(entity or DEFAULT_ENTITY, project, name)
        if run is None:
            raise GraphQLError(f"the recorder has no run {entity or DEFAULT_ENTITY}/{project}/{name}")
        return run


def _key(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise GraphQLError(f"{text[:40]!r} is no id of this server")
    return int(text)
