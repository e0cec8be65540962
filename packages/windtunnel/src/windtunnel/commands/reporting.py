"""What check, fly and review have in common on the command line: what is reviewed, by which rules, what is reported."""

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
    from typing import BinaryIO

    from windtunnel.verdict import Verdict

FORMATS = ("text", "json", "rubric", "sarif")
PATH_HELP = "a repository's folder, a submission JSON, a review document, or - for stdin"

_WIDEST = 120  # columns beyond which text is hard to read


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that decide what is reviewed, by which rules, and how it is reported."""
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help="folder of run configurations *.yaml, instead of the submission's own"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="text for people, json for everything, rubric for the two fields of the verdict, sarif for code scanners "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report to FILE and one line of summary to stdout"
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        type=_also,
        metavar="FORMAT=FILE",
        help="write the report to FILE in another format as well; may be repeated",
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
        type=day,
        metavar="DATE",
        help="the day, as YYYY-MM-DD, whose library versions count (default: today)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="list also the rules that were skipped, and why")


def check_output(arguments: argparse.Namespace) -> None:
    """Refuse an output file that cannot be written, before the work is done.

    Raises:
        UsageError: there is no place for it.
    """
    if arguments.output is not None:
        check_writable(arguments.output)
    for _, path in arguments.also:
        check_writable(path, option="--also")


def ignored(arguments: argparse.Namespace) -> dict[str, str]:
    """Return the reasons by code that ``--ignore`` gave.

    Raises:
        UsageError: one has no code or no reason.
    """
    from windtunnel.rules.select import parse_ignored  # noqa: PLC0415 - the rules take longer to import than --help

    return parse_ignored(arguments.ignore)


def stdin_of(arguments: argparse.Namespace) -> BinaryIO | None:
    """Return standard input if it is what is reviewed."""
    return sys.stdin.buffer if str(arguments.path) == "-" else None


def report(verdict: Verdict, arguments: argparse.Namespace) -> None:
    """Write the verdict where and as the options ask for it.

    Raises:
        WindtunnelError: it cannot be written.
    """
    for wanted, path in arguments.also:
        to_file(path, _renderer(wanted, on_terminal=False, verbose=arguments.verbose)(verdict), option="--also")
    output: Path | None = arguments.output
    on_terminal = output is None and sys.stdout.isatty()
    document = _renderer(arguments.format, on_terminal=on_terminal, verbose=arguments.verbose)(verdict)
    if output is None:
        # JSON is UTF-8 whatever the terminal speaks
        to_stdout(document, encoding=None if arguments.format == "text" else "utf-8")
        return
    from windtunnel.report.check_text import summary  # noqa: PLC0415

    to_file(output, document)
    to_stdout(summary(verdict) + "\n")


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


def _also(text: str) -> tuple[str, Path]:
    wanted, separator, path = text.partition("=")
    if wanted not in FORMATS or not separator or not path:
        raise argparse.ArgumentTypeError(f"{text!r} is not FORMAT=FILE with one of {', '.join(FORMATS)}")
    return wanted, Path(path)


def day(text: str) -> date:
    """Read a day as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; give it as YYYY-MM-DD, such as 2025-12-01") from None
