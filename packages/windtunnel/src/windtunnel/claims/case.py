"""What claims are held against: the files of a submission, and what the rules found in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from windtunnel.check import check_with
from windtunnel.findings import Severity
from windtunnel.repo import Repo
from windtunnel.rules.registry import static_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windtunnel.findings import Finding
    from windtunnel.submission import Submission
    from windtunnel.verdict import Verdict


@dataclass(frozen=True)
class Case:
    """One submission with a verdict of the rules.

    Attributes:
        repo: the view that rules have.
        verdict: what they found.
    """

    repo: Repo
    verdict: Verdict

    @classmethod
    def of(cls, submission: Submission, *, as_of: date | None = None) -> Case:
        """Check a submission by all static rules."""
        day = as_of or date.today()
        return cls(Repo(submission, as_of=day), check_with(static_rules(), submission, as_of=day))

    @property
    def files(self) -> frozenset[str]:
        """The paths of the submission."""
        return frozenset(self.repo.submission.files)

    @cached_property
    def _by_code(self) -> dict[str, list[Finding]]:
        found: dict[str, list[Finding]] = {}
        for finding in self.verdict.findings:
            found.setdefault(finding.code, []).append(finding)
        return found

    def findings(self, codes: Iterable[str], files: Iterable[str] = ()) -> tuple[Finding, ...]:
        """What some rules found, in some files or in all; a code may be the beginning of codes.

        A finding is in a file if it or a related place lies there. Notes confirm no claim of a defect, but for those of
        files that may not be there.
        """
        wanted = tuple(codes)
        named = set(files)
        return tuple(
            finding
            for code, found in self._by_code.items()
            if code.startswith(wanted)
            for finding in found
            if (finding.severity is not Severity.NOTE or code == "FIL004")
            and (not named or named & {finding.place.path, *(place.path for place in finding.related)})
        )

    def silent(self, codes: Iterable[str]) -> tuple[str, ...]:
        """Which of some rules did not come to their end, so that their silence says nothing."""
        wanted = tuple(codes)
        return tuple(
            outcome.rule.code()
            for outcome in self.verdict.outcomes
            if outcome.rule.code().startswith(wanted) and not outcome.complete
        )

    def text(self, path: str) -> str | None:
        """The text of a file or of a run configuration; None if there is none that can be read."""
        if path in self.files:
            return self.repo.submission.text(path)
        return next((run.text for run in self.repo.runs if run.path == path), None)
