"""Claims of a language model held against the submission: the quoted line first, then what the rules know."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from windtunnel.claims.auditing import rule as rulings_on
from windtunnel.claims.ruling import Status
from windtunnel.claims.sentences import split

if TYPE_CHECKING:
    from windtunnel.claims import Case
    from windtunnel.reader.answers import Claim

NEAR = 3  # lines by which a number may be wrong where the quote stands but once so near
MOST_HELD = 30  # sentences of a claim that are held against what the rules know
SHORTEST_QUOTE = 3  # characters besides white space: less is in every file


@dataclass(frozen=True)
class Dropped:
    """A claim that does not count.

    Attributes:
        code: of the question.
        claim: the claim.
        reason: why not.
        confirmed: whether it does not count because a rule has found it already.
    """

    code: str
    claim: Claim
    reason: str
    confirmed: bool = False


def located(claim: Claim, case: Case) -> Claim | str:
    """The claim at the line that it quotes, or why it quotes none.

    A line number that is wrong by at most `NEAR` is put right where the quote stands only once so near.
    """
    text = case.text(claim.path)
    if text is None:
        return f"there is no file {claim.path!r}" if claim.path not in case.files else f"{claim.path} is no text"
    quote = even(claim.quote)
    if len(quote.replace(" ", "")) < SHORTEST_QUOTE:
        return f"it quotes {claim.quote!r}, which says nothing"
    if re.match(r"(import|from)\s", quote):  # every file has such lines, and none makes a result worthless
        claim = claim.model_copy(update={"blocks": False})
    lines = [even(line) for line in text.split("\n")]
    if claim.line <= len(lines) and _is_quoted(quote, lines[claim.line - 1]):
        return claim
    near = [
        number
        for number in range(max(1, claim.line - NEAR), min(len(lines), claim.line + NEAR) + 1)
        if _is_quoted(quote, lines[number - 1])
    ]
    if len(near) == 1:
        return claim.model_copy(update={"line": near[0]})
    there = next((number for number, line in enumerate(lines, start=1) if _is_quoted(quote, line)), None)
    elsewhere = f", it stands in line {there}" if there else ", and nowhere else in the file"
    return f"line {claim.line} of {claim.path} does not read {claim.quote.strip()[:80]!r}{elsewhere}"


def held(code: str, claim: Claim, case: Case) -> Dropped | None:
    """What the rules say to a claim: dropped if they refute it or have it already, None if they cannot tell."""
    for sentence in split(f"{claim.statement}\n{claim.why}\n{claim.fix}")[:MOST_HELD]:
        named = sentence if sentence.files else replace(sentence, text=f"{sentence.text} ({claim.path})")
        for ruling in rulings_on(named, case):
            if ruling.status is Status.REFUTED:
                return Dropped(code, claim, f"{ruling.kind}, refuted: {ruling.reason}")
            if ruling.status is Status.CONFIRMED and any(
                finding.place.path == claim.path for finding in ruling.findings
            ):
                return Dropped(code, claim, f"{ruling.kind}, found already: {ruling.reason}", confirmed=True)
    return None


def even(text: str) -> str:
    """The text with white space made even, so that lines can be compared."""
    return " ".join(text.split())


def _is_quoted(quote: str, line: str) -> bool:
    """Whether a quote is the line, or most of it."""
    return quote == line or (quote in line and 2 * len(quote) >= len(line))
