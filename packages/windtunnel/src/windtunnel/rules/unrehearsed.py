"""Run configurations that were not rehearsed, held against what a rehearsed run of the same method reads.

A large experiment has more run configurations than there is time to follow through its code. What code reads for one
run it reads for the others of its method.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.reading.config_yaml import Document
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo
    from windtunnel.submission import RunConfig


@dataclass(slots=True)
class Lack:
    """A key that some runs lack and that is read for the others of their method.

    Attributes:
        event: the read, in a rehearsal of another run.
        runs: ids of the runs that lack it.
    """

    event: Event
    runs: list[str] = field(default_factory=list)


def lacks(repo: Repo) -> list[Lack]:
    """The keys that runs which were not rehearsed lack, each with its first read.

    A key counts if the files of all other runs of the method have it, and config.yaml does not: what only some have
    may be read for these alone.
    """
    unrehearsed = {run.run_id for run in repo.unrehearsed_runs}
    methods: dict[str, list[tuple[RunConfig, Document]]] = {}
    for run in repo.runs:
        document = repo.documents.get(run.path)
        if document is not None and isinstance(document.value, dict) and "defaults" not in document.value:
            methods.setdefault(str(document.value.get("method", "")), []).append((run, document))
    root = repo.documents.get("config/config.yaml")
    shared = set(root.places) if root is not None else set()
    found: dict[tuple[str, int, str], Lack] = {}
    for runs in methods.values():
        like = next((run.run_id for run, _ in runs if run.run_id not in unrehearsed), None)
        for event, key in [read for trace in repo.rehearsals if trace.run_id == like for read in _reads(trace)]:
            keys = tuple(key.removeprefix("run.").split("."))
            without = [run.run_id for run, document in runs if keys not in document.places]
            if len(without) == 1 < len(runs) and without[0] in unrehearsed and keys not in shared:
                lack = found.setdefault((event.path, event.line, key), Lack(event))
                lack.runs = sorted({*lack.runs, *without})
    return list(found.values())


def _reads(trace: Trace) -> Iterator[tuple[Event, str]]:
    """The first read of each key that raises where the key is not there."""
    seen = {str(event.data["key"]) for event in trace.of("write")}
    for event in trace.of("read"):
        key = str(event.data["key"])
        if key and event.data["found"] and not (event.data["guarded"] or event.guarded or key in seen):
            seen.add(key)
            yield event, key
