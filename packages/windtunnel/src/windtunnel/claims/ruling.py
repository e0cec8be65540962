"""What becomes of a claim."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.findings import Finding, Place


class Status(Enum):
    """How a claim ends. Undecidable is an answer: what was looked at does not settle it."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"
    UNDECIDABLE = "undecidable"


@dataclass(frozen=True)
class Ruling:
    """The end of one claim.

    Attributes:
        kind: the name of its kind, "" if it is of no known one.
        status: how it ends.
        reason: why, in a sentence, with what was seen.
        places: where that shows.
        evidence: text of the submission that shows it, quoted; "" if nothing does.
        findings: those of the rules that confirm it.
    """

    kind: str
    status: Status
    reason: str
    places: tuple[Place, ...] = ()
    evidence: str = ""
    findings: tuple[Finding, ...] = ()
