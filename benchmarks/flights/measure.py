"""One snapshot reviewed: the verdict, which finding answers the first defect, what the flight cost."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.corpus.labels import files, same_file
from windtunnel.errors import WindtunnelError
from windtunnel.findings import Severity

if TYPE_CHECKING:
    from datetime import date

    from benchmarks.corpus.labels import Label, Snapshot
    from windtunnel.verdict import Verdict

FIXED = "ci-fix"  # how the source of a label begins that a fix in continuous integration shows


@dataclass(frozen=True)
class Reviewed:
    """A snapshot's review.

    Attributes:
        id: of the snapshot.
        outcome: "ready", "not ready" or "undecided"; "failed" if the review could not be made.
        first: what became of the first blocking defect that a fix shows: "check", "flight" or "" for not named;
            None if the snapshot has no such label.
        labelled: whether a blocker answers any label, blocking or not.
        gpu: whether something could not be decided for want of an accelerator.
        blockers: code, path and source of the blockers, in their order.
        undecided: code and message of what is undecided.
        flown: of every command flown: mode, name, status, reason, seconds, peak memory in bytes.
        seconds: of the whole review.
    """

    id: str
    outcome: str
    first: str | None = None
    labelled: bool = False
    gpu: bool = False
    blockers: list[list[str]] = field(default_factory=list)
    undecided: list[list[str]] = field(default_factory=list)
    flown: list[dict[str, Any]] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def record(self) -> dict[str, Any]:
        """The review as JSON values."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Reviewed:
        """Read one back."""
        return cls(**record)


def reviewed(
    snapshot: Snapshot, folder: Path, *, as_of: date, env: str, timeout_seconds: float, fly_anyway: bool
) -> Reviewed:
    """Review a snapshot, or fly it whatever the check says of it."""
    start = time.monotonic()
    try:
        verdict = (_flown if fly_anyway else _review)(folder, as_of=as_of, env=env, timeout_seconds=timeout_seconds)
    except WindtunnelError as error:
        return Reviewed(snapshot.id, "failed", undecided=[["", str(error)]], seconds=time.monotonic() - start)
    from windtunnel.rules.registry import all_rules  # noqa: PLC0415 - rules take a while to import

    snapshot.findings = verdict.findings
    snapshot.match({rule.code(): rule.categories for rule in all_rules()})
    blockers = verdict.of(Severity.BLOCKER)
    return Reviewed(
        id=snapshot.id,
        outcome=verdict.outcome,
        first=first_named(snapshot),
        labelled=any(
            finding in blockers
            for label in snapshot.labels
            for answers in snapshot.answers[label]
            for finding in answers
        ),
        gpu=any("GPU" in finding.message for finding in verdict.of(Severity.UNDECIDED)),
        blockers=[[finding.code, str(finding.place), finding.source] for finding in blockers],
        undecided=[[finding.code, finding.message] for finding in verdict.of(Severity.UNDECIDED)],
        flown=[
            {
                "mode": flight.mode,
                "name": command.name,
                "status": command.status,
                "reason": command.reason,
                "seconds": command.seconds,
                "peak_memory_bytes": command.peak_memory_bytes,
            }
            for flight in verdict.flights
            for command in flight.commands
        ],
        troubles=[trouble.message for flight in verdict.flights for trouble in flight.troubles],
        seconds=round(time.monotonic() - start, 1),
    )


def first_defect(snapshot: Snapshot) -> Label | None:
    """The first blocking defect of a snapshot that a fix shows."""
    return next((label for label in snapshot.labels if label.blocking and label.source.startswith(FIXED)), None)


def first_named(snapshot: Snapshot) -> str | None:
    """Who named the first defect, by file and category; None if there is none."""
    label = first_defect(snapshot)
    if label is None:
        return None
    answering = [finding for finding in snapshot.answers[label][0] if same_file(label.file) in files(finding)]
    if not answering:
        return ""
    return "flight" if all(finding.source == "flight" for finding in answering) else "check"


def _review(folder: Path, *, as_of: date, env: str, timeout_seconds: float) -> Verdict:
    from windtunnel import review  # noqa: PLC0415

    return review(folder, as_of=as_of, env=env, timeout_seconds=timeout_seconds)  # type: ignore[arg-type]


def _flown(folder: Path, *, as_of: date, env: str, timeout_seconds: float) -> Verdict:
    from rich.console import Console  # noqa: PLC0415

    from windtunnel.flight import Options, fly  # noqa: PLC0415
    from windtunnel.judging import judge  # noqa: PLC0415
    from windtunnel.submission import load  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="windtunnel-benchmark-") as results:
        options = Options(
            repository=folder,
            results_dir=Path(results),
            env=env,  # type: ignore[arg-type]
            as_of=as_of,
            timeout_seconds=timeout_seconds,
        )
        flown = fly(options, err=Console(stderr=True))
        return judge(load(str(folder)), [flown.flight], as_of=as_of)
