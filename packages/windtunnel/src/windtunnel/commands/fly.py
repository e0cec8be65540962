"""``windtunnel fly``: the experiment run in miniature, watched, and what the instruments saw."""

from __future__ import annotations

import argparse
from pathlib import Path

from windtunnel.commands import flying, reporting

_EPILOG = """\
examples:
  windtunnel fly experiments/glora-glue
      every run configuration, briefly
  windtunnel fly experiments/glora-glue --mode full --run '*MiniLM*SST-2'
      three methods side by side, whole, and the comparison
  windtunnel fly experiments/glora-glue --mode full --run '*MiniLM*SST-2' --serve nyu-mll/glue=data/glue
      the same on real data in data/glue/<config>/<split>.parquet
  windtunnel fly experiments/glora-glue --mode full --run '*MiniLM*SST-2' --resume
      go on where an interrupted flight stopped
  windtunnel fly repository --env project --as-of 2025-12-01 --format json --output report.json
      in an environment made from the project's own dependencies, as of that day

exit codes:
  0 all went well    1 a run failed or its result is worthless    2 the command line cannot be
  3 undecided, or could not be flown    130 ended by Ctrl-C    143 ended by SIGTERM
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "fly",
        help="run an experiment repository through its own command line, offline",
        description="Run the run configurations of an experiment repository through its own command line, in a "
        "sandbox, against a loopback Hugging Face hub and a loopback W&B server, and after a full flight its "
        "evaluation; then judge what it did.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", help=reporting.PATH_HELP)
    parser.add_argument(
        "--mode", choices=("trial", "full"), default="trial", help="passed to the experiment (default: %(default)s)"
    )
    flying.add_options(parser)
    parser.add_argument(
        "--results-dir",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="gets {run_id}/, comparison/ and flight/; an earlier flight found there is moved to "
        "DIR/earlier/<time> (default: ./results)",
    )
    parser.add_argument("--resume", action="store_true", help="continue the earlier flight found in DIR instead")
    parser.add_argument(
        "--probes",
        action="store_true",
        help="after a full flight, fly its first run once more with the same seed and once with permuted labels",
    )
    reporting.add_options(parser)
    parser.set_defaults(verb=_fly)


def _fly(arguments: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415 - it and the servers take a second to import, --help none

    from windtunnel.flight import fly  # noqa: PLC0415
    from windtunnel.judging import judge  # noqa: PLC0415
    from windtunnel.report.closing import print_closing, print_failures  # noqa: PLC0415
    from windtunnel.submission import load  # noqa: PLC0415

    reporting.check_output(arguments)
    ignored = reporting.ignored(arguments)
    submission = load(arguments.path, runs=arguments.runs, stdin=reporting.stdin_of(arguments))
    with flying.options_of(
        arguments,
        submission,
        mode=arguments.mode,
        results_dir=arguments.results_dir,
        resume=arguments.resume,
        probes=arguments.probes,
    ) as options:
        err = Console(stderr=True)
        flown = fly(options, err=err)
        if flown.interrupted:
            return flown.interrupted
        if arguments.format == "text" and arguments.output is None:
            print_closing(flown, out=Console())
        print_failures(flown, err=err)
        verdict = judge(submission, [flown.flight], as_of=arguments.as_of, select=arguments.select, ignore=ignored)
    reporting.report(verdict, arguments)
    return verdict.exit_code
