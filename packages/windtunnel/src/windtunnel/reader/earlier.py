"""What an earlier round of the judge said, and where this round takes it back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from windtunnel.errors import UsageError
from windtunnel.findings import Place
from windtunnel.reader.holding import even
from windtunnel.reading.addressed import addressed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from windtunnel.claims import Case
    from windtunnel.findings import Finding

MOST_TOLD = 12  # earlier claims of one question
MOST_TOLD_OF = 300  # of each


class Said(BaseModel):
    """A claim of an earlier round."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    code: str = Field(max_length=20)
    path: str = Field(max_length=300)
    quote: str = Field(pattern=r"\S", max_length=4000)
    statement: str = Field(max_length=6000)


class _Judge(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    claims: list[Said] = Field(max_length=1000)
    answered: list[str]
    files: dict[str, str]


class _Report(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    judge: _Judge


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
        """Its claims in answer to a question, for a prompt: a JSON object in a line each.

        What addresses a reviewer is left out.
        """
        own = [one for one in self.said if one.code == code]
        return [
            json.dumps(
                {"path": one.path[:200], "quote": one.quote[:MOST_TOLD_OF], "claim": one.statement[:MOST_TOLD_OF]}
            )
            for one in own[:MOST_TOLD]
            if not any(addressed("", text) for text in (one.path, one.quote, one.statement))
        ]


def read_earlier(path: Path) -> Earlier:
    """Read a verdict in JSON that a judge took part in.

    Raises:
        UsageError: it cannot be read, or no judge took part in it.
    """
    try:
        judge = _Report.model_validate_json(path.read_bytes()).judge
    except OSError as error:
        raise UsageError(f"--previous {path} cannot be read: {error.strerror}; give a verdict") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part)[:40] for part in first["loc"])
        raise UsageError(
            f"--previous {path} is no verdict in JSON of a review with --judge: {where}: {first['msg']}"[:300]
        ) from error
    return Earlier(tuple(judge.claims), frozenset(judge.answered), judge.files)


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
            finding.code == one.code and finding.place.path == one.path and even(finding.evidence) == even(one.quote)
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
            and not any(even(one.quote) == even(finding.evidence) for one in before)
        ):
            found.append(
                Reversal(
                    finding.code, finding.place, f"claimed now and not before, of an unchanged file: {finding.message}"
                )
            )
    return found


def digests(case: Case) -> dict[str, str]:
    """A digest of every file and run configuration, by path."""
    paths = [*case.files, *(run.path for run in case.repo.runs)]
    texts = {path: case.text(path) or "" for path in paths}
    return {path: hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest() for path, text in texts.items()}


def _line_of(one: Said, case: Case) -> int:
    wanted = even(one.quote)
    lines = (case.text(one.path) or "").split("\n")
    return next((number for number, line in enumerate(lines, start=1) if even(line) == wanted), 0)
