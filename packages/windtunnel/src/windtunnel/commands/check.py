"""``windtunnel check``: its options, and which report goes where."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.commands.output import check_writable, to_file, to_stdout

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.verdict import Verdict

_WIDEST = 120  # columns beyond which text is hard to read

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
    parser.add_argument(
        "path", metavar="PATH", help="a repository's folder, a submission JSON, a review document, or - for stdin"
    )
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help="folder of run configurations *.yaml, instead of the submission's own"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "rubric", "sarif"),
        default="text",
        help="text for people, json for everything, rubric for the two fields of the verdict, sarif for code scanners "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report to FILE and one line of summary to stdout"
    )
    parser.add_argument(
        "--select",
        action="append",
        default=[],
        metavar="WHICH",
        help="run only these rules: codes, beginnings of codes or criterion:N, with commas between; may be repeated. "
        "The verdict then speaks for these alone",
    )
    parser.add_argument(
        "--ignore",
        action="append",
        default=[],
        metavar="CODE=REASON",
        help="report what this rule finds as ignored, and do not count it; may be repeated",
    )
    parser.add_argument(
        "--as-of",
        type=_day,
        metavar="DATE",
        help="the day, as YYYY-MM-DD, whose library versions count (default: today)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="list also the rules that were skipped, and why")
    parser.set_defaults(verb=_check)


def _check(arguments: argparse.Namespace) -> int:
    from windtunnel.check import check  # noqa: PLC0415 - the rules take longer to import than --help should
    from windtunnel.rules.select import parse_ignored  # noqa: PLC0415

    output: Path | None = arguments.output
    if output is not None:
        check_writable(output)
    verdict = check(
        arguments.path,
        runs=arguments.runs,
        as_of=arguments.as_of,
        select=arguments.select,
        ignore=parse_ignored(arguments.ignore),
        stdin=sys.stdin.buffer if arguments.path == "-" else None,
    )
    on_terminal = output is None and sys.stdout.isatty()
    document = _renderer(arguments.format, on_terminal=on_terminal, verbose=arguments.verbose)(verdict)
    if output is None:
        # JSON is UTF-8 whatever the terminal speaks
        to_stdout(document, encoding=None if arguments.format == "text" else "utf-8")
    else:
        from windtunnel.report.check_text import summary  # noqa: PLC0415

        to_file(output, document)
        to_stdout(summary(verdict) + "\n")
    return verdict.exit_code


def _renderer(wanted: str, *, on_terminal: bool, verbose: bool) -> Callable[[Verdict], str]:
    """Return what writes the report; only its module is imported."""
    if wanted == "json":
        from windtunnel.report import check_json  # noqa: PLC0415

        return check_json.render
    if wanted == "rubric":
        from windtunnel.report import check_json  # noqa: PLC0415

        return check_json.render_rubric
    if wanted == "sarif":
        from windtunnel.report import sarif  # noqa: PLC0415

        return sarif.render
    from windtunnel.report import check_text  # noqa: PLC0415

    width = min(_WIDEST, shutil.get_terminal_size().columns) if on_terminal else 80
    colour = on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return lambda verdict: check_text.render(verdict, width=width, colour=colour, verbose=verbose)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; give it as YYYY-MM-DD, such as 2025-12-01") from None
