"""What a rule is. A family of rules is one module here; its rules are found by subclassing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Finding, Place, Severity
from windtunnel.stages import STAGE_OF_CRITERION, Stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.repo import Repo


# a line under review may have millions of characters; a report quotes the first of them
_QUOTED_CHARACTERS = 2000


class Skip(Exception):  # noqa: N818 - not an error: the rule has nothing to look at
    """A rule cannot be applied to this submission; its text says why (``src/train.py does not parse``)."""


@dataclass(frozen=True)
class Doc:
    """What ``windtunnel explain`` prints of a rule besides its title.

    Attributes:
        what: what it looks for.
        why: what happens when it is ignored.
        example: code or configuration that it flags.
        instead: the same, right.
        limits: what it cannot see, "" if nothing is known.
    """

    what: str
    why: str
    example: str
    instead: str
    limits: str = ""


class Rule:
    """One rule. The class name is its code, the first line of its docstring its title.

    Attributes:
        name: in words with hyphens; it reads well after "allow".
        criterion: of the contract.
        severity: of its findings unless one says otherwise.
        stage: where its findings stop the experiment; left out, where defects of its criterion usually do.
        categories: the categories of ``corpus`` labels that it answers, for measuring recall.
        doc: what ``explain`` prints.
    """

    name: ClassVar[str]
    criterion: ClassVar[int]
    severity: ClassVar[Severity] = Severity.BLOCKER
    stage: ClassVar[Stage | None] = None
    categories: ClassVar[tuple[str, ...]] = ()
    doc: ClassVar[Doc]
    source: ClassVar[str] = "static"

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong.

        Raises:
            Skip: there is nothing it could look at.
        """
        raise NotImplementedError

    @classmethod
    def code(cls) -> str:
        """The rule's code."""
        return cls.__name__

    @classmethod
    def title(cls) -> str:
        """The first line of the docstring, without its full stop."""
        return (cls.__doc__ or "").strip().splitlines()[0].rstrip(".")

    @classmethod
    def stops_at(cls) -> Stage:
        """Where its findings stop the experiment unless one says otherwise."""
        return cls.stage or STAGE_OF_CRITERION[cls.criterion]

    def finding(
        self,
        message: str,
        place: Place,
        *,
        evidence: str = "",
        fix: str = "",
        severity: Severity | None = None,
        related: tuple[Place, ...] = (),
        runs: tuple[str, ...] = (),
        modes: tuple[str, ...] = (),
        source: str | None = None,
        stage: Stage | None = None,
    ) -> Finding:
        """A finding of this rule; ``severity``, ``source`` and ``stage`` default to the rule's own."""
        return Finding(
            code=self.code(),
            criterion=self.criterion,
            severity=severity or self.severity,
            message=message[:_QUOTED_CHARACTERS],
            place=place,
            evidence=evidence[:_QUOTED_CHARACTERS],
            fix=fix,
            source=source or self.source,
            related=related,
            runs=runs,
            modes=modes,
            stage=stage or self.stops_at(),
        )


@dataclass(frozen=True)
class Outcome:
    """What became of one rule: its findings, or why it was skipped, or how it failed.

    Attributes:
        rule: the rule.
        findings: what it found, also before it failed or ran out of time.
        dropped: findings beyond the number that one rule may report.
        skipped: why it could not be applied, "" if it could.
        error: how it failed, "" if it did not.
        out_of_time: whether the time for all rules was over before this one was done.
    """

    rule: type[Rule]
    findings: tuple[Finding, ...] = ()
    dropped: int = 0
    skipped: str = ""
    error: str = ""
    out_of_time: bool = False

    @property
    def complete(self) -> bool:
        """Whether the rule came to its end, so that its silence means something."""
        return not (self.skipped or self.error or self.out_of_time)
