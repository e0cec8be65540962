"""Labelled snapshots, the findings of the check on them, and which finding answers which label."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windtunnel.contract import RUN_FOLDERS
from windtunnel.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from windtunnel.findings import Finding

    Categories = Mapping[str, Sequence[str]]  # a rule's code -> the categories of labels that it answers

VERDICTS = ("right", "wrong", "unclear")


class CorpusError(Exception):
    """The labels, the judgements or the snapshots are not what they must be; its text says which and where."""


@dataclass(frozen=True)
class Label:
    """One labelled defect of a snapshot."""

    category: str
    file: str
    sentence: str = ""
    phase: str = ""
    statically_detectable: str = "yes"
    blocking: bool = True
    source: str = ""

    @property
    def static(self) -> bool:
        """Whether the files alone show it."""
        return self.statically_detectable == "yes"


@dataclass
class Snapshot:
    """A labelled snapshot and what the check said of it.

    Attributes:
        id: of the labels, and the folder's name.
        trained: whether its training ran to completion.
        labels: its defects.
        findings: of the check.
        failures: rules that failed on it, or why it could not be checked at all.
        seconds: the check took, in this process.
        again_seconds: a second check took.
    """

    id: str
    trained: bool
    labels: tuple[Label, ...]
    findings: tuple[Finding, ...] = ()
    failures: tuple[str, ...] = ()
    seconds: float = 0.0
    again_seconds: float = 0.0
    answers: dict[Label, tuple[list[Finding], list[Finding]]] = field(default_factory=dict)

    def match(self, categories: Categories) -> None:
        """Note for every label which findings answer it at its file, and which anywhere."""
        for label in self.labels:
            answering = [
                finding
                for finding in self.findings
                if label.category in categories.get(finding.code, ())
                and (not label.blocking or finding.severity is Severity.BLOCKER)
            ]
            self.answers[label] = ([f for f in answering if same_file(label.file) in files(f)], answering)

    def found(self, label: Label) -> bool:
        """Whether a finding answers the label at its file."""
        return bool(self.answers[label][0])

    def anywhere(self, label: Label) -> bool:
        """Whether a finding answers the label, at its file or at another."""
        return bool(self.answers[label][1])

    @property
    def blockers(self) -> list[Finding]:
        """The blockers among the findings."""
        return [finding for finding in self.findings if finding.severity is Severity.BLOCKER]

    @property
    def unlabelled(self) -> list[Finding]:
        """Blockers that answer no blocking label at its file."""
        answering = [finding for label in self.labels if label.blocking for finding in self.answers[label][0]]
        return [finding for finding in self.blockers if finding not in answering]


def same_file(path: str) -> str:
    """A path in the form in which two names of one file are equal."""
    first, *others = RUN_FOLDERS
    for folder in others:
        if path.startswith(folder + "/"):
            return first + path.removeprefix(folder)
    return path


def files(finding: Finding) -> set[str]:
    """The files that a finding names."""
    return {same_file(place.path) for place in (finding.place, *finding.related)}


def read_labels(path: Path) -> list[Snapshot]:
    """Read the labels.

    Raises:
        CorpusError: the file is not in the form that this module's docstring describes.
    """
    snapshots = []
    for number, entry in enumerate(_read_list(path)):
        where = f"{path}: snapshot {number}"
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            raise CorpusError(f"{where} has no id, a text; it is {str(entry)[:80]!r}")
        labels = []
        for place, defect in enumerate(entry.get("defects", ())):
            if not isinstance(defect, dict) or not {"category", "file"} <= set(defect):
                raise CorpusError(f"{where} ({entry['id']}), defect {place}: it has no category and file")
            labels.append(Label(**{key: defect[key] for key in Label.__dataclass_fields__ if key in defect}))
        snapshots.append(Snapshot(entry["id"], bool(entry.get("ready")), tuple(labels)))
    if not snapshots:
        raise CorpusError(f"{path} holds no snapshot")
    return snapshots


def read_judgements(path: Path) -> dict[tuple[Any, ...], str]:
    """Read what was decided about unlabelled blockers: snapshot, code, path and line -> verdict.

    Raises:
        CorpusError: the file is not in the form that this module's docstring describes.
    """
    judged = {}
    for number, entry in enumerate(_read_list(path)):
        keys = ("snapshot", "code", "path", "line")
        if not isinstance(entry, dict) or any(key not in entry for key in keys) or entry.get("verdict") not in VERDICTS:
            raise CorpusError(f"{path}: entry {number} needs {', '.join(keys)} and a verdict of {', '.join(VERDICTS)}")
        judged[tuple(entry[key] for key in keys)] = str(entry["verdict"])
    return judged


def _read_list(path: Path) -> list[Any]:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CorpusError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(told, list):
        raise CorpusError(f"{path} holds a {type(told).__name__}, and a list is wanted")
    return told
