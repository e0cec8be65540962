"""What has to be done before the code is ready, as plain text for people and for a model that repairs the code.

Blockers are numbered in the order in which they would stop the experiment, and under each stage those of one file stand
together. The text is bounded: of very many blockers the first ones are told and the rest counted.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING

from windtunnel.contract import CRITERIA
from windtunnel.findings import Severity
from windtunnel.report.quoting import listed, one_line, said, shortened
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windtunnel.findings import Finding
    from windtunnel.verdict import Doubt, Verdict

_TOLD_BLOCKERS = 60
_TOLD_WARNINGS = 10
_EVIDENCE_CHARACTERS = 300

_HEADINGS = {
    Stage.INSTALL: "It does not install, or is not the repository that was asked for:",
    Stage.PARSE: "A file cannot be parsed:",
    Stage.CONFIG: "The configuration does not reach the code:",
    Stage.IMPORT: "A module cannot be imported:",
    Stage.TRIAL: "The trial stops or proves nothing:",
    Stage.FULL: "The full run stops or its result is worthless:",
    Stage.EVALUATION: "The evaluation stops or its result is worthless:",
}


def code_issue(verdict: Verdict) -> str:
    """Return the text for a verdict; "" if it is ready."""
    if verdict.outcome == "ready":
        return ""
    if verdict.outcome == "not ready":
        return "\n".join(_not_ready(verdict))
    return "\n".join(_undecided(verdict))


def _not_ready(verdict: Verdict) -> Iterable[str]:
    blockers = verdict.of(Severity.BLOCKER)
    told = blockers[:_TOLD_BLOCKERS]
    yield f"Not ready: {_count(len(blockers), 'blocker')}, in the order in which they stop the experiment."
    number = 0
    for stage, findings in groupby(told, key=lambda finding: finding.stops_at):
        yield ""
        yield _HEADINGS[stage]
        for finding in findings:
            number += 1
            yield from _item(f"{number}. ", finding)
    rest = Counter(finding.code for finding in blockers[_TOLD_BLOCKERS:])
    if rest:
        codes = ", ".join(f"{code} ({n})" for code, n in sorted(rest.items()))
        yield ""
        yield f"And {_count(sum(rest.values()), 'blocker')} more: {codes}."
    undecided = verdict.of(Severity.UNDECIDED)
    if undecided or verdict.doubts:
        yield ""
        yield "Not decided:"
        for finding in undecided[:_TOLD_WARNINGS]:
            yield from _item("- ", finding)
        yield from _doubts(verdict.doubts)
    yield from _warnings(verdict)


def _undecided(verdict: Verdict) -> Iterable[str]:
    undecided = verdict.of(Severity.UNDECIDED)
    total = len(undecided) + len(verdict.doubts)
    yield f"Undecided: no blocker was found, but {_count(total, 'question')} could not be answered."
    yield ""
    for number, finding in enumerate(undecided[:_TOLD_BLOCKERS], start=1):
        yield from _item(f"{number}. ", finding)
    yield from _doubts(verdict.doubts)
    yield from _warnings(verdict)


def _warnings(verdict: Verdict) -> Iterable[str]:
    warnings = verdict.of(Severity.WARNING)
    if not warnings:
        return
    yield ""
    yield "Warnings, which do not stop it:"
    for finding in warnings[:_TOLD_WARNINGS]:
        yield f"- {said(str(finding.place))}: {said(finding.message)} ({finding.code})"
    if len(warnings) > _TOLD_WARNINGS:
        yield f"- and {len(warnings) - _TOLD_WARNINGS} more"


def _doubts(doubts: Iterable[Doubt]) -> Iterable[str]:
    for doubt in doubts:
        yield f"- {said(doubt.message)}"
        yield f"  Do: {said(doubt.fix)}"


def _item(bullet: str, finding: Finding) -> Iterable[str]:
    indent = " " * len(bullet)
    yield f"{bullet}{said(str(finding.place))}: {said(finding.message)}"
    if finding.evidence:
        yield f"{indent}Evidence: {shortened(one_line(finding.evidence), _EVIDENCE_CHARACTERS)}"
    if finding.fix:
        yield f"{indent}Fix: {said(finding.fix)}"
    if finding.related:
        yield f"{indent}See also: {listed(str(place) for place in finding.related)}"
    if finding.runs:
        yield f"{indent}Runs: {listed(finding.runs)}"
    if len(finding.modes) == 1:
        yield f"{indent}Only with mode={said(finding.modes[0])}"
    criterion = CRITERIA.get(finding.criterion)
    title = f" ({criterion.title})" if criterion else ""
    yield f"{indent}Rule: {finding.code}, criterion {finding.criterion}{title}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
