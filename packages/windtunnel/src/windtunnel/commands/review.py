"""``windtunnel review``: the check and the flights, one verdict; and the same of many repositories."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from windtunnel.commands import asking, flying, reporting
from windtunnel.errors import UsageError

_EPILOG = """\
examples:
  windtunnel review experiments/glora-glue
      the check, then every run configuration in trial mode, then the verdict
  windtunnel review experiments/glora-glue --full --run '*MiniLM*SST-2' --results-dir reviewed
      also in full mode with the evaluation and the probes; what was flown is kept in reviewed/
  windtunnel review submission.json --runs runs/ --env project --format rubric
      {"is_code_ready": ..., "code_issue": ...}, flown in an environment made from its own dependencies
  windtunnel review repositories/* --jobs 2 > verdicts.jsonl
      one line of JSON for each repository
  windtunnel review experiments/glora-glue --judge --context hypothesis.md
      and what a language model says to the questions that rules cannot decide

exit codes:
  0 ready    1 not ready    2 the command line cannot be    3 undecided, or a fault of windtunnel    130 ended by Ctrl-C
  of many repositories: 0 all ready, 1 one is not ready, else 3
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "review",
        help="check an experiment repository, fly it in miniature, and give one verdict",
        description="Check an experiment repository, then fly it in trial mode if no blocker forbids it, then give one "
        "verdict with the findings behind it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", nargs="+", help=reporting.PATH_HELP + "; several are reviewed in turn")
    parser.add_argument(
        "--full",
        action="store_true",
        help="fly it in full mode too, with its evaluation, once more with the same seed and once with permuted labels",
    )
    parser.add_argument(
        "--judge",
        action="store_true",
        help="ask a language model as well what rules cannot decide; its claims advise unless --judge-blocks is given",
    )
    flying.add_options(parser)
    parser.add_argument(
        "--results-dir",
        type=Path,
        metavar="DIR",
        help="keep what was flown in DIR/trial and DIR/full, of several repositories in DIR/NAME/ "
        "(default: nothing is kept)",
    )
    parser.add_argument(
        "--jobs",
        type=flying.positive,
        default=1,
        metavar="N",
        help="of several repositories, review N at a time (default: %(default)s)",
    )
    parser.add_argument(
        "--backend",
        choices=("processes", "ray"),
        default="processes",
        help="of several repositories, processes of this machine or a Ray cluster's (default: %(default)s)",
    )
    reporting.add_options(parser)
    asking.add_options(parser)
    parser.set_defaults(verb=_review)


def _review(arguments: argparse.Namespace) -> int:
    from rich.console import Console  # noqa: PLC0415 - it and the servers take a second to import, --help none

    from windtunnel.flight.options import parse_served  # noqa: PLC0415
    from windtunnel.reviewing import review  # noqa: PLC0415

    reporting.check_output(arguments)
    settings = {
        "full": arguments.full,
        "runs": arguments.runs,
        "run": tuple(arguments.run),
        "env": arguments.env,
        "as_of": arguments.as_of,
        "select": tuple(arguments.select),
        "ignore": reporting.ignored(arguments),
        "serve": parse_served(arguments.serve),
        "catalog": tuple(arguments.catalog),
        "timeout_seconds": arguments.timeout,
        "memory_bytes": flying.memory_bytes(arguments),
        "unsandboxed": arguments.sandbox == "none",
        "results_dir": arguments.results_dir,
    }
    if arguments.judge and len(arguments.path) > 1:
        raise UsageError("--judge reviews one submission at a time: each has a context of its own")
    if len(arguments.path) > 1:
        return _many(arguments, settings)
    (arguments.path,) = arguments.path
    asking.refuse_unless(arguments, asked=arguments.judge)
    ready = asking.prepared(arguments) if arguments.judge else None
    verdict = review(
        arguments.path,
        stdin=reporting.stdin_of(arguments),
        err=Console(stderr=True),
        context=arguments.context,
        judged=arguments.judge,
        **settings,
    )
    if ready is not None:
        verdict = asking.asked(verdict, ready)
    reporting.report(verdict, arguments)
    return verdict.exit_code


def _many(arguments: argparse.Namespace, settings: dict[str, object]) -> int:
    from windtunnel.batch import review_each  # noqa: PLC0415 - a batch alone needs it
    from windtunnel.commands.output import to_file, to_stdout  # noqa: PLC0415

    if "-" in arguments.path:
        raise UsageError("- stands for one submission on standard input; review it alone")
    codes: list[int] = []
    lines: list[str] = []
    for reviewed in review_each(arguments.path, settings, jobs=arguments.jobs, backend=arguments.backend):
        codes.append(reviewed.exit_code)
        line = json.dumps(reviewed.record, ensure_ascii=False, allow_nan=False) + "\n"
        lines.append(line)
        if arguments.output is None:
            to_stdout(line, encoding="utf-8")
        sys.stderr.write(f"{len(codes)} of {len(arguments.path)}: {reviewed.path}: {reviewed.record['outcome']}\n")
    if arguments.output is not None:
        to_file(arguments.output, "".join(lines))
    return 1 if 1 in codes else 3 if any(codes) else 0
