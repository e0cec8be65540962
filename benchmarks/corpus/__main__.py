"""The command line of the corpus."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.corpus.labels import CorpusError, read_judgements, read_labels
from benchmarks.corpus.measure import cold_seconds, review
from benchmarks.corpus.tables import as_json, details, recall_table, summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.corpus.labels import Categories
    from benchmarks.corpus.measure import Check
    from windtunnel.findings import Finding

EXAMPLES = """\
examples:
  python -m benchmarks.corpus labels.json snapshots
  python -m benchmarks.corpus labels.json snapshots -v --judged benchmarks/corpus/judgements.json --json corpus.json
"""
LABELLED_AS_OF = date(2025, 12, 1)  # about when the labelled repositories were written


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.corpus",
        description="Measure what `windtunnel check` finds of the labelled defects of a corpus of snapshots.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", type=Path, metavar="LABELS.json")
    parser.add_argument("snapshots", type=Path, metavar="SNAPSHOTS_DIR", help="one folder for each id of the labels")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, each finding included, to FILE")
    parser.add_argument(
        "--as-of", type=date.fromisoformat, default=LABELLED_AS_OF, metavar="DATE", help="passed on (%(default)s)"
    )
    parser.add_argument("--judged", type=Path, metavar="FILE", help="what was decided about blockers without a label")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what was missed and what has no label")
    return parser.parse_args(arguments)


def checker(as_of: date) -> tuple[Check, Categories]:
    """The check, and the categories that each of its rules answers."""
    from windtunnel.check import check  # noqa: PLC0415 - rules take a while to import, a wrong command line none
    from windtunnel.rules.registry import all_rules  # noqa: PLC0415

    def checked(path: Path) -> tuple[Sequence[Finding], Sequence[str]]:
        verdict = check(path, as_of=as_of)
        failed = [f"{o.rule.code()}: {o.error or 'out of time'}" for o in verdict.outcomes if o.error or o.out_of_time]
        return verdict.findings, failed

    return checked, {rule.code(): rule.categories for rule in all_rules()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns 0, 1 if a check failed on a snapshot, 2 if the input is not what it must be."""
    options = parse(arguments)
    try:
        snapshots = read_labels(options.labels)
        judged = None if options.judged is None else read_judgements(options.judged)
        review(snapshots, options.snapshots, *checker(options.as_of))
        cold = cold_seconds(options.snapshots / snapshots[0].id, options.as_of)
    except CorpusError as error:
        print(f"benchmarks.corpus: {error}", file=sys.stderr)
        return 2
    if options.verbose:
        print(details(snapshots, judged or {}))
    print(recall_table(snapshots, blocking=True))
    print(recall_table(snapshots, blocking=False))
    print(summary(snapshots, judged, cold), end="")
    if options.json is not None:
        written = json.dumps(as_json(snapshots, cold, options.as_of), indent=1)
        options.json.write_text(written + "\n", encoding="utf-8")
    return 1 if any(snapshot.failures for snapshot in snapshots) else 0


if __name__ == "__main__":
    sys.exit(main())
