"""The GraphQL nodes of runs and their files, drawn from the store."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from windtunnel.recorder.connections import MAX_PAGE, Node, json_object, number, page
from windtunnel.recorder.filters import timestamp
from windtunnel.recorder.history import History, keys_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.recorder.asked import Questions
    from windtunnel.recorder.links import FileLinks
    from windtunnel.recorder.nodes import Nodes
    from windtunnel.recorder.records import FileRecord, RunRecord
    from windtunnel.recorder.store import Store
    from windtunnel.recorder.streams import Stream

_CONSOLE_LINE = re.compile(r"(?P<error>ERROR )?(?P<time>\d{4}-\d\d-\d\dT[\d:.]+) (?P<text>.*)", re.DOTALL)


class RunNodes:
    """Builder of the nodes of runs.

    Args:
        nodes: builder of the nodes around them.
        store: where runs are.
        links: signer of file addresses.
        base_url: address of this server, for file addresses.
        questions: where what is read is noted.
    """

    def __init__(self, nodes: Nodes, store: Store, links: FileLinks, base_url: str, questions: Questions) -> None:
        self._nodes = nodes
        self._store = store
        self._links = links
        self._base_url = base_url
        self._questions = questions

    def run(self, run: RunRecord, *, noted: bool = True) -> Node:
        """Return a run with its history, console output, files and artifacts.

        Args:
            run: the run.
            noted: whether what is selected counts as read by a client; not so where the run's own process asks.
        """
        streams = self._store.streams

        def tail(stream: Stream) -> Callable[[], str]:
            return lambda: json.dumps([text for _, text in streams.tail(run.key, stream, lines=1)])

        def client_config(*, keys: list[str] | None = None) -> str:
            entry = run.raw_config.get("_wandb")
            own = entry.get("value") if isinstance(entry, dict) else None
            if not isinstance(own, dict):
                return "{}"
            return json.dumps({key: own[key] for key in (own if keys is None else keys) if key in own})

        def told(what: str, value: dict[str, Any]) -> Callable[[], str]:
            def field() -> str:
                if noted:
                    self._questions.note(run.name, what)
                return json.dumps(value)

            return field

        return {
            "__typename": "Run",
            "id": str(run.key),
            "projectId": "1",
            "name": run.name,
            "displayName": run.display_name,
            "state": run.state,
            "stopped": run.stopped,
            "description": run.description,
            "notes": run.notes,
            "tags": list(run.tags),
            "group": run.group,
            "jobType": run.job_type,
            "commit": run.commit,
            "readOnly": False,
            "createdAt": timestamp(run.created_at),
            "heartbeatAt": timestamp(run.heartbeat_at),
            "config": told("config", run.raw_config),
            "wandbConfig": client_config,
            "summaryMetrics": told("summary", run.summary),
            "systemMetrics": lambda: _system_metrics(streams.tail(run.key, "events", lines=1)),
            "project": lambda: self._nodes.project(run.entity, run.project),
            "user": self._nodes.user(),
            "historyLineCount": lambda: streams.count(run.key, "history"),
            "eventsLineCount": lambda: streams.count(run.key, "events"),
            "logLineCount": lambda: streams.count(run.key, "output"),
            "historyTail": tail("history"),
            "eventsTail": tail("events"),
            **self._history(run),
            "logLines": self._console(run.key),
            "fileCount": lambda: len(self._store.blobs.of(run.key)),
            "files": self._files(run),
            **self._nodes.artifacts.of_run(run),
        }

    def file(self, run: int, file: FileRecord) -> Node:
        """Return a file with its addresses."""
        read = self._links.url(self._base_url, "read", file.key, file.name)
        return {
            "id": str(file.key),
            "name": file.name,
            "displayName": file.name,
            "url": lambda upload=False: self.upload_url(run, file.name) if upload else read,
            "directUrl": read,
            "sizeBytes": file.size,
            "mimetype": file.mimetype,
            "updatedAt": timestamp(file.updated_at),
            "md5": file.md5,
            "digest": file.md5,
        }

    def upload_url(self, run: int, name: str) -> str:
        """Return the address to which a file of a run is uploaded."""
        return self._links.url(self._base_url, "write", run, name)

    def _history(self, run: RunRecord) -> Node:
        rows = History(self._store.streams, run.key)

        def history(
            *,
            samples: int | None = None,
            min_step: int | None = None,
            max_step: int | None = None,
        ) -> list[str]:
            self._questions.note(run.name, "history")
            if min_step is not None or max_step is not None:
                return rows.texts_between(min_step, max_step)  # a page of a scan, which is of all rows
            return rows.sampled_texts(samples)

        def sampled(*, specs: list[str]) -> list[list[dict[str, Any]]]:
            read = [json_object("specs", spec) or {} for spec in specs]
            for spec in read:
                self._questions.note(run.name, "sampled history", tuple(keys_of(spec)))
            return [rows.sampled(spec) for spec in read]

        def keys() -> dict[str, Any]:
            self._questions.note(run.name, "history keys")
            return rows.statistics()

        return {
            "historyKeys": keys,
            "history": history,
            "events": lambda samples=None: rows.sampled_texts(samples, stream="events"),
            "sampledHistory": sampled,
            # No row is ever exported to Parquet: the client goes on to read all page by page.
            "parquetHistory": lambda **_: {"parquetUrls": [], "liveData": []},
        }

    def _files(self, run: RunRecord) -> Callable[..., Node]:
        def files(
            *,
            names: list[str] | None = None,
            pattern: str | None = None,
            after: str | None = None,
            first: int | None = None,
        ) -> Node:
            self._questions.note(run.name, "files")
            found = self._store.blobs.of(run.key)
            if names:
                wanted = {name.removeprefix("./") for name in names}
                found = [file for file in found if file.name in wanted]
            if pattern:
                found = [file for file in found if _like(pattern, file.name)]
            return page(found, lambda file: self.file(run.key, file), after=after, first=first) | {"uploadHeaders": []}

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
                texts, more = self._store.streams.tail(run, "output", lines=min(MAX_PAGE, max(0, last))), False
            else:
                limit = MAX_PAGE if first is None else min(MAX_PAGE, max(0, first))
                start = -1 if after is None else number(after)
                texts = self._store.streams.texts(run, "output", after=start, limit=limit + 1)
                more, texts = len(texts) > limit, texts[:limit]
            edges = [{"node": _console_line(line, text), "cursor": str(line)} for line, text in texts]
            end = edges[-1]["cursor"] if edges else None
            return {"edges": edges, "pageInfo": {"endCursor": end, "hasNextPage": more}}

        return lines


def _system_metrics(lines: list[tuple[int, str]]) -> str:
    row = json.loads(lines[-1][1]) if lines else {}
    return json.dumps({key.removeprefix("system."): row[key] for key in row if key.startswith("system.")})


def _console_line(line: int, text: str) -> Node:
    match = _CONSOLE_LINE.match(text)
    if match is None:
        return {"number": line, "timestamp": None, "level": "info", "label": None, "line": text}
    level = "error" if match["error"] else "info"
    return {"number": line, "timestamp": match["time"], "level": level, "label": None, "line": match["text"]}


def _like(pattern: str, name: str) -> bool:
    """Return whether a name fits an SQL pattern, in time that grows with the product of their lengths at most."""
    at = position = mark = 0
    star = -1  # where the last % of the pattern was, and in mark where in the name it may end
    while position < len(name):
        if at < len(pattern) and pattern[at] == "%":
            star, mark = at, position
            at += 1
        elif at < len(pattern) and pattern[at] in {"_", name[position]}:
            at, position = at + 1, position + 1
        elif star >= 0:
            mark += 1
            at, position = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("%")
