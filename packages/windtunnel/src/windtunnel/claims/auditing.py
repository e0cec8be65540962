"""Somebody else's verdict, sentence by sentence, held against what the rules know of the same submission."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.claims.kinds import KINDS, REQUIREMENT
from windtunnel.claims.polarity import claims_no_defect
from windtunnel.claims.ruling import Ruling, Status
from windtunnel.claims.sentences import Sentence, split
from windtunnel.errors import UsageError
from windtunnel.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from windtunnel.claims.case import Case
    from windtunnel.findings import Finding

MOST_SENTENCES = 400
NO_KIND = "of no kind that rules or tables decide"


@dataclass(frozen=True)
class Audited:
    """One sentence of a verdict and what becomes of it.

    Attributes:
        sentence: the sentence.
        rulings: one for each kind of claim it makes; one that is undecidable if it makes none that is known.
    """

    sentence: Sentence
    rulings: tuple[Ruling, ...]

    @property
    def status(self) -> Status:
        """Of the sentence as a whole: confirmed if one of its claims is, refuted if one is and none is confirmed."""
        found = {ruling.status for ruling in self.rulings}
        return next((status for status in (Status.CONFIRMED, Status.REFUTED) if status in found), Status.UNDECIDABLE)


@dataclass(frozen=True)
class Audit:
    """A verdict that was held against a submission.

    Attributes:
        is_code_ready: what the verdict says, None if it does not.
        sentences: of its ``code_issue``.
        case: what it was held against.
    """

    is_code_ready: bool | None
    sentences: tuple[Audited, ...]
    case: Case

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many sentences end in which way."""
        return Counter(one.status for one in self.sentences)

    @property
    def decidable(self) -> bool:
        """Whether anything of it could be decided."""
        return any(one.status is not Status.UNDECIDABLE for one in self.sentences)

    @property
    def unnamed(self) -> tuple[Finding, ...]:
        """The blockers of the rules that no sentence names."""
        named = {finding for one in self.sentences for ruling in one.rulings for finding in ruling.findings}
        return tuple(finding for finding in self.case.verdict.of(Severity.BLOCKER) if finding not in named)


def audit(verdict: Mapping[str, Any], case: Case) -> Audit:
    """Hold a verdict against a submission.

    Args:
        verdict: with ``code_issue``, a text or a list of texts, and perhaps ``is_code_ready``.
        case: the submission, checked.

    Raises:
        UsageError: it is no such verdict.
    """
    issue = verdict.get("code_issue")
    if isinstance(issue, list) and all(isinstance(one, str) for one in issue):
        issue = "\n".join(issue)
    if not isinstance(issue, str):
        raise UsageError(f"a verdict has a text under code_issue; this one has {type(issue).__name__}")
    ready = verdict.get("is_code_ready")
    if ready is not None and not isinstance(ready, bool):
        raise UsageError(f"is_code_ready is {ready!r}; it is true or false")
    sentences = split(issue)[:MOST_SENTENCES]
    return Audit(ready, tuple(Audited(sentence, rule(sentence, case)) for sentence in sentences), case)


def rule(sentence: Sentence, case: Case) -> tuple[Ruling, ...]:
    """The rulings on one sentence: of the kinds that decide it, else of the first that could not, else of no kind.

    A kind that looks at what the sentence names goes before one that is a rule's whole subject.
    """
    required = REQUIREMENT.ruling(sentence, case)
    if required is not None:
        return (required,)
    without = claims_no_defect(sentence.text)
    if without:
        return (Ruling("", Status.UNDECIDABLE, without),)
    open_: list[Ruling] = []
    for kinds in KINDS:
        made = [ruling for kind in kinds if (ruling := kind.ruling(sentence, case)) is not None]
        decided = tuple(ruling for ruling in made if ruling.status is not Status.UNDECIDABLE)
        if decided:  # what a finding confirms is not refuted by another reading of the same words
            return tuple(ruling for ruling in decided if ruling.status is Status.CONFIRMED) or decided
        open_ += made
    return (open_[0],) if open_ else (Ruling("", Status.UNDECIDABLE, NO_KIND),)
