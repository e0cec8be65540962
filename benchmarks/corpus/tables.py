"""The tables of the corpus, 80 columns wide, and what is written as JSON."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from windtunnel.findings import Severity
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from benchmarks.corpus.labels import Snapshot
    from windtunnel.findings import Finding

HEADLINE = (
    "struct-violation", "cfg-key-missing", "hydra-compose", "deps-not-pep621", "dep-missing", "library-api",
    "child-process-import", "evaluate-cli", "optuna-space", "cfg-path-mismatch",
)  # fmt: skip
NAMES = {
    Severity.BLOCKER: "blockers",
    Severity.UNDECIDED: "undecided",
    Severity.WARNING: "warnings",
    Severity.NOTE: "notes",
}


def share(part: int, whole: int) -> str:
    """A part in percent."""
    return f"{100 * part / whole:5.1f} %" if whole else "      -"


def recall_table(snapshots: Sequence[Snapshot], *, blocking: bool) -> str:
    """Labels and what was found of them by category, those with most labels first."""
    labels = [(snapshot, label) for snapshot in snapshots for label in snapshot.labels if label.blocking is blocking]
    sizes = Counter(label.category for _, label in labels)
    what = "Blocking labels, found by a blocker" if blocking else "Labels that do not block, found by any finding"
    lines = [what, f"{'':28}{'all':>5}{'found':>7}   {'static':>6}{'found':>7}{'anywhere':>10}{'recall':>10}", "-" * 76]
    rows = [(name, [pair for pair in labels if pair[1].category == name]) for name in sizes]
    for name, pairs in [*sorted(rows, key=lambda row: (-sizes[row[0]], row[0])), ("in all", labels)]:
        static = [pair for pair in pairs if pair[1].static]
        found = sum(snapshot.found(label) for snapshot, label in static)
        lines.append(
            f"{name:<28}{len(pairs):5}{sum(s.found(label) for s, label in pairs):7}   {len(static):6}{found:7}"
            f"{sum(s.anywhere(label) for s, label in static):10}{share(found, len(static)):>10}"
        )
    return "\n".join(lines) + "\n"


def totals(snapshots: Sequence[Snapshot]) -> dict[str, tuple[int, int]]:
    """(found, labelled) of the sums that recall is judged by."""
    pairs = [(snapshot, label) for snapshot in snapshots for label in snapshot.labels if label.blocking]
    chosen = {
        "static": [pair for pair in pairs if pair[1].static],
        "headline": [pair for pair in pairs if pair[1].static and pair[1].category in HEADLINE],
        "needs a run": [pair for pair in pairs if not pair[1].static],
    }
    return {name: (sum(s.found(label) for s, label in told), len(told)) for name, told in chosen.items()}


def judge(snapshots: Sequence[Snapshot], judged: Mapping[tuple[Any, ...], str]) -> Counter[str]:
    """How many unlabelled blockers were judged right, wrong and unclear, and how many nobody has judged."""
    return Counter(judged.get(_key(snapshot, f), "unjudged") for snapshot in snapshots for f in snapshot.unlabelled)


def _key(snapshot: Snapshot, finding: Finding) -> tuple[Any, ...]:
    return (snapshot.id, finding.code, finding.place.path, finding.place.line)


def summary(snapshots: Sequence[Snapshot], judged: Mapping[tuple[Any, ...], str] | None, cold: float) -> str:
    """What is printed below the tables."""
    sums = totals(snapshots)
    lines = [
        f"statically detectable, blocking      {_recall(sums['static'])}   target 90 %",
        f"headline categories of these         {_recall(sums['headline'])}   target 95 %",
        f"  {', '.join(HEADLINE[:5])},",
        f"  {', '.join(HEADLINE[5:])}",
        f"blocking labels that need a run      {_recall(sums['needs a run'])}   bonus",
        "config/run/X.yaml and config/runs/X.yaml count as one file",
        "",
        f"{'a snapshot has':<28}{'median':>8}{'max':>6}{'in all':>8}",
    ]
    for severity, name in NAMES.items():
        counts = [sum(finding.severity is severity for finding in snapshot.findings) for snapshot in snapshots]
        lines.append(_spread(name, counts))
    lines.append(_spread("blockers without a label", [len(snapshot.unlabelled) for snapshot in snapshots]))
    if judged is not None:
        told = judge(snapshots, judged)
        wrong = share(told["wrong"], told["right"] + told["wrong"]).strip()
        lines.append(
            f"  judged: {told['right']} right, {told['wrong']} wrong, {told['unclear']} unclear, "
            f"{told['unjudged']} unjudged; wrong of those decided: {wrong}, target 5 %"
        )
        known = {_key(snapshot, finding) for snapshot in snapshots for finding in snapshot.unlabelled}
        if stale := [key for key in judged if key not in known]:
            lines.append(f"  {len(stale)} judgements are of blockers that are not there, such as {stale[0]}")
    early = {s.id: [f for f in s.unlabelled if f.stops_at is not Stage.EVALUATION] for s in snapshots if s.trained}
    told_early = ", ".join(f"{name} {f.code} {f.place}" for name, found in early.items() for f in found) or "none"
    lines += [
        "",
        f"blockers of training without a label where it ran to completion ({len(early)} snapshots): {told_early}",
        "",
        f"{'seconds':<28}{'median':>8}{'max':>6}",
        _seconds("first check", [snapshot.seconds for snapshot in snapshots]),
        _seconds("second check", [snapshot.again_seconds for snapshot in snapshots]),
        f"{f'cold process, {snapshots[0].id}':<28}{cold:8.2f}",
    ]
    lines += [f"FAILED on {snapshot.id}: {failure}" for snapshot in snapshots for failure in snapshot.failures]
    return "\n".join(lines) + "\n"


def _recall(found: tuple[int, int]) -> str:
    return f"{found[0]:4} of {found[1]:3}  {share(*found)}"


def _spread(name: str, counts: Sequence[int]) -> str:
    return f"{name:<28}{statistics.median(counts):8g}{max(counts):6}{sum(counts):8}"


def _seconds(name: str, values: Sequence[float]) -> str:
    return f"{name:<28}{statistics.median(values):8.2f}{max(values):6.2f}"


def details(snapshots: Sequence[Snapshot], judged: Mapping[tuple[Any, ...], str]) -> str:
    """Every label that was missed, and every blocker that has no label."""
    lines = []
    for snapshot in snapshots:
        lines.append(f"{snapshot.id}")
        for label in snapshot.labels:
            if not snapshot.found(label):
                where = ", ".join(sorted({f"{f.code} {f.place}" for f in snapshot.answers[label][1]}))
                kind = f"{'blocking' if label.blocking else 'not blocking'}, static {label.statically_detectable}"
                lines.append(f"  missed      {label.category} in {label.file} ({kind}): {label.sentence}")
                lines += [f"              but elsewhere {where}"] if where else []
        for finding in snapshot.unlabelled:
            verdict = judged.get(_key(snapshot, finding), "")
            lines.append(f"  unlabelled  {finding.code} {finding.place}{f' [{verdict}]' if verdict else ''}")
            lines.append(f"              {finding.message}")
    return "\n".join(lines) + "\n"


def as_json(snapshots: Sequence[Snapshot], cold: float, as_of: date) -> dict[str, Any]:
    """Everything, for machines."""
    return {
        "as_of": as_of.isoformat(),
        "cold_seconds": cold,
        "totals": {name: {"found": found, "labels": n} for name, (found, n) in totals(snapshots).items()},
        "snapshots": [
            {
                "id": snapshot.id,
                "trained": snapshot.trained,
                "seconds": snapshot.seconds,
                "again_seconds": snapshot.again_seconds,
                "failures": snapshot.failures,
                "labels": [
                    {
                        **asdict(label),
                        "found_by": sorted({finding.code for finding in snapshot.answers[label][0]}),
                        "anywhere_by": sorted({finding.code for finding in snapshot.answers[label][1]}),
                    }
                    for label in snapshot.labels
                ],
                "findings": [_finding(f, unlabelled=f in snapshot.unlabelled) for f in snapshot.findings],
            }
            for snapshot in snapshots
        ],
    }


def _finding(finding: Finding, *, unlabelled: bool) -> dict[str, Any]:
    told = {**asdict(finding), "severity": finding.severity.value, "stage": finding.stops_at.value}
    return {**told, "unlabelled": unlabelled}
