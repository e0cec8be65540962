"""Events of several rehearsals that are one defect: the same place, in several runs and modes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windtunnel.findings import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo


@dataclass(slots=True)
class Group:
    """Events that are one defect.

    Attributes:
        events: with the rehearsal each was met in.
        runs: run ids, in order.
        modes: in order.
    """

    events: list[tuple[Trace, Event]] = field(default_factory=list)

    @property
    def first(self) -> Event:
        """The first event."""
        return self.events[0][1]

    @property
    def trace(self) -> Trace:
        """The rehearsal of the first event."""
        return self.events[0][0]

    @property
    def runs(self) -> tuple[str, ...]:
        """The run ids it was met for."""
        return tuple(sorted({trace.run_id for trace, _ in self.events if trace.run_id}))

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes it was met in."""
        return tuple(sorted({trace.mode for trace, _ in self.events if trace.mode}))

    @property
    def certain(self) -> bool:
        """Whether it is certain in some rehearsal."""
        return any(event.certain for _, event in self.events)

    def data(self, name: str) -> list[Any]:
        """The different values of one datum, in order."""
        found: list[Any] = []
        for _, event in self.events:
            value = event.data.get(name)
            if value not in found:
                found.append(value)
        return found


def gather(
    traces: Iterable[Trace], kinds: Iterable[str], key: Callable[[Event], Hashable | None], *, guarded: bool = False
) -> list[Group]:
    """Events of some kinds that belong together by ``key``, in the order they were met.

    Args:
        traces: the rehearsals.
        kinds: of events.
        key: what makes two events one defect besides their file; None leaves an event out.
        guarded: keep events inside a ``try`` that would catch them.
    """
    wanted = tuple(kinds)
    found: dict[Hashable, Group] = {}
    for trace in traces:
        for event in trace.of(*wanted):
            if event.guarded and not guarded:
                continue
            what = key(event)
            if what is None:
                continue
            found.setdefault((event.path, what), Group()).events.append((trace, event))
    return list(found.values())


def place(repo: Repo, event: Event) -> Place:  # noqa: ARG001 - called like quote
    """Where an event is."""
    return Place(event.path, event.line, int(getattr(event.node, "col_offset", -1)) + 1)


def quote(repo: Repo, event: Event) -> str:
    """The line an event is in."""
    source = repo.sources.get(event.path)
    return source.quote(event.node) if source is not None else ""


def root_config(repo: Repo, key: str = "") -> Place:
    """config/config.yaml, at the section nearest to a key."""
    document = repo.documents.get("config/config.yaml")
    return document.place(tuple(key.split("."))) if document is not None and key else Place("config/config.yaml")


def run_places(repo: Repo, runs: Iterable[str], key: str = "") -> tuple[Place, ...]:
    """The run configurations of some runs, at a key if they have it."""
    found = []
    for run_id in runs:
        path = repo.run_path(run_id)
        document = repo.documents.get(path)
        found.append(document.place(tuple(key.split("."))) if document is not None and key else Place(path))
    return tuple(found)
