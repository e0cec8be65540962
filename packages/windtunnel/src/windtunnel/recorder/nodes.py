"""The GraphQL nodes of projects, runs and files, drawn from the store.

A node is a mapping from a field's name in the schema to its value, or to a function of the field's arguments that is
called only when a query selects the field.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.filters import selected, timestamp
from windtunnel.recorder.sampling import evenly_spaced, flattened, key_statistics, strict, with_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.records import FileRecord, RunRecord
    from windtunnel.recorder.store import Store
    from windtunnel.recorder.streams import Stream

Node = dict[str, Any]

DEFAULT_ENTITY = "windtunnel"
DEFAULT_SAMPLES = 500  # wandb.apis.public.Run.history
MAX_PAGE = 1000
_CONSOLE_LINE = re.compile(r"(?P<error>ERROR )?(?P<time>\d{4}-\d\d-\d\dT[\d:.]+) (?P<text>.*)", re.DOTALL)


class Nodes:
    """Builder of nodes.

    Args:
        store: where runs are.
        links: signer of file addresses.
        base_url: address of this server, for file addresses.
    """

    def __init__(self, store: Store, links: FileLinks, base_url: str) -> None:
        self._store = store
        self._links = links
        self._base_url = base_url

    def user(self) -> Node:
        """Return the one account of a recorder; its key is never among the answers."""
        return {
            "id": "1",
            "name": DEFAULT_ENTITY,
            "username": DEFAULT_ENTITY,
            "email": "",
            "admin": False,
            "flags": "{}",
            "entity": DEFAULT_ENTITY,
            "apiKeys": {"edges": []},
            "teams": {"edges": []},
        }

    def entity(self, name: str) -> Node:
        """Return an account; every name is one, for the recorder serves whoever has the key."""
        return {"id": name, "name": name, "organization": None, "xxhashDigestsEnabled": False}

    def project(self, entity: str, name: str) -> Node:
        """Return a project with its runs."""

        def matching(filters: str | None, order: str | None = None) -> list[RunRecord]:
            query = json_object("filters", filters) or {}
            runs = [run for run in self._store.runs() if (run.entity, run.project) == (entity, name)]
            return selected(runs, query=query, order=order)

        def runs_page(
            *,
            filters: str | None = None,
            order: str | None = None,
            after: str | None = None,
            first: int | None = None,
        ) -> Node:
            found = matching(filters, order)
            return page(found, self.run, after=after, first=first) | {"totalCount": len(found)}

        def bucket(*, name: str, missing_ok: bool = False) -> Node | None:
            record = self._store.run(entity, project_name, name)
            if record is None:
                if missing_ok:
                    return None
                raise GraphQLError(f"the recorder has no run {entity}/{project_name}/{name}")
            return self.run(record)

        def run(*, name: str, **_: Any) -> Node | None:
            record = self._store.run(entity, project_name, name)
            return None if record is None else self.run(record)

        project_name = name
        return {
            "id": f"{entity}/{name}",
            "internalId": "1",
            "name": name,
            "entityName": entity,
            "description": "",
            "createdAt": lambda: timestamp(min((r.created_at for r in matching(None)), default=0.0)),
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
        }

    def run(self, run: RunRecord) -> Node:
        """Return a run with its history, console output and files."""
        streams = self._store.streams

        def rows(min_step: int | None = None, max_step: int | None = None) -> list[dict[str, Any]]:
            texts = streams.texts(run.key, "history", min_step=min_step, max_step=max_step)
            return [flattened(json.loads(text)) for _, text in texts]

        def history(
            *,
            samples: int | None = None,
            min_step: int | None = None,
            max_step: int | None = None,
        ) -> list[str]:
            texts = [t for _, t in streams.texts(run.key, "history", min_step=min_step, max_step=max_step)]
            if min_step is not None or max_step is not None:
                return texts  # a page of a scan, which is of all rows
            return evenly_spaced(texts, DEFAULT_SAMPLES if samples is None else samples)

        def events(*, samples: int | None = None) -> list[str]:
            texts = [text for _, text in streams.texts(run.key, "events")]
            return evenly_spaced(texts, DEFAULT_SAMPLES if samples is None else samples)

        def sampled(*, specs: list[str]) -> list[list[dict[str, Any]]]:
            return [strict(_sampled(rows, json_object("specs", spec) or {})) for spec in specs]

        def tail(stream: Stream) -> Callable[[], str]:
            return lambda: json.dumps([text for _, text in streams.tail(run.key, stream, lines=1)])

        def client_config(*, keys: list[str] | None = None) -> str:
            own = run.raw_config.get("_wandb", {}).get("value", {})
            return json.dumps({key: own[key] for key in (own if keys is None else keys) if key in own})

        return {
            "id": str(run.key),
            "projectId": "1",
            "name": run.name,
            "displayName": run.display_name,
            "state": run.state,
            "stopped": False,
            "description": run.description,
            "notes": run.notes,
            "tags": list(run.tags),
            "group": run.group,
            "jobType": run.job_type,
            "commit": run.commit,
            "readOnly": False,
            "createdAt": timestamp(run.created_at),
            "heartbeatAt": timestamp(run.heartbeat_at),
            "config": json.dumps(run.raw_config),
            "wandbConfig": client_config,
            "summaryMetrics": json.dumps(run.summary),
            "systemMetrics": lambda: _system_metrics(streams.tail(run.key, "events", lines=1)),
            "project": lambda: self.project(run.entity, run.project),
            "user": self.user(),
            "historyLineCount": lambda: streams.count(run.key, "history"),
            "eventsLineCount": lambda: streams.count(run.key, "events"),
            "logLineCount": lambda: streams.count(run.key, "output"),
            "historyTail": tail("history"),
            "eventsTail": tail("events"),
            "historyKeys": lambda: key_statistics(rows(), last_step=streams.last_step(run.key)),
            "history": history,
            "events": events,
            "sampledHistory": sampled,
            # No row is ever exported to Parquet: all are "live" and read page by page.
            "parquetHistory": lambda **_: {"parquetUrls": [], "liveData": []},
            "logLines": self._console(run.key),
            "fileCount": lambda: len(self._store.blobs.of_run(run.key)),
            "files": self._files(run.key),
        }

    def file(self, run: int, file: FileRecord) -> Node:
        """Return a file with its addresses."""
        read = self._links.url(self._base_url, "read", file.key, file.name)
        return {
            "id": str(file.key),
            "name": file.name,
            "url": lambda upload=False: self.upload_url(run, file.name) if upload else read,
            "directUrl": read,
            "sizeBytes": file.size,
            "mimetype": file.mimetype,
            "updatedAt": timestamp(file.updated_at),
            "md5": file.md5,
        }

    def upload_url(self, run: int, name: str) -> str:
        """Return the address to which a file of a run is uploaded."""
        return self._links.url(self._base_url, "write", run, name)

    def _files(self, run: int) -> Callable[..., Node]:
        def files(
            *,
            names: list[str] | None = None,
            pattern: str | None = None,
            after: str | None = None,
            first: int | None = None,
        ) -> Node:
            found = self._store.blobs.of_run(run)
            if names:
                wanted = {name.removeprefix("./") for name in names}
                found = [file for file in found if file.name in wanted]
            if pattern:
                found = [file for file in found if _like(pattern, file.name)]
            return page(found, lambda file: self.file(run, file), after=after, first=first)

        return files

    def _console(self, run: int) -> Callable[..., Node]:
        def lines(
            *,
            first: int | None = None,
            last: int | None = None,
            after: str | None = None,
            **_: Any,
        ) -> Node:
            if last is not None:
                texts, more = self._store.streams.tail(run, "output", lines=max(0, last)), False
            else:
                limit = MAX_PAGE if first is None else max(0, first)
                start = -1 if after is None else _cursor(after)
                texts = self._store.streams.texts(run, "output", after=start, limit=limit + 1)
                more, texts = len(texts) > limit, texts[:limit]
            edges = [{"node": _console_line(number, text), "cursor": str(number)} for number, text in texts]
            end = edges[-1]["cursor"] if edges else None
            return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": more}}

        return lines


def page(items: Sequence[Any], node: Callable[[Any], Node], *, after: str | None, first: int | None) -> Node:
    """Return one page of a connection.

    Args:
        items: all items.
        node: makes the node of an item.
        after: cursor of the item before the page; None starts at the first.
        first: at most so many items; None means 50.

    Raises:
        GraphQLError: the cursor is none of this server's.
    """
    start = 0 if after is None else _cursor(after)
    size = min(MAX_PAGE, 50 if first is None else max(0, first))
    edges = [{"node": node(item), "cursor": str(start + i + 1)} for i, item in enumerate(items[start : start + size])]
    end = edges[-1]["cursor"] if edges else None
    return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": start + size < len(items)}}


def json_object(field: str, text: str | None) -> dict[str, Any] | None:
    """Return the JSON object that a field of a request carries as text; None where the field is absent.

    Args:
        field: name of the field, for the error.
        text: what it carries.

    Raises:
        GraphQLError: the text is no JSON object.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise GraphQLError(f"'{field}' is no text with JSON in it ({error})") from error
    if not isinstance(value, dict):
        raise GraphQLError(f"'{field}' is text with a JSON object in it, not {type(value).__name__}")
    return value


def _cursor(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise GraphQLError(f"{text[:40]!r} is no cursor of this server")
    return int(text)


def _sampled(rows: Callable[..., list[dict[str, Any]]], spec: dict[str, Any]) -> list[dict[str, Any]]:
    keys = spec.get("keys") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise GraphQLError('a history spec is JSON like {"keys": ["_step", "loss"], "samples": 500}')
    steps = (spec.get("minStep"), spec.get("maxStep"))
    samples = spec.get("samples", DEFAULT_SAMPLES)
    numbers = [samples, *(step for step in steps if step is not None)]
    if any(isinstance(number, bool) or not isinstance(number, int) for number in numbers):
        raise GraphQLError("'samples', 'minStep' and 'maxStep' of a history spec are whole numbers")
    return evenly_spaced(with_keys(rows(*steps), keys), samples)


def _system_metrics(lines: list[tuple[int, str]]) -> str:
    row = json.loads(lines[-1][1]) if lines else {}
    return json.dumps({key.removeprefix("system."): row[key] for key in row if key.startswith("system.")})


def _console_line(number: int, text: str) -> Node:
    match = _CONSOLE_LINE.match(text)
    if match is None:
        return {"number": number, "timestamp": None, "level": "info", "label": None, "line": text}
    level = "error" if match["error"] else "info"
    return {"number": number, "timestamp": match["time"], "level": level, "label": None, "line": match["text"]}


def _like(pattern: str, name: str) -> bool:
    wildcards = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wildcards.get(c, re.escape(c)) for c in pattern), name, re.DOTALL) is not None
