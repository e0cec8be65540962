"""Hub ids: models and datasets that exist, load, and have the config and split that is asked for (criterion 3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from windtunnel.findings import Finding, Place, Severity
from windtunnel.knowledge.hub import BareName, bare_name_verdict, id_problem
from windtunnel.rehearsal.values import constant
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.loaded import (
    BUILDERS,
    Load,
    config_places,
    dataset_loads,
    hub,
    in_other_runs,
    is_path,
    text,
    where,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from windtunnel.knowledge.hub import Dataset
    from windtunnel.repo import Repo

_SCRIPTS_REFUSED_ON = "2025-07-09"  # when datasets 4.0.0 was released
_SPLIT_NAME = re.compile(r"[A-Za-z_][\w.-]*")


class _HubRule(Rule):
    """A rule about what is loaded from the hub: the same load in several runs is one finding."""

    source = "table"

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int, str], list[tuple[Load, Severity, str]]] = {}
        for load in self.loads(repo):
            for message, severity, fix in self.complaints(repo, load):
                found.setdefault((load.event.path, load.event.line, message), []).append((load, severity, fix))
        for (_, _, message), entries in found.items():
            load, _, fix = entries[0]
            severity = min((entry[1] for entry in entries), key=lambda one: one.rank)
            yield self.finding(
                message,
                where(repo, load.event),
                evidence=quote(repo, load.event),
                fix=fix,
                severity=severity,
                related=self.related(repo, [entry[0] for entry in entries]),
                runs=tuple(sorted({entry[0].trace.run_id for entry in entries if entry[0].trace.run_id})),
                modes=tuple(sorted({entry[0].trace.mode for entry in entries if entry[0].trace.mode})),
            )

    def loads(self, repo: Repo) -> Iterable[Load]:
        """The loads it looks at."""
        for trace in repo.traces("main", "train", "evaluate"):
            for load in dataset_loads(trace):
                yield load
                yield from in_other_runs(repo, load)

    def complaints(self, repo: Repo, load: Load) -> Iterator[tuple[str, Severity, str]]:
        """What is wrong with a load: message, severity, fix."""
        raise NotImplementedError

    @staticmethod
    def related(repo: Repo, loads: list[Load]) -> tuple[Place, ...]:
        """The places of the id in the configuration."""
        found = [spot for load in loads for spot in config_places(repo, load.id, load.trace.run_id)]
        return tuple(dict.fromkeys(found))


def weight(load: Load) -> Severity:
    """A blocker where the load is certain to happen and nothing catches its failure."""
    return Severity.BLOCKER if load.event.certain and not load.event.guarded else Severity.WARNING


def _entry(repo: Repo, load: Load) -> Dataset | None:
    name = text(load.id)
    return hub(repo).dataset(name) if name and not is_path(name) and not own_files(load) else None


def own_files(load: Load) -> bool:
    """Whether ``load_dataset`` reads files of the submission's own, and no repository of the hub."""
    return bool({"data_files", "data_dir"} & load.event.data["keywords"].keys()) or text(load.id) in BUILDERS


def _config(load: Load) -> tuple[bool, str | None]:
    """(Known, the config name or None)."""
    value = load.argument(1, "name")
    if value is None:
        return not load.event.data["starred"], None
    known, plain = constant(value)
    return known and (plain is None or isinstance(plain, str)), plain if isinstance(plain, str) else None


class DAT001(_HubRule):
    """A dataset is loaded without the config name it requires."""

    name = "dataset-without-config"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("hf-dataset-ref",)
    doc = Doc(
        what=(
            "`load_dataset` of a dataset that has several configs and no default one (gsm8k, glue, winogrande, "
            "wikitext, ...) without a config."
        ),
        why="datasets raises 'Config name is missing. Please pick one among the available configs'.",
        example='load_dataset("gsm8k", split="train", cache_dir=".cache/")',
        instead='load_dataset("openai/gsm8k", "main", split="train", cache_dir=".cache/")',
        limits="Only datasets of the hub table; a config that is not known when the code is followed is left alone.",
    )

    def complaints(self, repo: Repo, load: Load) -> Iterator[tuple[str, Severity, str]]:
        entry = _entry(repo, load)
        known, config = _config(load)
        if entry is None or not entry.config_required or not known or config is not None:
            return
        shown = ", ".join(repr(one) for one in entry.configs[:6])
        yield (
            f"the dataset {text(load.id)!r} is loaded without a config name, and it has no default: {shown}",
            weight(load),
            f"name the config: load_dataset({entry.canonical!r}, {next(iter(entry.configs), '')!r}, ...)",
        )


class DAT002(_HubRule):
    """A dataset cannot be loaded."""

    name = "dataset-not-loadable"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("hf-dataset-ref", "dataset-schema")
    doc = Doc(
        what=(
            "`load_dataset` of an id that cannot exist, of one that only has a loading script (refused since "
            "datasets 4.0), of one that was taken down, or with a config it does not have."
        ),
        why="datasets raises before the first batch.",
        example='load_dataset("conll2003")',
        instead='load_dataset("lhoestq/conll2003")   # the same rows as Parquet files; check its columns',
        limits="Only datasets of the hub table. An id it does not have is a note (DAT006).",
    )

    def complaints(self, repo: Repo, load: Load) -> Iterator[tuple[str, Severity, str]]:
        name = text(load.id)
        if name is None or is_path(name) or own_files(load):
            return
        problem = id_problem(name)
        entry = _entry(repo, load)
        if problem:
            yield (
                f"{name!r} is no dataset id: it {problem}",
                weight(load),
                "write the id as the hub shows it: organisation/name",
            )
        elif entry is None:
            if bare_name_verdict(name) is BareName.NOT_AN_ID:
                suggestions = " or ".join(hub(repo).suggest(name))
                yield (
                    f"{name!r} is no dataset id: it lacks its organisation",
                    weight(load),
                    f"name it in full: {suggestions}",
                )
        elif entry.removed:
            yield (
                f"the dataset {name!r} cannot be had any more: {entry.removed}",
                weight(load),
                "use a dataset that is available",
            )
        elif entry.script_only_since and self._refused(repo):
            yield (
                (
                    f"the dataset {name!r} consists of a loading script, which datasets has refused since "
                    f"{entry.script_only_since}"
                ),
                weight(load),
                (
                    "load a copy that is stored as Parquet files (and has the same columns and class names), or "
                    "require datasets<4 with trust_remote_code=True"
                ),
            )
        else:
            known, config = _config(load)
            if known and config is not None and entry.all_configs and entry.configs and config not in entry.configs:
                shown = ", ".join(repr(one) for one in entry.configs[:8])
                yield (
                    f"the dataset {name!r} has no config {config!r}; it has {shown}",
                    weight(load),
                    "name one of its configs",
                )

    @staticmethod
    def _refused(repo: Repo) -> bool:
        """Whether the declared version of datasets may be one that refuses scripts."""
        if repo.as_of.isoformat() < _SCRIPTS_REFUSED_ON:
            return False
        try:
            return SpecifierSet(repo.requirements.get("datasets", "")).contains("4.3.0") or SpecifierSet(
                repo.requirements.get("datasets", "")
            ).contains("4.0.0")
        except InvalidSpecifier:
            return True


class DAT003(_HubRule):
    """A split is asked for that the dataset does not have."""

    name = "split-that-does-not-exist"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("hf-dataset-ref", "dataset-schema")
    doc = Doc(
        what="`split=` of `load_dataset`, or a key of its result, that is not among the splits of the dataset.",
        why="datasets raises 'Unknown split' (or KeyError).",
        example='load_dataset("openai/gsm8k", "main", split="validation")   # train and test only',
        instead='train_test_split of the split "train", or the split that exists',
        limits="Only datasets whose splits the hub table has.",
    )

    def complaints(self, repo: Repo, load: Load) -> Iterator[tuple[str, Severity, str]]:
        entry = _entry(repo, load)
        known, config = _config(load)
        splits = entry.splits(config) if entry is not None and known else None
        if entry is None or not splits:
            return
        for wanted in self._wanted(load):
            if wanted not in splits and wanted != "all":
                yield (
                    f"the dataset {text(load.id)!r} has no split {wanted!r}; it has {', '.join(map(repr, splits))}",
                    weight(load),
                    "ask for a split that exists, or make one with train_test_split",
                )

    @staticmethod
    def _wanted(load: Load) -> list[str]:
        value = load.event.data["keywords"].get("split")
        known, plain = constant(value) if value is not None else (False, None)
        names = [plain] if isinstance(plain, str) else plain if known and isinstance(plain, list | tuple) else []
        found = []
        for name in names:
            for part in str(name).split("+"):
                match = _SPLIT_NAME.match(part.strip())
                if match:
                    found.append(match.group(0))
        return found


class DAT004(Rule):
    """A split is taken from a DatasetDict that does not have it."""

    name = "key-that-is-no-split"
    criterion = 3
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("hf-dataset-ref", "dataset-schema")
    doc = Doc(
        what=(
            '`data["validation"]` where the loaded dataset (or train_test_split, which gives "train" and "test") '
            "has no such split."
        ),
        why="KeyError before training.",
        example='raw = load_dataset("openai/gsm8k", "main"); val = raw["validation"]',
        instead='halves = raw["train"].train_test_split(test_size=0.1, seed=42); val = halves["test"]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: dict[tuple[str, int, str], Finding] = {}
        for trace in repo.traces("main", "train", "evaluate"):
            for event in trace.of("split"):
                keys, wanted = event.data["receiver"].data.get("keys"), event.data["split"]
                if event.guarded or not isinstance(keys, tuple) or not isinstance(wanted, str) or wanted in keys:
                    continue
                key = event.data["key"]
                seen.setdefault(
                    (event.path, event.line, wanted),
                    self.finding(
                        f"there is no split {wanted!r}; there are {', '.join(map(repr, keys))}",
                        where(repo, event),
                        evidence=quote(repo, event),
                        fix="take a split that exists, or make one with train_test_split",
                        severity=Severity.BLOCKER if event.certain else Severity.WARNING,
                        related=config_places(repo, key, trace.run_id),
                        runs=tuple(run.run_id for run in repo.runs if run.run_id == trace.run_id),
                    ),
                )
        yield from seen.values()
