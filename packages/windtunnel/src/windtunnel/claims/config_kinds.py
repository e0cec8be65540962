"""Claims about configuration: keys that are not there, and whether it composes at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from windtunnel.claims.kind import Kind, has_in_common, told
from windtunnel.rules.dependencies import imported_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windtunnel.claims.case import Case
    from windtunnel.claims.ruling import Ruling
    from windtunnel.claims.sentences import Sentence
    from windtunnel.findings import Finding, Place

_ROOTS = ("cfg.run.", "config.run.", "cfg.", "config.", "conf.", "run.", "run_cfg.")
_READING = ("CFG001", "CFG002", "CFG003", "PRC003")


def _missing_key(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    keys = list(dict.fromkeys(key for name in sentence.names if (key := _key(name, sentence, case))))
    if not keys:
        return None
    for key in keys:
        found = [finding for finding in case.findings(_READING) if _is_about(finding, key)]
        if found:
            return kind.confirmed(told(found), found)
    misplaced = case.findings(("CFG003", "HYD"))
    if misplaced:
        return kind.undecidable(f"{misplaced[0].code} has the configuration elsewhere, at {misplaced[0].place}")
    places: list[Place] = []
    for key in keys:
        there = [case.repo.config_place(key, run.run_id) for run in case.repo.runs] or [case.repo.config_place(key)]
        lacking = there.count(None)
        places += [place for place in there if place is not None]
        if lacking and case.silent(("CFG002",)):
            return kind.undecidable("CFG002 could not follow the configuration through the code")
        if lacking and case.repo.unrehearsed_runs:
            return kind.undecidable(f"{key} is not set everywhere, and not every run was followed through the code")
        if lacking == len(there):
            return kind.undecidable(f"{key} is set nowhere, and no run reads it without a default (CFG002)")
    where = "in every run's configuration" if case.repo.runs else "in config/config.yaml"
    return kind.refuted(f"{', '.join(keys)}: set {where}, or not read without a default", dict.fromkeys(places))


def _is_about(finding: Finding, key: str) -> bool:
    """Whether a finding names a key, or the section that it is in where it names sections."""
    quoted = set(re.findall(r"'([^']+)'", finding.message))
    if finding.code != "CFG003" and (key in quoted or any(one.endswith(f".{key}") for one in quoted)):
        return True
    read = set(re.findall(r"'([^']+)'", finding.message.partition(" read ")[0]))
    return finding.code == "CFG003" and key.partition(".")[0] in read


def _composition(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    found = case.findings(("HYD", "CFG001", "CFG003"))
    about = [one for one in found if one.code in {"HYD001", "CFG001"} or has_in_common(one, sentence)]
    if about:
        return kind.confirmed(told(about), about)
    if found:
        return kind.undecidable(f"something else is wrong with it: {told(found)}")
    silent = case.silent(("HYD", "CFG001", "CFG003"))
    if silent:
        return kind.undecidable(f"{', '.join(silent[:3])} could not come to an end")
    runs = len(case.repo.rehearsed_runs)
    if not runs:
        return kind.undecidable("there is no run configuration to compose")
    return kind.refuted(
        f"the configuration of every entry point composes for the contract's command lines, with {runs} run "
        "configurations in both modes (HYD, CFG001)"
    )


def _key(name: str, sentence: Sentence, case: Case) -> str:
    """The configuration key that a name in code stands for, "" if it stands for none."""
    if f"{name}(" in sentence.text:
        return ""
    for root in _ROOTS:
        if name.startswith(root):
            return name.removeprefix(root)
    top = name.partition(".")[0]
    imported = {known for source in case.repo.sources.values() for known in imported_names(source)}
    if top in imported and name not in {str(".".join(map(str, keys))) for keys in _places(case)}:
        return ""
    sections = {str(keys[0]) for keys in _places(case) if keys}
    return name if "." in name and top in sections else ""


def _places(case: Case) -> Iterable[tuple[Any, ...]]:
    return (keys for document in case.repo.documents.values() for keys in document.places)


CONFIG_KINDS = (
    Kind("missing-config-key", "the composed configuration of every run, CFG001, CFG002, CFG003, PRC003", _missing_key),
    Kind("composition", "Hydra's own composition of the configuration, HYD, CFG001, CFG003", _composition),
)
