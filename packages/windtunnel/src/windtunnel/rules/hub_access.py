"""Hub ids of models, gated and unknown ids, and where downloads go (criterion 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.knowledge.hub import BareName, bare_name_verdict, id_problem
from windtunnel.rehearsal.config_nodes import path_text
from windtunnel.rehearsal.values import NONE, Const
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.hub_ids import _HubRule, own_files, weight
from windtunnel.rules.loaded import (
    Load,
    config_places,
    dataset_loads,
    hub,
    in_other_runs,
    is_path,
    line_at,
    model_loads,
    text,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Trace
    from windtunnel.repo import Repo


class DAT005(_HubRule):
    """A model id cannot exist."""

    name = "model-id-that-cannot-exist"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("hf-model-id",)
    doc = Doc(
        what=(
            "`from_pretrained` with an id of a wrong form, or with the bare name of a model that lives under an "
            "organisation."
        ),
        why="transformers raises '... is not a local folder and is not a valid model identifier'.",
        example="name: Qwen3-0.6B",
        instead="name: Qwen/Qwen3-0.6B",
        limits="A bare name that the hub table does not know at all is a warning.",
    )

    def loads(self, repo: Repo) -> Iterable[Load]:
        for trace in repo.traces("main", "train", "evaluate"):
            for load in model_loads(trace):
                yield load
                yield from in_other_runs(repo, load)

    def check(self, repo: Repo) -> Iterator[Finding]:
        # an id belongs to the file that names it: one finding for each, with the loads as related places
        found: dict[tuple[Place, str], list[tuple[Load, Severity, str]]] = {}
        for load in self.loads(repo):
            spots = config_places(repo, load.id, load.trace.run_id) or (where(repo, load.event),)
            for message, severity, fix in self.complaints(repo, load):
                found.setdefault((spots[0], message), []).append((load, severity, fix))
        for (spot, message), entries in found.items():
            load, severity, fix = entries[0]
            calls = tuple(dict.fromkeys(where(repo, entry[0].event) for entry in entries))
            yield self.finding(
                message,
                spot,
                evidence=line_at(repo, spot),
                fix=fix,
                severity=severity,
                related=tuple(call for call in calls if call != spot),
                runs=tuple(sorted({entry[0].trace.run_id for entry in entries if entry[0].trace.run_id})),
            )

    def complaints(self, repo: Repo, load: Load) -> Iterator[tuple[str, Severity, str]]:
        name = text(load.id)
        if (
            name is None
            or is_path(name)
            or any(name == folder or name.startswith(f"{folder}/") for folder in repo.program.folders)
        ):
            return
        problem, verdict = id_problem(name), bare_name_verdict(name)
        suggestions = " or ".join(hub(repo).suggest(name))
        if problem:
            yield (
                f"{name!r} is no model id: it {problem}",
                weight(load),
                f"write the id as the hub shows it{': ' + suggestions if suggestions else ''}",
            )
        elif verdict is BareName.NOT_AN_ID:
            yield (
                f"{name!r} is no model id: it lacks its organisation",
                weight(load),
                f"name it in full: {suggestions}",
            )
        elif "/" not in name and verdict is BareName.UNKNOWN:
            yield (
                f"{name!r} has no organisation, and is none of the old names that have none",
                Severity.WARNING,
                "write the id as the hub shows it: organisation/name",
            )


class DAT006(_HubRule):
    """A gated or unknown id is loaded."""

    name = "gated-or-unknown-id"
    criterion = 3
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("hf-model-id", "hf-dataset-ref")
    doc = Doc(
        what=(
            "Models and datasets whose terms must be accepted with an account (warning), and ids that the hub table "
            "does not have (note)."
        ),
        why="Without HF_TOKEN of an account that accepted the terms, loading a gated repository ends with 401 or 403.",
        example="name: meta-llama/Llama-2-7b-chat-hf",
        instead="an open model of the same size, or a token that is known to be there",
    )

    def loads(self, repo: Repo) -> Iterable[Load]:
        for trace in repo.traces("main", "train", "evaluate"):
            yield from dataset_loads(trace)
            yield from model_loads(trace)

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[str, list[Load]] = {}
        for load in self.loads(repo):
            name = text(load.id)
            if name and not is_path(name) and not id_problem(name) and not own_files(load):
                found.setdefault(f"{'model' if load.owner else 'dataset'} {name}", []).append(load)
        for loads in found.values():
            name, first = text(loads[0].id) or "", loads[0]
            entry = hub(repo).model(name) if first.owner else hub(repo).dataset(name)
            spots = self.related(repo, loads)
            what = "model" if first.owner else "dataset"
            runs = tuple(sorted({load.trace.run_id for load in loads if load.trace.run_id}))
            if entry is not None and entry.gated:
                yield self.finding(
                    f"the {what} {name!r} is gated: it loads only with the token of an account that accepted its terms",
                    where(repo, first.event),
                    evidence=quote(repo, first.event),
                    fix="make sure that HF_TOKEN is set where this runs, or use an open one",
                    related=spots,
                    runs=runs,
                )
            elif entry is None and bare_name_verdict(name) is not BareName.NOT_AN_ID:
                yield self.finding(
                    f"the {what} {name!r} is not in the table of hub ids, so nothing is known of it",
                    where(repo, first.event),
                    evidence=quote(repo, first.event),
                    fix="check that it exists",
                    severity=Severity.NOTE,
                    related=spots,
                    runs=runs,
                )


class DAT007(Rule):
    """Downloads do not go to .cache/."""

    name = "download-outside-cache"
    criterion = 3
    severity = Severity.WARNING
    doc = Doc(
        what="`load_dataset` and `from_pretrained` without `cache_dir`, or with one other than .cache/.",
        why="The contract asks for .cache/ as the cache directory of all datasets and models.",
        example='AutoTokenizer.from_pretrained("roberta-base")',
        instead='AutoTokenizer.from_pretrained("roberta-base", cache_dir=".cache/")',
        limits="Setting HF_HOME in the code counts as well.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any("HF_HOME" in source.text for source in repo.sources.values()):
            return
        missing: dict[str, list[Load]] = {}
        for trace in repo.traces("main", "train", "evaluate"):
            for load in (*dataset_loads(trace), *model_loads(trace), *_downloads(trace)):
                name = text(load.id)
                if load.event.data["starred"] or (name and is_path(name)) or own_files(load):
                    continue
                value = load.event.data["keywords"].get("cache_dir")
                folder = path_text(value) if value is not None else None
                if (
                    value is None
                    or (isinstance(value, Const) and value.value is None)
                    or (folder is not None and (".cache" not in folder or folder.startswith("~")))
                ):
                    held = missing.setdefault(load.event.path, [])
                    if all(load.event.line != other.event.line for other in held):
                        held.append(load)
        for loads in missing.values():
            first = loads[0]
            given = first.event.data["keywords"].get("cache_dir")
            folder = path_text(given) if given is not None else None
            lines = ", ".join(str(load.event.line) for load in loads)
            yield self.finding(
                f"downloads go to {folder!r} instead of .cache/"
                if folder
                else f"downloads without cache_dir (lines {lines}) go to the home directory instead of .cache/",
                where(repo, first.event),
                evidence=quote(repo, first.event),
                fix='pass cache_dir=".cache/" to every load_dataset and from_pretrained',
            )


def _downloads(trace: Trace) -> Iterator[Load]:
    """Calls of huggingface_hub that download to its cache."""
    for event in trace.of("call"):
        name = str(event.data["name"])
        downloads = name in {"huggingface_hub.snapshot_download", "huggingface_hub.hf_hub_download"}
        if downloads and "local_dir" not in event.data["keywords"]:
            yield Load(trace, event, NONE)
