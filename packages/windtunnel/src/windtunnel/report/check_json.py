"""The verdict of a check for programs: everything in one JSON document, or the two fields of the review rubric.

``check.schema.json`` beside this module describes the document. The same submission, options and version give the same
bytes of a check: there is no time in it and no path but the one that was given. Of a flight there are times.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from windtunnel import __version__
from windtunnel.findings import Severity

if TYPE_CHECKING:
    from typing import Any

    from windtunnel.evidence import Flight
    from windtunnel.findings import Finding, Place
    from windtunnel.reader.reading import Reading
    from windtunnel.verdict import Verdict

SCHEMA_VERSION = 1


def render(verdict: Verdict) -> str:
    """Return the document as text that ends with a line feed."""
    return _dump(document(verdict))


def render_rubric(verdict: Verdict) -> str:
    """Return the two fields of the review rubric as text that ends with a line feed."""
    return _dump(verdict.as_rubric_json())


def document(verdict: Verdict) -> dict[str, Any]:
    """Return everything that is known of the verdict."""
    submission = verdict.submission
    return {
        "schema_version": SCHEMA_VERSION,
        "tool": {"name": "windtunnel", "version": __version__},
        "as_of": verdict.as_of.isoformat(),
        "submission": {"origin": submission.origin, "kind": submission.kind, "digest": submission.digest},
        "selection": list(verdict.selection),
        **verdict.as_rubric_json(),
        "outcome": verdict.outcome,
        "findings": [finding_record(finding) for finding in verdict.findings],
        "ignored": [
            {"finding": finding_record(ignored.finding), "reason": ignored.reason} for ignored in verdict.ignored
        ],
        "rules": {
            "run": [
                {"code": outcome.rule.code(), "findings": len(outcome.findings) + outcome.dropped}
                for outcome in verdict.outcomes
                if outcome.complete
            ],
            "skipped": [
                {"code": outcome.rule.code(), "reason": outcome.skipped or "time budget"}
                for outcome in verdict.outcomes
                if outcome.skipped or outcome.out_of_time
            ],
            "errors": [
                {"code": outcome.rule.code(), "error": outcome.error} for outcome in verdict.outcomes if outcome.error
            ],
            "left_out": [
                {"code": outcome.rule.code(), "findings": outcome.dropped}
                for outcome in verdict.outcomes
                if outcome.dropped
            ],
        },
        **({"flights": [flight_record(flight) for flight in verdict.flights]} if verdict.flights else {}),
        **({"judge": judge_record(verdict.reading)} if verdict.reading is not None else {}),
    }


def judge_record(reading: Reading) -> dict[str, Any]:
    """Return what a language model said as JSON values: the claims that count, those that do not, and why."""
    return {
        "model": reading.model,
        "votes": reading.votes,
        "answered": sorted(reading.answered),
        "open": dict(sorted(reading.open.items())),
        "claims": [
            {
                "code": finding.code,
                "path": finding.place.path,
                "line": finding.place.line,
                "quote": finding.evidence,
                "statement": finding.message,
                "blocks": finding.severity is Severity.BLOCKER,
            }
            for finding in reading.findings
        ],
        "dropped": [
            {
                "code": dropped.code,
                "path": dropped.claim.path,
                "line": dropped.claim.line,
                "quote": dropped.claim.quote,
                "statement": dropped.claim.statement,
                "reason": dropped.reason,
                "found_already": dropped.confirmed,
            }
            for dropped in reading.dropped
        ],
        "reversals": [{"code": one.code, **_place_record(one.place), "what": one.what} for one in reading.reversals],
        "files": dict(sorted(reading.files.items())),
        "tokens": reading.tokens,
        "cost": reading.cost,
    }


def flight_record(flight: Flight) -> dict[str, Any]:
    """Return what a flight did as JSON values: how each command ended, and what the flight could not show."""
    return {
        "mode": flight.mode,
        "environment": flight.environment,
        "sandbox": flight.sandbox,
        "commands": [
            {
                "name": command.name,
                "status": command.status,
                "reason": command.reason,
                "seconds": command.seconds,
                "peak_memory_bytes": command.peak_memory_bytes,
            }
            for command in flight.commands
        ],
        "recorded_runs": len(flight.runs),
        "troubles": [trouble.message for trouble in flight.troubles],
        "notes": list(flight.notes),
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON values."""
    return {
        "code": finding.code,
        "criterion": finding.criterion,
        "severity": finding.severity.value,
        "stage": finding.stops_at.value,
        "message": finding.message,
        **_place_record(finding.place),
        "evidence": finding.evidence,
        "fix": finding.fix,
        "source": finding.source,
        "related": [_place_record(place) for place in finding.related],
        "runs": list(finding.runs),
        "modes": list(finding.modes),
    }


def _place_record(place: Place) -> dict[str, Any]:
    return {"path": place.path, "line": place.line, "column": place.column}


def _dump(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
