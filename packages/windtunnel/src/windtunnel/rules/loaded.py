"""What a rehearsal loads: models, tokenizers and datasets with what is known of their hub ids. Holds no rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.knowledge.hub import BareName, HubTable, bare_name_verdict
from windtunnel.rehearsal import Trace
from windtunnel.rehearsal.joining import options
from windtunnel.rehearsal.values import Alternatives, Const, Mapping_, Sequence_, Thing, Value
from windtunnel.rules.gathering import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from windtunnel.findings import Place
    from windtunnel.knowledge.models import Model
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

# `load_dataset("csv", data_files=...)`: the builders of the library itself, which are no ids
BUILDERS = frozenset(
    {
        "csv",
        "json",
        "jsonl",
        "parquet",
        "text",
        "arrow",
        "pandas",
        "xml",
        "webdataset",
        "imagefolder",
        "audiofolder",
        "generator",
        "sql",
    }
)


_MOST_PARTS = 400  # of a value that are looked at


@dataclass(frozen=True, slots=True)
class Load:
    """A call that loads something from the hub.

    Attributes:
        trace: the rehearsal.
        event: the call.
        id: what is loaded, as far as it is known.
        owner: the class whose ``from_pretrained`` it is, "" for a dataset.
    """

    trace: Trace
    event: Event
    id: Value
    owner: str = ""

    def argument(self, position: int, name: str) -> Value | None:
        """An argument by position or keyword."""
        keywords: dict[str, Value] = self.event.data["keywords"]
        args: list[Value] = self.event.data["args"]
        return keywords.get(name) or (args[position] if 0 <= position < len(args) else None)


def hub(repo: Repo) -> HubTable:
    """The hub as of the review's date."""
    return HubTable(repo.as_of)


def text(value: Value | None) -> str | None:
    """A known string."""
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def is_path(name: str) -> bool:
    """Whether an id is meant as a folder."""
    return name.startswith((".", "/", "~", "\\")) or name.count("/") > 1


def dataset_loads(trace: Trace) -> Iterator[Load]:
    """Calls of ``load_dataset``."""
    for event in trace.of("call"):
        if event.data["name"] in {"datasets.load_dataset", "datasets.load.load_dataset"}:
            yield Load(trace, event, _argument(event, 0, "path"))


def model_loads(trace: Trace) -> Iterator[Load]:
    """Calls of ``from_pretrained`` of transformers."""
    for event in trace.of("call"):
        parts = str(event.data["name"]).split(".")
        if parts[0] == "transformers" and parts[-1] == "from_pretrained" and len(parts) > 2:
            yield Load(trace, event, _argument(event, 0, "pretrained_model_name_or_path"), parts[-2])


def in_other_runs(repo: Repo, load: Load) -> Iterator[Load]:
    """The load as it would be in runs that are not rehearsed, where its id comes from the run's file."""
    origin = load.id.origin if isinstance(load.id, Const) else None
    if not origin:
        return
    keys = origin.removeprefix("run.").split(".")
    for run in repo.unrehearsed_runs:
        document = repo.documents.get(run.path)
        value = document.value if document is not None else None
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str):
            trace = Trace(load.trace.entry, run.run_id, load.trace.mode)
            yield Load(trace, load.event, Const(value, origin), load.owner)


def _argument(event: Event, position: int, name: str) -> Value:
    args: list[Value] = event.data["args"]
    keywords: dict[str, Value] = event.data["keywords"]
    return keywords.get(name) or (args[position] if position < len(args) else Const(None))


def config_places(repo: Repo, value: Value | None, run_id: str) -> tuple[Place, ...]:
    """Where a value stands in the configuration, if it was read from there."""
    origin = value.origin if isinstance(value, Const) else None
    if not origin:
        return ()
    origin = re.sub(r"(\.\d+)+$", "", origin)  # an item of a list stands where the list does
    for key in (origin, origin.removeprefix("run.").removeprefix("runs.")):
        found = repo.config_place(key, run_id)
        if found is not None:
            return (found,)
    return ()


def things(value: Value | None, type_: str = "") -> list[Thing]:
    """The things a value may be."""
    return (
        [option for option in options(value) if isinstance(option, Thing) and (not type_ or option.type == type_)]
        if value is not None
        else []
    )


def base_of(model: Value | None) -> Thing | None:
    """The model that adapters were put around."""
    found = next(iter(things(model)), None)
    for _ in range(5):
        base = found.data.get("base") if found is not None else None
        if found is None or base is None:
            return found
        found = next(iter(things(base)), None)
    return found


def known_model(repo: Repo, model: Value | None) -> Model | None:
    """What the hub table says of a loaded model."""
    base = base_of(model)
    name = text(base.data.get("id")) if base is not None else None
    if not name:
        return None
    found = hub(repo).model(name)
    if (
        found is None and bare_name_verdict(name) is BareName.NOT_AN_ID
    ):  # the organisation is missing, but which model is meant is clear
        meant = hub(repo).suggest(name)
        return hub(repo).model(meant[0]) if len(meant) == 1 else None
    return found


def plain(value: Value | None) -> Any:
    """A known constant, None otherwise."""
    return value.value if isinstance(value, Const) else None


def parts_of(value: Value | None) -> Iterator[Value]:
    """A value and what it was made from, the nearest first: operands, arguments of library calls, items."""
    waiting: list[Value] = [value] if value is not None else []
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_PARTS:
        part = waiting.pop(0)
        if id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += _inner(part)


def _inner(value: Value) -> list[Value]:
    if isinstance(value, Alternatives):
        return list(value.values)
    if isinstance(value, Sequence_):
        return [*value.items[:8], *([value.item] if value.item else [])]
    if isinstance(value, Mapping_):
        return [*list(value.items.values())[:8], *([value.item] if value.item else [])]
    if not isinstance(value, Thing):
        return []
    held = [value.data.get(name) for name in ("of", "output", "sliced", "copy_of", "value")]
    return [
        part
        for part in (*value.data.get("operands", ()), *value.data.get("args", ())[:8], *held)
        if isinstance(part, Value)
    ]


def line_at(repo: Repo, spot: Place) -> str:
    """The line at a place, in a file of code or of configuration."""
    source, document = repo.sources.get(spot.path), repo.documents.get(spot.path)
    if source is not None:
        return source.line(spot.line).strip()
    lines = document.text.splitlines() if document is not None else []
    return lines[spot.line - 1].strip() if 0 < spot.line <= len(lines) else ""


def entered(traces: Iterable[Trace]) -> set[tuple[str, int]]:
    """The functions that rehearsals entered, by file and line."""
    found = set()
    for trace in traces:
        for name in trace.entered:
            path, _, rest = name.partition(":")
            found.add((path, int(rest.rpartition(":")[2])))
    return found


def where(repo: Repo, event: Event) -> Place:
    """Where an event is."""
    return place(repo, event)


def prompt_of(event: Event) -> Thing | None:
    """What a decoder-only model generates from, as it stands in the batch; None of any other model, or once cut."""
    base = base_of(event.data["receiver"])
    owner = str(base.data.get("class", "")) if base is not None else ""
    if "CausalLM" not in owner and "LMHead" not in owner:
        return None
    given = event.data["keywords"]
    value = given.get("input_ids") or given.get("inputs") or next(iter(event.data["args"]), None)
    return value if isinstance(value, Thing) and "sliced" not in value.data else None
