"""``windtunnel check``: the static review."""

from __future__ import annotations

import argparse

from windtunnel.commands import reporting

_EPILOG = """\
examples:
  windtunnel check experiments/glora-glue
      what would stop this experiment, and where
  windtunnel check submission.json --runs runs/ --format rubric
      {"is_code_ready": ..., "code_issue": ...} of a submission with its run configurations beside it
  windtunnel check - --format json --output report.json < review.md
      a whole review document, the findings and all that was looked at in report.json
  windtunnel check . --select CFG,criterion:8 --as-of 2025-12-01
      only these rules, with the library versions of that day
  windtunnel check . --ignore MET002='the task has one class'
      what MET002 finds does not count, and the report says why

exit codes:
  0 ready    1 not ready    2 the command line cannot be    3 undecided, or a fault of windtunnel    130 ended by Ctrl-C
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "check",
        help="find what breaks an experiment repository, without running it",
        description="Review an experiment repository against its contract: nothing of it is imported or run, nothing "
        "is asked of the network.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("path", metavar="PATH", help=reporting.PATH_HELP)
    reporting.add_options(parser)
    parser.set_defaults(verb=_check)


def _check(arguments: argparse.Namespace) -> int:
    from windtunnel.check import check  # noqa: PLC0415 - the rules take longer to import than --help should

    reporting.check_output(arguments)
    verdict = check(
        arguments.path,
        runs=arguments.runs,
        as_of=arguments.as_of,
        select=arguments.select,
        ignore=reporting.ignored(arguments),
        stdin=reporting.stdin_of(arguments),
    )
    reporting.report(verdict, arguments)
    return verdict.exit_code
