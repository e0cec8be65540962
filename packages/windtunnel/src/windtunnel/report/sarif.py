"""The verdict of a check for code scanners: SARIF 2.1.0 (OASIS standard with errata 01).

A blocker is an error, a warning a warning, a note a note. A question that could not be decided is a result of the kind
"open", which the standard has for it; such results carry no level. Ignored findings are suppressed results with their
reason, and rules that failed or were skipped are notifications of the one invocation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from windtunnel import __version__
from windtunnel.contract import CRITERIA
from windtunnel.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from windtunnel.findings import Finding, Place
    from windtunnel.rules.base import Outcome, Rule
    from windtunnel.verdict import Verdict

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {
    Severity.BLOCKER: "error",
    Severity.UNDECIDED: "none",
    Severity.WARNING: "warning",
    Severity.NOTE: "note",
}


def render(verdict: Verdict) -> str:
    """Return the log as text that ends with a line feed."""
    return json.dumps(log(verdict), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def log(verdict: Verdict) -> dict[str, Any]:
    """Return the log with its one run."""
    rules = [outcome.rule for outcome in verdict.outcomes]
    indices = {rule.code(): index for index, rule in enumerate(rules)}
    results = [_result(finding, indices) for finding in verdict.findings]
    for ignored in verdict.ignored:
        suppression = {"kind": "external", "status": "accepted", "justification": ignored.reason}
        results.append({**_result(ignored.finding, indices), "suppressions": [suppression]})
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "windtunnel",
                        "version": __version__,
                        "rules": [_descriptor(rule) for rule in rules],
                    }
                },
                "invocations": [_invocation(verdict)],
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"SUBMISSION": {"description": {"text": "the repository under review"}}},
                "results": results,
                "properties": {
                    "asOf": verdict.as_of.isoformat(),
                    "outcome": verdict.outcome,
                    "digest": verdict.submission.digest,
                },
            }
        ],
    }


def _descriptor(rule: type[Rule]) -> dict[str, Any]:
    criterion = CRITERIA[rule.criterion]
    doc = rule.doc
    return {
        "id": rule.code(),
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.title() + "."},
        "fullDescription": {"text": f"{doc.what.strip()} {doc.why.strip()}"},
        "help": {"text": f"Flagged:\n{doc.example.strip()}\n\nRight:\n{doc.instead.strip()}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "criterion": criterion.number,
            "criterionTitle": criterion.title,
            "stage": rule.stops_at().value,
        },
    }


def _result(finding: Finding, indices: dict[str, int]) -> dict[str, Any]:
    message = finding.message + (f" Fix: {finding.fix}" if finding.fix else "")
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "kind": "open" if finding.severity is Severity.UNDECIDED else "fail",
        "level": _LEVELS[finding.severity],
        "message": {"text": message},
        "locations": [{"physicalLocation": _location(finding.place, finding.evidence)}] if finding.place.path else [],
        "relatedLocations": [
            {"id": number, "physicalLocation": _location(place)}
            for number, place in enumerate((place for place in finding.related if place.path), start=1)
        ],
        "properties": {
            "criterion": finding.criterion,
            "severity": finding.severity.value,
            "stage": finding.stops_at.value,
            "source": finding.source,
            "runs": list(finding.runs),
            "modes": list(finding.modes),
        },
    }
    if finding.code in indices:
        result["ruleIndex"] = indices[finding.code]
    return result


def _location(place: Place, evidence: str = "") -> dict[str, Any]:
    uri = quote(place.path.encode(errors="backslashreplace"))
    location: dict[str, Any] = {"artifactLocation": {"uri": uri, "uriBaseId": "SUBMISSION"}}
    if place.line:
        location["region"] = {"startLine": place.line}
        if place.column:
            location["region"]["startColumn"] = place.column
        if evidence:
            location["region"]["snippet"] = {"text": evidence}
    return location


def _invocation(verdict: Verdict) -> dict[str, Any]:
    return {
        "executionSuccessful": not any(outcome.error or outcome.out_of_time for outcome in verdict.outcomes),
        "exitCode": verdict.exit_code,
        "exitCodeDescription": verdict.outcome,
        "toolExecutionNotifications": list(_notifications(verdict.outcomes)),
    }


def _notifications(outcomes: tuple[Outcome, ...]) -> Iterator[dict[str, Any]]:
    for index, outcome in enumerate(outcomes):
        code = outcome.rule.code()
        if outcome.error:
            level, text = "error", f"{code} failed: {outcome.error}"
        elif outcome.out_of_time:
            level, text = "error", f"no time was left for {code}"
        elif outcome.skipped:
            level, text = "note", f"{code} was skipped: {outcome.skipped}"
        else:
            continue
        yield {"level": level, "message": {"text": text}, "associatedRule": {"id": code, "index": index}}
