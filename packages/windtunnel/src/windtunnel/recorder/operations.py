"""What each field at the top of a query or mutation does to the store.

Covered: who the key belongs to; projects; making, changing, resuming, listing, filtering, stopping and deleting runs
and their files; alerts; custom charts, which are taken and not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.artifact_operations import ArtifactOperations
from windtunnel.recorder.blobs import normalised_name
from windtunnel.recorder.collection_operations import CollectionOperations
from windtunnel.recorder.connections import Node, json_object, number, page
from windtunnel.recorder.nodes import DEFAULT_ENTITY, Nodes
from windtunnel.recorder.records import Alert, RunRecord

if TYPE_CHECKING:
    from windtunnel.recorder.store import Store

DEFAULT_PROJECT = "uncategorized"
MAX_NAME_CHARACTERS = 128
CLIENT_VERSIONS = {"min_cli_version": "0.17.0", "max_cli_version": "0.31.0"}  # the range tried against this server
SERVER_FEATURES = (
    "MARK_RUN_FILES_UPLOADED",
    "CLIENT_IDS",
    "ARTIFACT_TAGS",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILES",
    "ARTIFACT_COLLECTION_MEMBERSHIP_FILE_DOWNLOAD_HANDLER",
    "ARTIFACT_COLLECTIONS_FILTERING_SORTING",
    "ARTIFACT_MEMBERSHIP_IN_LINK_ARTIFACT_RESPONSE",
    "ARTIFACT_V2_DOWNLOAD_HANDLER_SUPPORTS_ARTIFACT_ID",
    "PROJECT_ARTIFACT_COLLECTION_MEMBERSHIP",
    "TOTAL_COUNT_IN_FILE_CONNECTION",
    "USE_ARTIFACT_WITH_ENTITY_AND_PROJECT_INFORMATION",
)


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
                "latestLocalVersionInfo": {
                    "outOfDate": False,
                    "latestVersionString": "0.0.0",
                    "versionOnThisInstanceString": "0.0.0",
                },
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
            "organization": lambda name: None,  # noqa: ARG005 - the name of the argument in the schema
            "updateRunState": self._set_state,
            "stopRun": self._stop_run,
            "upsertModel": self._upsert_project,
            "notifyScriptableRunAlert": self._alert,
            "createCustomChart": lambda values: {"chart": {"id": f"{values['entity']}/{values['name']}"}},
            **ArtifactOperations(self._store, self._nodes).root(),
            **CollectionOperations(self._store, self._nodes).root(),
        }

    def _project(self, *, name: str | None = None, entity_name: str | None = None) -> Node | None:
        entity, project = entity_name or DEFAULT_ENTITY, name or DEFAULT_PROJECT
        known = self._store.projects.created_at(entity, project) is not None
        return self._nodes.project(entity, project) if known else None

    def _projects(
        self,
        *,
        entity_name: str | None = None,
        after: str | None = None,
        first: int | None = None,
    ) -> Node:
        entity = entity_name or DEFAULT_ENTITY
        return page(
            self._store.projects.names(entity), lambda name: self._nodes.project(entity, name), after=after, first=first
        )

    def _upsert_project(self, values: dict[str, Any]) -> Node:
        entity, name = values.get("entity_name") or DEFAULT_ENTITY, values.get("name") or DEFAULT_PROJECT
        inserted = self._store.projects.ensure(entity, _named("project", name))
        project = self._nodes.project(entity, name)
        return {"project": project, "model": project, "inserted": inserted}

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
            known = change(number(values["id"]), fields=fields)
            if known is None:
                raise GraphQLError(f"the recorder has no run with id {values['id']!r}")
            return self._upserted(known, inserted=False)
        name = _named("run id", values.get("name"))
        entity = _named("entity", values.get("entity_name") or DEFAULT_ENTITY)
        project = _named("project", values.get("model_name") or DEFAULT_PROJECT)
        before = self._store.run(entity, project, name)
        # Clients before 0.18 never say the id; they ask how the run stands right before they resume it. They alone
        # say whether they debug.
        by_name = starts and before is not None and values.get("debug") is not None
        if by_name and before is not None and self._store.starts.take_announced(before.key):
            resumed = self._store.resume(before.key, fields=fields)
            return self._upserted(resumed or before, inserted=False)
        run, inserted = self._store.upsert(entity, project, name, fields=fields, starts=starts)
        return self._upserted(run, inserted=inserted)

    def _upserted(self, run: RunRecord, *, inserted: bool) -> Node:
        bucket = self._nodes.runs.run(run, noted=False)
        return {"bucket": bucket, "inserted": inserted, "serverSettings": {"serverMessages": []}}

    def _create_files(self, values: dict[str, Any]) -> Node:
        run = self._run(values.get("entity_name"), values["project_name"], values["run_name"])
        files = [
            # The client finds its file by the very name it sent, so that one is repeated.
            {
                "id": name,
                "name": name,
                "uploadUrl": self._nodes.runs.upload_url(run.key, normalised_name(name)),
            }
            for name in values["files"]
        ]
        return {"runID": str(run.key), "uploadHeaders": [], "files": files}

    def _confirm_files(self, values: dict[str, Any]) -> Node:
        run = self._run(values["entity_name"], values["project_name"], values["run_name"])
        # A file is stored once its upload ends, so there is nothing left to confirm but that it is there.
        return {"success": all(self._store.blobs.find(run.key, name) is not None for name in values["files"])}

    def _delete_files(self, values: dict[str, Any]) -> Node:
        keys = [number(text) for text in values["files"]]
        return {"success": self._store.blobs.delete(keys) == len(keys)}

    def _delete_run(self, values: dict[str, Any]) -> Node:
        if not self._store.delete(number(values["id"])):
            raise GraphQLError(f"the recorder has no run with id {values['id']!r}")
        return {"success": True, "clientMutationId": None}

    def _set_state(self, values: dict[str, Any]) -> Node:
        key, state = number(values["id"]), values["state"]
        run = self._store.run_by_key(key)
        allowed = {"pending": {"running", "failed", "crashed"}, "failed": {"pending", "running"}}
        if run is None or run.state not in allowed.get(state, ()):
            raise GraphQLError(f"run {values['id']} cannot go from {run.state if run else 'nothing'} to {state[:20]!r}")
        return {"success": self._store.set_state(key, state)}

    def _stop_run(self, values: dict[str, Any]) -> Node:
        return {"success": self._store.stop(number(values["id"])), "clientMutationId": None}

    def _alert(self, values: dict[str, Any]) -> Node:
        run = self._run(values["entity_name"], values["project_name"], values["run_name"])
        self._store.alerts.add(run.key, Alert(values["title"], values["text"], values.get("severity") or "INFO"))
        return {"success": True}

    def _run(self, entity: str | None, project: str, name: str) -> RunRecord:
        run = self._store.run(entity or DEFAULT_ENTITY, project, name)
        if run is None:
            raise GraphQLError(f"the recorder has no run {entity or DEFAULT_ENTITY}/{project}/{name}")
        return run


def _named(what: str, name: str | None) -> str:
    if not name or len(name) > MAX_NAME_CHARACTERS or not name.isprintable() or any(c in name for c in "/\\#?%:"):
        raise GraphQLError(f"{(name or '')[:80]!r} is no {what}: give a text without / \\ # ? % :")
    return name
