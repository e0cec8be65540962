"""The command line of the mutations."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.corpus.tables import share
from benchmarks.mutations.drawing import draw, sites
from benchmarks.mutations.measure import try_all, weighty
from benchmarks.mutations.operators import OPERATORS, Experiment
from windtunnel.contract import CRITERIA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.mutations.measure import Check, Trial
    from windtunnel.findings import Finding

EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"
EXAMPLES = """\
examples:
  python -m benchmarks.mutations
  python -m benchmarks.mutations --seed 1 -v --keep mutants --json mutations.json
  python -m benchmarks.mutations --operators search-space,hydra-main --count 40
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.mutations",
        description="Measure how many seeded defects of the project's own experiment `windtunnel check` finds.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draw (%(default)s)")
    parser.add_argument("--count", type=_positive, default=200, metavar="N", help="mutants (%(default)s)")
    parser.add_argument("--operators", type=_operators, metavar="NAME,...", help="draw from these alone")
    parser.add_argument("--as-of", type=date.fromisoformat, metavar="DATE", help="passed on (today)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything, each finding included, to FILE")
    parser.add_argument(
        "--jobs", type=_positive, default=os.cpu_count() or 1, metavar="N", help="processes (%(default)s)"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write every mutant to a folder of its own below DIR")
    parser.add_argument("-v", "--verbose", action="store_true", help="list the mutants that were missed")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive integer")
    return int(text)


def _operators(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in OPERATORS]:
        raise argparse.ArgumentTypeError(f"there is no operator {', '.join(unknown)}; there are {', '.join(OPERATORS)}")
    return names


def table(trials: Sequence[Trial]) -> str:
    """What was caught by operator, in the order of criteria, and in all."""
    lines = [f"{'criterion, operator':<44}{'n':>5}{'caught':>8}{'noticed':>9}{'share':>10}", "-" * 76]
    for number in CRITERIA:
        for name in (one.name for one in OPERATORS.values() if one.criterion == number):
            told = [trial for trial in trials if trial.mutant.operator.name == name]
            if told:
                lines.append(_row(f"{number:>2} {name}", told))
    return "\n".join([*lines, "-" * 76, _row("in all", trials), ""])


def _row(name: str, trials: Sequence[Trial]) -> str:
    caught = sum(trial.caught for trial in trials)
    noticed = sum(trial.noticed for trial in trials)
    return f"{name:<44}{len(trials):5}{caught:8}{noticed:9}{share(caught, len(trials)):>10}"


def missed(trials: Sequence[Trial]) -> str:
    """Mutants that were not caught, and what was said of them elsewhere."""
    lines = []
    for trial in trials:
        if not trial.caught:
            lines.append(f"missed {trial.mutant} (expected at {', '.join(sorted(trial.mutant.expected))})")
            lines += [f"       failed: {trial.failure}"] if trial.failure else []
            lines += [f"       elsewhere: {finding.code} {finding.place}" for finding in trial.findings]
    return "\n".join(lines)


def as_json(trials: Sequence[Trial], options: argparse.Namespace, own: Sequence[Finding]) -> dict[str, Any]:
    """Everything, for machines."""
    return {
        "seed": options.seed,
        "count": len(trials),
        "caught": sum(trial.caught for trial in trials),
        "unmutated": [_finding(finding) for finding in own],
        "mutants": [
            {
                "number": trial.mutant.number,
                "operator": trial.mutant.operator.name,
                "criterion": trial.mutant.operator.criterion,
                "what": trial.mutant.site.what,
                "changed": sorted(trial.mutant.site.changes),
                "expected": sorted(trial.mutant.expected),
                "caught": trial.caught,
                "seconds": trial.seconds,
                "failure": trial.failure,
                "findings": [_finding(finding) for finding in trial.findings],
            }
            for trial in trials
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "place": str(finding.place),
        "message": finding.message,
        "related": [str(place) for place in finding.related],
    }


def measure(options: argparse.Namespace, check: Check) -> int:
    """Draw, check and print; returns 1 if the unmutated experiment is found fault with, or a check failed, else 0."""
    experiment = Experiment.read(EXPERIMENT)
    found = sites(experiment)
    chosen = options.operators or list(OPERATORS)
    if idle := [name for name in chosen if not found[name]]:
        print(f"no site in the experiment: {', '.join(idle)}", file=sys.stderr)
    mutants = draw({name: found[name] for name in chosen}, options.count, options.seed)
    if len(mutants) < options.count:
        print(f"these operators have {len(mutants)} sites, and {options.count} were asked for", file=sys.stderr)
    own = weighty(check(EXPERIMENT))
    for finding in own:
        print(f"the unmutated experiment: {finding.code} {finding.severity.value} {finding.place} {finding.message}")
    with tempfile.TemporaryDirectory() as folder:
        trials = []
        for trial in try_all(experiment, mutants, check, Path(folder), keep=options.keep, jobs=options.jobs):
            trials.append(trial)
            print(f"{len(trials)} of {len(mutants)}", end="\r", file=sys.stderr, flush=True)
        print(file=sys.stderr)
    if options.verbose:
        print(missed(trials), end="\n\n")
    print(table(trials))
    seconds = [trial.seconds for trial in trials]
    print(f"{len(trials)} mutants of {len({t.mutant.operator.name for t in trials})} operators, seed {options.seed}")
    print(f"seconds for one: median {statistics.median(seconds):.2f}, max {max(seconds):.2f}; all {sum(seconds):.0f}")
    if options.json is not None:
        options.json.write_text(json.dumps(as_json(trials, options, own), indent=1) + "\n", encoding="utf-8")
    return 1 if own or any(trial.failure for trial in trials) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = parse(arguments)
    from windtunnel.check import check  # noqa: PLC0415 - --help needs no rules

    return measure(options, lambda folder: check(folder, as_of=options.as_of).findings)


if __name__ == "__main__":
    sys.exit(main())
