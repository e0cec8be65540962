"""The verdict on a submission: ready, not ready, or undecided, and on what grounds.

Blockers make it not ready. Without any, a question that could not be decided makes it undecided: a finding that says
so, a rule that failed, a rule that had no time left. Warnings and notes do not change it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from windtunnel.contract import RUN_FOLDERS
from windtunnel.findings import Severity
from windtunnel.report.code_issue import code_issue
from windtunnel.report.repair import repair_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from windtunnel.evidence import Flight
    from windtunnel.findings import Finding, Place
    from windtunnel.reader.reading import Reading
    from windtunnel.rules.base import Outcome
    from windtunnel.submission import Submission

Decision = Literal["ready", "not ready", "undecided"]
EXIT_CODES: dict[Decision, int] = {"ready": 0, "not ready": 1, "undecided": 3}


@dataclass(frozen=True)
class Ignored:
    """A finding that does not count, and the reason that was given."""

    finding: Finding
    reason: str


@dataclass(frozen=True)
class Doubt:
    """What could not be decided, and what to do about it."""

    message: str
    fix: str


@dataclass(frozen=True)
class Verdict:
    """What the reviewer concludes.

    Attributes:
        submission: what was reviewed.
        as_of: the date whose library versions count.
        findings: those that count, most important first: by severity, by the stage at which they stop the
            experiment, by place.
        ignored: those that do not count, in the same order.
        outcomes: what became of every rule that was chosen, in the order of their codes.
        reasons: why the findings of a rule do not count, by its code.
        selection: what the rules were chosen by, as given; empty for all rules.
        flights: what was flown; empty after a check alone.
        reading: what a language model said; None if none was asked.
    """

    submission: Submission
    as_of: date
    findings: tuple[Finding, ...]
    ignored: tuple[Ignored, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()
    selection: tuple[str, ...] = ()
    flights: tuple[Flight, ...] = ()
    reading: Reading | None = None

    @cached_property
    def outcome(self) -> Decision:
        """The verdict in a word or two."""
        if any(finding.severity is Severity.BLOCKER for finding in self.findings):
            return "not ready"
        if self.doubts or any(finding.severity is Severity.UNDECIDED for finding in self.findings):
            return "undecided"
        return "ready"

    @property
    def exit_code(self) -> int:
        """What the process says: 0 ready, 1 not ready, 3 undecided."""
        return EXIT_CODES[self.outcome]

    @property
    def is_code_ready(self) -> bool:
        """Whether the code can be run as it is; False also when that is undecided."""
        return self.outcome == "ready"

    @property
    def code_issue(self) -> str:
        """What has to be done before the code is ready, for people and for a model that repairs it; "" if nothing."""
        return code_issue(self)

    @cached_property
    def doubts(self) -> tuple[Doubt, ...]:
        """What the rules could not decide, besides the findings that say so themselves."""
        doubts = []
        counting = [outcome for outcome in self.outcomes if outcome.rule.code() not in dict(self.reasons)]
        for outcome in counting:
            if outcome.error:
                code = outcome.rule.code()
                doubts.append(
                    Doubt(
                        f"{code} failed, so its question is open: {outcome.error}",
                        f"report it as a fault of windtunnel; --ignore {code}=REASON decides without this rule",
                    )
                )
        late = [outcome.rule.code() for outcome in counting if outcome.out_of_time]
        if late:
            doubts.append(
                Doubt(
                    f"no time was left for {', '.join(late)}",
                    f"make the files smaller, or check these alone with --select {','.join(late)}",
                )
            )
        if self.reading is not None:
            doubts += [
                Doubt(
                    f"{code} was asked of {self.reading.model} and has no answer: {why}",
                    f"ask again; --ignore {code}=REASON decides without this question",
                )
                for code, why in self.reading.open.items()
                if code not in dict(self.reasons)
            ]
        doubts += [doubt for flight in self.flights if (doubt := self._unexplained(flight)) is not None]
        if not any(outcome.complete for outcome in self.outcomes):
            doubts.append(Doubt("no rule could look at this", "check that PATH is the repository meant"))
        return tuple(doubts)

    def _unexplained(self, flight: Flight) -> Doubt | None:
        """What to say of a flight that did not go well and of which no finding speaks: that must not look ready."""
        failed = [command.name for command in flight.commands if command.status != "finished"]
        missing = [run_id for run_id in flight.run_ids if flight.command(run_id) is None]
        told = any(
            finding.source == "flight" and finding.severity in {Severity.BLOCKER, Severity.UNDECIDED}
            for finding in (*self.findings, *(ignored.finding for ignored in self.ignored))
        )
        if told or self.selection or not (failed or missing or flight.troubles or not flight.commands):
            return None
        what = f"{', '.join(failed)} failed" if failed else f"{', '.join(missing) or 'nothing'} was not flown"
        return Doubt(f"in {flight.mode} mode {what}, and no rule says why", "read the flight's log, and mend its cause")

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one severity that count."""
        return tuple(finding for finding in self.findings if finding.severity is severity)

    def counts(self) -> Mapping[Severity, int]:
        """How many findings of each severity count."""
        return Counter(finding.severity for finding in self.findings)

    def repair_prompt(self) -> str:
        """What to tell a model that is to repair the code; "" if there is nothing to repair."""
        return repair_prompt(self)

    def as_rubric_json(self) -> dict[str, bool | str]:
        """The verdict in the two fields that the review rubric asks for."""
        return {"is_code_ready": self.is_code_ready, "code_issue": self.code_issue}


def conclude(
    submission: Submission,
    outcomes: Iterable[Outcome],
    *,
    as_of: date,
    ignored: Mapping[str, str] | None = None,
    selection: Iterable[str] = (),
    flights: Iterable[Flight] = (),
    reading: Reading | None = None,
) -> Verdict:
    """Return the verdict that the outcomes of the rules lead to.

    Args:
        submission: what was reviewed.
        outcomes: what became of each rule.
        as_of: the date whose library versions count.
        ignored: why the findings of a rule do not count, by its code.
        selection: what the rules were chosen by.
        flights: what was flown.
        reading: what a language model said; its outcomes are to be among ``outcomes``.
    """
    outcomes = tuple(outcomes)
    reasons = dict(ignored or {})
    ordered = sorted(merge(finding for outcome in outcomes for finding in outcome.findings), key=_importance)
    return Verdict(
        submission=submission,
        as_of=as_of,
        findings=tuple(finding for finding in ordered if finding.code not in reasons),
        ignored=tuple(Ignored(finding, reasons[finding.code]) for finding in ordered if finding.code in reasons),
        outcomes=outcomes,
        reasons=tuple(sorted(reasons.items())),
        selection=tuple(selection),
        flights=tuple(flights),
        reading=reading,
    )


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Make one finding of those that say the same of several runs or modes.

    Findings at one place are the same if nothing but their runs, modes and related places differs; findings in the
    run configurations also if they differ in place, and then the first one names the other places.
    """
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        place: object = "run configuration" if _is_run_configuration(finding.place) else finding.place
        key = (finding.code, finding.severity, finding.message, place, finding.fix, finding.source, finding.stage)
        alike.setdefault(key, []).append(finding)
    return [_union(same) if len(same) > 1 else same[0] for same in alike.values()]


def _union(same: list[Finding]) -> Finding:
    first = min(same, key=lambda finding: finding.order)
    places = {place: None for finding in same for place in (finding.place, *finding.related)}
    places.pop(first.place)
    whole = not all(finding.runs for finding in same)  # one that names no run speaks of all
    return replace(
        first,
        related=tuple(places),
        runs=() if whole else tuple(sorted({run for finding in same for run in finding.runs})),
        modes=tuple(dict.fromkeys(mode for finding in same for mode in finding.modes)),
    )


def _is_run_configuration(place: Place) -> bool:
    return any(place.path.startswith(folder + "/") for folder in RUN_FOLDERS)


def _importance(finding: Finding) -> tuple[object, ...]:
    return (finding.severity.rank, finding.stops_at.rank, *finding.order)
