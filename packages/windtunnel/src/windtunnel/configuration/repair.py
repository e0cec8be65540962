"""Compose, and where that fails mend one thing after another, so that what comes after the first mistake is seen too.

Each mistake is kept with Hydra's words and with what was done about it. A mended configuration is a guess: the rules
know.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from windtunnel.configuration.compose import UNSPECIFIED, Composition, Entry, compose, is_version_base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omegaconf import DictConfig

    from windtunnel.configuration.copies import Original
    from windtunnel.reading.config_yaml import Document

_ATTEMPTS = 8
_OVERRIDE = re.compile(r"^[+~]{0,2}([\w./@-]+)=")


@dataclass(frozen=True)
class Mistake:
    """One thing that kept a configuration from composing.

    Attributes:
        what: "config name", "config folder", "run group", "hydra key", "override", "defaults", "run replaced", "group
            ignored" or "other".
        error: Hydra's words, or ours where Hydra is silent.
        subject: the override, key or group it is about.
    """

    what: str
    error: str
    subject: str = ""


@dataclass(frozen=True)
class Mended:
    """A composition that perhaps had to be mended.

    Attributes:
        composition: the last attempt; its config is a guess where there were mistakes.
        mistakes: what was mended, in order.
    """

    composition: Composition
    mistakes: tuple[Mistake, ...]


def compose_mended(
    documents: Mapping[str, Document],
    entry: Entry,
    overrides: Sequence[str],
    section: Original[DictConfig] | None = None,
) -> Mended:
    """Compose for one command line, mending until it works or nothing more can be done."""
    mistakes: list[Mistake] = []
    tried: set[str] = set()
    if not is_version_base(entry.version_base):
        error = f"version_base={entry.version_base!r} is not a version that Hydra understands"
        mistakes.append(Mistake("other", error, str(entry.version_base)))
        entry = replace(entry, version_base=UNSPECIFIED)
    documents, remaining = dict(documents), list(overrides)
    result = compose(documents, entry, remaining, section)
    for _ in range(_ATTEMPTS):
        if result.config is not None:
            break
        step = _mend(documents, entry, remaining, result, tried)
        if step is None:
            mistakes.append(Mistake("other", result.error))
            break
        mistake, documents, entry, remaining = step
        tried.add(mistake.what + mistake.subject)
        mistakes.append(mistake)
        result = compose(documents, entry, remaining, section)
    else:
        mistakes.append(Mistake("other", result.error))
    if result.config is not None:
        replaced = _run_replaced(documents, entry, remaining, result, section)
        if replaced is not None:
            mistake, result = replaced
            mistakes.append(mistake)
    return Mended(result, tuple(mistakes))


Step = tuple[Mistake, dict[str, "Document"], Entry, list[str]]


def _mend(
    documents: dict[str, Document], entry: Entry, overrides: list[str], result: Composition, tried: set[str]
) -> Step | None:
    error = result.error
    if entry.name is None:
        return (
            Mistake("config name", "@hydra.main has no config_name, so nothing is loaded"),
            documents,
            replace(entry, name="config"),
            overrides,
        )
    if "Primary config directory not found" in error or (
        "Cannot find primary config" in error and entry.folder != "config"
    ):
        if "config/config.yaml" in documents and "config folder" not in tried:
            return (
                Mistake("config folder", error, ""),
                documents,
                replace(entry, folder="config", name="config"),
                overrides,
            )
        return None
    run = _value(overrides, "run")
    if run is not None and "run group" not in tried and _group_confused(documents, entry, run, error):
        return Mistake("run group", error, ""), _aliased(documents), entry, overrides
    culprit = next(
        (override for override in overrides if _blamed(override, error) and f"override{override}" not in tried), None
    )
    if culprit is not None:
        return (
            Mistake("override", error, culprit),
            documents,
            entry,
            [override for override in overrides if override != culprit],
        )
    hydra = re.search(r"full_key: (hydra\.[\w.]+)", error)
    main = _main(documents, entry)
    if main is not None and hydra and "hydra" in main.value and f"hydra key{hydra.group(1)}" not in tried:
        changed = _without(documents, entry, ("hydra",))
        return Mistake("hydra key", error, hydra.group(1)), changed, entry, overrides
    if main is not None and "defaults" in main.value and "defaults" not in tried:
        return Mistake("defaults", error), _without(documents, entry, ("defaults",), run=run), entry, overrides
    return None


def _group_confused(documents: Mapping[str, Document], entry: Entry, run: str, error: str) -> bool:
    """Whether the defaults list names one of config/run and config/runs while the file lies in the other."""
    folder = entry.folder or "config"
    for group, other in (("run", "runs"), ("runs", "run")):
        here = posixpath.join(folder, group, f"{run}.yaml") in documents
        there = posixpath.join(folder, other, f"{run}.yaml") in documents
        if there and not here and re.search(rf"\b{group}\b", error) and not re.search(rf"\b{other}\b", error):
            return True
    return False


def _aliased(documents: Mapping[str, Document]) -> dict[str, Document]:
    found = dict(documents)
    for path, document in documents.items():
        for group, other in (("/run/", "/runs/"), ("/runs/", "/run/")):
            if group in path:
                found.setdefault(path.replace(group, other, 1), document)
    return found


def _blamed(override: str, error: str) -> bool:
    match = _OVERRIDE.match(override)
    key = match.group(1) if match else override
    if override.startswith("run="):
        return "Could not override 'run'" in error
    return f"'{key}'" in error or override in error


def _value(overrides: Sequence[str], key: str) -> str | None:
    return next((override.split("=", 1)[1] for override in overrides if override.startswith(f"{key}=")), None)


def _main(documents: Mapping[str, Document], entry: Entry) -> Document | None:
    name = (entry.name or "").removesuffix(".yaml")
    document = documents.get(posixpath.normpath(posixpath.join(entry.folder or "", f"{name}.yaml")))
    return document if document is not None and isinstance(document.value, dict) else None


def _without(
    documents: dict[str, Document], entry: Entry, keys: tuple[str, ...], run: str | None = None
) -> dict[str, Document]:
    """The documents with top-level keys of the main configuration left out."""
    name = (entry.name or "").removesuffix(".yaml")
    path = posixpath.normpath(posixpath.join(entry.folder or "", f"{name}.yaml"))
    document = documents[path]
    value: dict[Any, Any] = {key: item for key, item in document.value.items() if key not in keys}
    if run is not None:
        # the defaults list wanted the run's file; the root is where the contract has it
        found = next(
            (
                documents[path]
                for path in (f"{entry.folder}/{group}/{run}.yaml" for group in ("run", "runs"))
                if path in documents
            ),
            None,
        )
        if found is not None and isinstance(found.value, dict):
            value = _over(value, found.value)
        value["run"] = run
    return documents | {path: replace(document, value=value)}


def _over(base: dict[Any, Any], other: dict[Any, Any]) -> dict[Any, Any]:
    """``base`` with ``other`` merged into it."""
    made = dict(base)
    for key, item in other.items():
        ours = made.get(key)
        made[key] = _over(ours, item) if isinstance(ours, dict) and isinstance(item, dict) else item
    return made


def _run_replaced(
    documents: Mapping[str, Document],
    entry: Entry,
    overrides: Sequence[str],
    result: Composition,
    section: Original[DictConfig] | None,
) -> tuple[Mistake, Composition] | None:
    """``run=<id>`` overwrote a section that the defaults list filled under another group name (``runs@run: ...``)."""
    main = _main(documents, entry)
    run = _value(overrides, "run")
    if main is None or run is None or result.config is None:
        return None
    for item in main.value.get("defaults") or []:
        key = next(iter(item), "") if isinstance(item, dict) and len(item) == 1 else ""
        group, _, package = str(key).partition("@")
        if package == "run" and group != "run":
            choice = [override for override in overrides if not override.startswith("run=")] + [f"{group}@run={run}"]
            mended = compose(documents, entry, choice, section)
            error = f"run={run} replaces the section 'run' by a string: the group is called '{group}', not 'run'"
            return Mistake("run replaced", error, key), mended if mended.config is not None else result
    return None
