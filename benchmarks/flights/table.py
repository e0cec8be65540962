"""The table of reviewed snapshots, 100 columns wide, and what it comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.flights.measure import first_defect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.corpus.labels import Snapshot
    from benchmarks.flights.measure import Reviewed


def table(snapshots: Sequence[Snapshot], reviews: Mapping[str, Reviewed]) -> str:
    """One line for each snapshot, and one for each command that was flown."""
    lines = [
        f"{'id':<10}{'verdict':<11}{'blockers':>8}  {'first defect':<22}{'named by':<9}{'flown':<9}{'review':>8}",
        "-" * 77,
    ]
    for snapshot in snapshots:
        review = reviews[snapshot.id]
        label = first_defect(snapshot)
        named = "-" if review.first is None else review.first or "NOBODY"
        flown = f"{sum(command['status'] == 'finished' for command in review.flown)} of {len(review.flown)}"
        lines.append(
            f"{snapshot.id:<10}{review.outcome:<11}{len(review.blockers):>8}  "
            f"{label.category if label else '-':<22}{named:<9}{flown if review.flown else 'no':<9}"
            f"{review.seconds:>6.1f} s"
        )
        for command in review.flown:
            lines.append(
                f"{'':10}{command['mode']} {command['name'][:40]}: {command['status']}, {command['seconds']:.1f} s, "
                f"{command['peak_memory_bytes'] / 2**30:.1f} GiB"
            )
            if command["reason"]:
                lines.append(f"{'':12}{command['reason'][:110]}")
        lines += [f"{'':10}not flown: {trouble[:110]}" for trouble in review.troubles]
    return "\n".join(lines) + "\n"


def summary(snapshots: Sequence[Snapshot], reviews: Mapping[str, Reviewed]) -> str:
    """What the table comes to."""
    first = [reviews[snapshot.id].first for snapshot in snapshots if reviews[snapshot.id].first is not None]
    invalid = [snapshot for snapshot in snapshots if snapshot.id.startswith("trap")]
    trained = [snapshot for snapshot in snapshots if snapshot.trained]
    refused = [snapshot.id for snapshot in invalid if reviews[snapshot.id].outcome == "not ready"]
    labelled = [snapshot.id for snapshot in invalid if reviews[snapshot.id].labelled]
    gpu = [snapshot.id for snapshot in invalid if reviews[snapshot.id].gpu and snapshot.id not in refused]
    reasons = f"{len(labelled)} for a labelled reason, {len(gpu)} more need a GPU"
    completed = [f"{one.id} {reviews[one.id].outcome}{_flew(reviews[one.id])}" for one in trained]
    lines = [
        f"first defect named: {sum(bool(found) for found in first)} of {len(first)}",
        f"completed but invalid: {len(refused)} of {len(invalid)} not ready, {reasons}",
        f"completed: {', '.join(completed)}",
    ]
    return "\n".join(lines) + "\n"


def _flew(review: Reviewed) -> str:
    if not review.flown:
        return " (not flown)"
    return " (flew)" if all(command["status"] == "finished" for command in review.flown) else " (flight failed)"
