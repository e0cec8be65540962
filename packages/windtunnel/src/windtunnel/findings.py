"""A finding: one thing that is wrong with a submission, where, on what evidence, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from windtunnel.stages import STAGE_OF_CRITERION, Stage


class Severity(Enum):
    """How much a finding weighs.

    A blocker stops a run or makes its result worthless; a warning deserves a look before money is spent; a note is
    for information. ``UNDECIDED`` is a question that only more knowledge can answer: with no blocker beside it the
    verdict is neither ready nor not ready.
    """

    BLOCKER = "blocker"
    UNDECIDED = "undecided"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the heaviest."""
        return list(Severity).index(self)


@dataclass(frozen=True, order=True)
class Place:
    """A place in a submission.

    Attributes:
        path: relative to the repository, with forward slashes; "" for the repository as a whole.
        line: from 1; 0 for the file as a whole.
        column: from 1; 0 for the whole line.
    """

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        parts = [self.path or "."]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


@dataclass(frozen=True)
class Finding:
    """What a rule found.

    Attributes:
        code: the rule, such as "CFG003".
        criterion: of the contract, from 1 to 12 (:data:`windtunnel.contract.CRITERIA`).
        severity: how much it weighs.
        message: what is wrong, with the value seen, in one sentence or two.
        place: where it shows.
        evidence: the text of the submission that shows it, quoted, never paraphrased; "" where a file is missing.
        fix: what to do.
        source: how it is known: "static" (read from the files), "rehearsal" (followed through the code with the
            configuration of a run), "table" (a table of libraries or hub ids, named in the message).
        related: other places that take part, such as the configuration file that lacks the key.
        runs: the run ids it holds for, empty for all or none in particular.
        modes: "trial", "full" or both, empty if the mode plays no part.
        stage: where it stops the experiment; left out, where defects of its criterion usually do.
    """

    code: str
    criterion: int
    severity: Severity
    message: str
    place: Place
    evidence: str = ""
    fix: str = ""
    source: str = "static"
    related: tuple[Place, ...] = ()
    runs: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    stage: Stage | None = None

    @property
    def stops_at(self) -> Stage:
        """Where it stops the experiment."""
        return self.stage or STAGE_OF_CRITERION.get(self.criterion, Stage.TRIAL)

    @property
    def order(self) -> tuple[object, ...]:
        """The key that findings of one weight and stage are sorted by: the same input gives the same order."""
        return (self.place.path, self.place.line, self.place.column, self.code, self.message)
