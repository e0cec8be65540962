"""The command line: review every snapshot of a corpus, flights included, and hold the verdicts against the labels."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.corpus.labels import CorpusError, read_labels
from benchmarks.flights.measure import Reviewed, reviewed
from benchmarks.flights.table import summary, table

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = """\
examples:
  python -m benchmarks.flights labels.json snapshots --json flights.json
  python -m benchmarks.flights labels.json snapshots --only ready --fly-anyway
"""
LABELLED_AS_OF = date(2025, 12, 1)  # about when the labelled repositories were written


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.flights",
        description="Review the snapshots of a corpus with `windtunnel review`, and compare with their labels.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("labels", type=Path, metavar="LABELS.json")
    parser.add_argument("snapshots", type=Path, metavar="SNAPSHOTS_DIR", help="one folder for each id of the labels")
    parser.add_argument("--only", default="", metavar="BEGINNING", help="of the ids to review (default: all)")
    parser.add_argument("--env", choices=("project", "current"), default="project", help="(default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=900.0, metavar="SECONDS", help="of a command (%(default)s)")
    parser.add_argument(
        "--fly-anyway",
        action="store_true",
        help="fly in trial mode also what the check found blockers in, to see what a flight shows by itself",
    )
    parser.add_argument(
        "--as-of", type=date.fromisoformat, default=LABELLED_AS_OF, metavar="DATE", help="passed on (%(default)s)"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="keep every verdict in FILE; a second call goes on where it stopped"
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns 0, or 2 if the input is not what it must be."""
    options = parse(arguments)
    try:
        snapshots = [found for found in read_labels(options.labels) if found.id.startswith(options.only)]
    except CorpusError as error:
        print(f"benchmarks.flights: {error}", file=sys.stderr)
        return 2
    done: dict[str, Reviewed] = {}
    if options.json is not None and options.json.exists():
        records = json.loads(options.json.read_text(encoding="utf-8"))
        done = {record["id"]: Reviewed.from_record(record) for record in records}
    for snapshot in snapshots:
        if snapshot.id in done:
            continue
        print(f"{snapshot.id} …", file=sys.stderr)
        done[snapshot.id] = reviewed(
            snapshot,
            options.snapshots / snapshot.id,
            as_of=options.as_of,
            env=options.env,
            timeout_seconds=options.timeout,
            fly_anyway=options.fly_anyway,
        )
        if options.json is not None:
            written = json.dumps([one.record() for one in done.values()], indent=1)
            options.json.write_text(written + "\n", encoding="utf-8")
    print(table(snapshots, done))
    print(summary(snapshots, done), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
