"""What an earlier round of the judge said, and where this round takes it back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.errors import UsageError
from windtunnel.findings import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from windtunnel.claims import Case
    from windtunnel.findings import Finding

MOST_TOLD = 12  # earlier claims of one question


@dataclass(frozen=True)
class Said:
    """A claim of an earlier round."""

    code: str
    path: str
    quote: str
    statement: str


@dataclass(frozen=True)
class Reversal:
    """An earlier round and this one say the opposite of the same line.

    Attributes:
        code: of the question.
        place: the line, as it stands now.
        what: what was said, and what is said.
    """

    code: str
    place: Place
    what: str


@dataclass(frozen=True)
class Earlier:
    """An earlier round.

    Attributes:
        said: its claims.
        asked: the questions that were answered then.
        digests: of its files, by path.
    """

    said: tuple[Said, ...] = ()
    asked: frozenset[str] = frozenset()
    digests: Mapping[str, str] | None = None

    def told(self, code: str) -> list[str]:
        """Its claims in answer to a question, for a prompt."""
        own = [one for one in self.said if one.code == code]
        return [f"{one.path}: {one.statement} (of the line `{one.quote}`)" for one in own[:MOST_TOLD]]


def read_earlier(path: Path) -> Earlier:
    """Read a verdict in JSON that a judge took part in.

    Raises:
        UsageError: it cannot be read, or no judge took part in it.
    """
    try:
        judge = json.loads(path.read_text(encoding="utf-8"))["judge"]
        said = tuple(Said(one["code"], one["path"], one["quote"], one["statement"]) for one in judge["claims"])
        return Earlier(said, frozenset(judge["answered"]), dict(judge["files"]))
    except OSError as error:
        raise UsageError(f"--previous {path} cannot be read: {error.strerror}; give a verdict") from error
    except (ValueError, LookupError, TypeError) as error:
        raise UsageError(
            f"--previous {path} is no verdict in JSON of a review with --judge ({type(error).__name__}: {error})"[:300]
        ) from error


def reversals(earlier: Earlier, findings: Iterable[Finding], answered: frozenset[str], case: Case) -> list[Reversal]:
    """Where a claim is gone although its line is unchanged, or is new in a file that is unchanged.

    Args:
        earlier: the earlier round.
        findings: the claims of this one, as findings.
        answered: the questions that were answered now.
        case: the submission.
    """
    now = list(findings)
    found: list[Reversal] = []
    for one in earlier.said:
        line = _line_of(one, case)
        if line and one.code in answered and not any(
            finding.code == one.code and finding.place.path == one.path and _even(finding.evidence) == _even(one.quote)
            for finding in now
        ):  # fmt: skip
            found.append(
                Reversal(
                    one.code,
                    Place(one.path, line),
                    f"claimed before and not now, of an unchanged line: {one.statement}",
                )
            )
    same = {path for path, digest in digests(case).items() if (earlier.digests or {}).get(path) == digest}
    for finding in now:
        before = [one for one in earlier.said if one.code == finding.code and one.path == finding.place.path]
        if (
            finding.code in earlier.asked
            and finding.place.path in same
            and not any(_even(one.quote) == _even(finding.evidence) for one in before)
        ):
            found.append(
                Reversal(
                    finding.code, finding.place, f"claimed now and not before, of an unchanged file: {finding.message}"
                )
            )
    return found


def digests(case: Case) -> dict[str, str]:
    """A digest of every file and run configuration, by path."""
    texts: dict[str, Any] = {path: case.repo.submission.text(path) or "" for path in case.files}
    texts |= {run.path: run.text for run in case.repo.runs}
    return {path: hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest() for path, text in texts.items()}


def _line_of(one: Said, case: Case) -> int:
    text = case.repo.submission.text(one.path)
    if text is None:
        text = next((run.text for run in case.repo.runs if run.path == one.path), "")
    wanted = _even(one.quote)
    return next((number for number, line in enumerate(text.split("\n"), start=1) if _even(line) == wanted), 0)


def _even(text: str) -> str:
    return " ".join(text.split())
