"""An audited verdict, for people and as JSON.

Sentences of a verdict and lines of a submission are shown with their control characters written out.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

from windtunnel.claims.ruling import Status
from windtunnel.report.quoting import one_line, said, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.claims.auditing import Audit, Audited
    from windtunnel.claims.ruling import Ruling

_COLOURS = {Status.CONFIRMED: "\x1b[1;31m", Status.REFUTED: "\x1b[1;32m", Status.UNDECIDABLE: "\x1b[1;35m"}
_PLAIN = "\x1b[0m"
_TOLD_UNNAMED = 10
_SENTENCE_CHARACTERS = 600


def render(audited: Audit, *, width: int = 80, colour: bool = False) -> str:
    """Return the report as text."""
    blocks = [_sentence(number, one, width, colour=colour) for number, one in enumerate(audited.sentences, start=1)]
    blocks += [list(_unnamed(audited, width)), list(_closing(audited, width))]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def summary(audited: Audit) -> str:
    """Return the audit in a line."""
    counts = audited.counts
    found = ", ".join(f"{counts.get(status, 0)} {status.value}" for status in Status)
    return f"{len(audited.sentences)} sentence{'s' * (len(audited.sentences) != 1)}: {found}"


def as_json(audited: Audit) -> str:
    """Return everything as JSON."""
    return json.dumps(_as_data(audited), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _as_data(audited: Audit) -> dict[str, Any]:
    return {
        "verdict": {"is_code_ready": audited.is_code_ready},
        "rules": {"outcome": audited.case.verdict.outcome},
        "counts": {status.value: audited.counts.get(status, 0) for status in Status},
        "sentences": [
            {
                "text": one.sentence.text,
                "status": one.status.value,
                "rulings": [
                    {
                        "kind": ruling.kind,
                        "status": ruling.status.value,
                        "reason": ruling.reason,
                        "places": [str(place) for place in ruling.places],
                        "evidence": ruling.evidence,
                        "rules": sorted({finding.code for finding in ruling.findings}),
                    }
                    for ruling in one.rulings
                ],
            }
            for one in audited.sentences
        ],
        "unnamed": [
            {"code": finding.code, "place": str(finding.place), "message": finding.message}
            for finding in audited.unnamed
        ],
    }


def _sentence(number: int, one: Audited, width: int, *, colour: bool) -> list[str]:
    text = shortened(said(one.sentence.text), _SENTENCE_CHARACTERS)
    lines = textwrap.wrap(f"{number}. {one.status.value}: {text}", width, subsequent_indent="   ")
    if colour:
        lines[0] = lines[0].replace(one.status.value, f"{_COLOURS[one.status]}{one.status.value}{_PLAIN}", 1)
    return [*lines, *(line for ruling in one.rulings for line in _ruling(ruling, width))]


def _ruling(ruling: Ruling, width: int) -> Iterator[str]:
    head = f"{ruling.kind}, {ruling.status.value}" if ruling.kind else ruling.status.value
    yield from textwrap.wrap(f"{head}: {said(ruling.reason)}", width, initial_indent="   ", subsequent_indent="     ")
    if ruling.evidence:
        yield "     > " + shortened(one_line(ruling.evidence), width - 7)


def _unnamed(audited: Audit, width: int) -> Iterator[str]:
    unnamed = audited.unnamed
    if not unnamed:
        return
    yield f"What the rules found to block and no sentence names ({len(unnamed)}):"
    for finding in unnamed[:_TOLD_UNNAMED]:
        line = f"- {finding.code} {said(str(finding.place))}: {said(finding.message)}"
        yield from textwrap.wrap(shortened(line, 400), width, subsequent_indent="  ")
    if len(unnamed) > _TOLD_UNNAMED:
        yield f"- and {len(unnamed) - _TOLD_UNNAMED} more"


def _closing(audited: Audit, width: int) -> Iterator[str]:
    words = {True: "ready", False: "not ready", None: "nothing"}
    yield from textwrap.wrap(
        f"the verdict says {words[audited.is_code_ready]}, the rules {audited.case.verdict.outcome}", width
    )
    yield from textwrap.wrap(summary(audited), width)
