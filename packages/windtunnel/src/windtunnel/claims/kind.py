"""What a kind of claim is, and the rulings that kinds have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.claims.patterns import PATTERNS
from windtunnel.claims.ruling import Ruling, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from windtunnel.claims.case import Case
    from windtunnel.claims.sentences import Sentence
    from windtunnel.findings import Finding, Place


@dataclass(frozen=True)
class Kind:
    """A kind of claim.

    Attributes:
        name: in words with hyphens.
        decided_by: what settles it, for people.
        decide: makes the ruling, or None if the sentence is not of this kind after all.
    """

    name: str
    decided_by: str
    decide: Callable[[Kind, Sentence, Case], Ruling | None]

    @property
    def pattern(self) -> str:
        """By which a sentence is known, a regular expression over its masked text."""
        return PATTERNS[self.name]

    def ruling(self, sentence: Sentence, case: Case) -> Ruling | None:
        """The ruling on a sentence; None if it is not of this kind."""
        return self.decide(self, sentence, case) if sentence.says(self.pattern) else None

    def confirmed(self, reason: str, findings: Iterable[Finding] = (), places: Iterable[Place] = ()) -> Ruling:
        """The claim holds."""
        found = tuple(findings)
        shown = tuple(places) or tuple(finding.place for finding in found)
        evidence = next((finding.evidence for finding in found if finding.evidence), "")
        return Ruling(self.name, Status.CONFIRMED, reason, shown, evidence, found)

    def refuted(self, reason: str, places: Iterable[Place] = (), evidence: str = "") -> Ruling:
        """The claim does not hold."""
        return Ruling(self.name, Status.REFUTED, reason, tuple(places), evidence)

    def undecidable(self, reason: str, places: Iterable[Place] = ()) -> Ruling:
        """What was looked at does not settle it."""
        return Ruling(self.name, Status.UNDECIDABLE, reason, tuple(places))


def told(findings: Iterable[Finding]) -> str:
    """What rules found, in a sentence: the first finding, and how many more there are."""
    found = list(findings)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0].code} at {found[0].place}: {found[0].message}{more}"


def has_in_common(finding: Finding, sentence: Sentence, *, but: str = "") -> bool:
    """Whether a finding has a name in code in common with a sentence, or the line that it names.

    Args:
        finding: the finding; of its message, what it quotes counts if it quotes anything.
        sentence: the sentence.
        but: words that match this are the subject of both, and nothing in common.
    """
    if finding.place.line in sentence.lines and finding.place.path in sentence.files:
        return True
    quoted = re.findall(r"'([^']+)'", finding.message)
    text = f"{' '.join(quoted) or finding.message} {finding.evidence}"
    words = {part for name in sentence.names for part in (name, name.rpartition(".")[2])}
    words |= {word for word in re.findall(r"[A-Za-z_][\w-]*", sentence.text) if re.search(r"[_0-9]|[a-z][A-Z]", word)}
    words |= {one for one in sentence.quoted if len(one) > 3}
    return any(
        len(word) > 3
        and not (but and re.search(but, word, re.IGNORECASE))
        and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)
        for word in words
    )
