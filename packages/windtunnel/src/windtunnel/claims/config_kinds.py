"""Claims about configuration: keys that are not there, and whether it composes at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from windtunnel.claims.kind import Kind, told

if TYPE_CHECKING:
    from windtunnel.claims.case import Case
    from windtunnel.claims.ruling import Ruling
    from windtunnel.claims.sentences import Sentence
    from windtunnel.findings import Place

_ROOTS = ("cfg.run.", "config.run.", "cfg.", "config.", "conf.", "run.", "run_cfg.")
_READING = ("CFG001", "CFG002", "CFG003", "HYD")


def _missing_key(kind: Kind, sentence: Sentence, case: Case) -> Ruling | None:
    keys = [key for name in sentence.names if (key := _key(name, case))]
    if not keys:
        return None
    for key in keys:
        found = [
            finding
            for finding in case.findings(_READING)
            if re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", f"{finding.message} {finding.evidence}")
        ]
        if found:
            return kind.confirmed(told(found), found)
    key = keys[0]
    places = [case.repo.config_place(key, run.run_id) for run in case.repo.runs] or [case.repo.config_place(key)]
    there: list[Place] = [place for place in places if place is not None]
    if len(there) == len(places):
        where = "in every run's configuration" if case.repo.runs else "in config/config.yaml"
        return kind.refuted(f"{key} is set {where}", dict.fromkeys(there))
    silent = case.silent(("CFG002",))
    if silent:
        return kind.undecidable("CFG002 could not follow the configuration through the code")
    if case.repo.unrehearsed_runs:
        return kind.undecidable(f"{key} is not set everywhere, and not every run was followed through the code")
    return kind.refuted(f"no run that lacks {key} reads it without a default (CFG002 followed all of them)", there)


def _composition(kind: Kind, _: Sentence, case: Case) -> Ruling | None:
    found = case.findings(("HYD", "CFG001", "CFG003"))
    if found:
        return kind.confirmed(told(found), found)
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


def _key(name: str, case: Case) -> str:
    """The configuration key that a name in code stands for, "" if it stands for none."""
    for root in _ROOTS:
        if name.startswith(root):
            return name.removeprefix(root)
    top = name.partition(".")[0]
    documents = case.repo.documents.values()
    sections = {str(keys[0]) for document in documents for keys in document.places if keys}
    return name if "." in name and top in sections else ""


CONFIG_KINDS = (
    Kind(
        "missing-config-key",
        "the composed configuration of every run, CFG001, CFG002, CFG003",
        r"\b(keys?|cfg|config\w*|parameters?|fields?|sections?|settings?)\b.*\b(missing|absent|undefined|not\s+(defined|"
        r"present|set|provided|found|in)|(does|do)\s+not\s+exist|lacks?|never\s+defined)\b|"
        r"\b(missing|absent|undefined|no|lacks?)\b.*\b(keys?|cfg\.|config)\b",
        _missing_key,
    ),
    Kind(
        "composition",
        "Hydra's own composition of the configuration, HYD, CFG001, CFG003",
        r"\bdefaults\s+list\b|\bconfig(uration)?\s+groups?\b|\bconfig_(path|name)\b|\bstruct(-|\s)?(mode|locked)?\b[^.;]*\b("
        r"config|key|merge)|\bOmegaConf\.merge\b|\bhydra\b[^.;]*\b(compos|overrid|fail|error|cannot)\w*",
        _composition,
    ),
)
