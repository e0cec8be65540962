"""``windtunnel audit``: somebody else's verdict, held against what the rules know."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from windtunnel.commands import asking, reporting
from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from windtunnel.claims import Audit

MOST_BYTES = 5_000_000  # of a verdict

_EPILOG = """\
examples:
  windtunnel audit verdict.json experiments/glora-glue
      each sentence of {"is_code_ready": ..., "code_issue": "..."}: confirmed, refuted or undecidable, and why
  windtunnel audit verdict.json submission.json --runs runs/ --format json
      the same as JSON, of a submission with its run configurations beside it
  some-reviewer | windtunnel audit - experiments/glora-glue
  windtunnel audit verdict.json . --model gpt-4.1
      and for what no rule decides, a line of the code that a language model points to
  windtunnel audit --kinds

exit codes:
  0 audited    2 the command line cannot be    3 nothing of the verdict could be decided
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "audit",
        help="check somebody else's verdict against the code, sentence by sentence",
        description="Split a verdict into its claims and decide each by the rules: confirmed, refuted or undecidable, "
        "with the evidence. No model and no network take part unless --model is given; a model decides nothing.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verdict", metavar="VERDICT", nargs="?", help='JSON with "code_issue", or - for stdin')
    parser.add_argument("path", metavar="PATH", nargs="?", help=reporting.PATH_HELP)
    parser.add_argument("--kinds", action="store_true", help="list the kinds of claims and what decides each, and end")
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help="folder of run configurations *.yaml, instead of the submission's own"
    )
    parser.add_argument(
        "--as-of",
        type=reporting.day,
        metavar="DATE",
        help="the day, as YYYY-MM-DD, whose library versions count (default: today)",
    )
    asking.add_endpoint(parser, model=None)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: %(default)s)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="write the report to FILE and one line of summary to stdout"
    )
    parser.set_defaults(verb=_audit)


def _audit(arguments: argparse.Namespace) -> int:
    from windtunnel.claims import Case, audit  # noqa: PLC0415 - the rules take longer to import than --help should
    from windtunnel.submission import load  # noqa: PLC0415

    if arguments.kinds:
        return _kinds()
    if arguments.verdict is None or arguments.path is None:
        raise UsageError("give VERDICT and PATH, or --kinds")
    arguments.also = []
    reporting.check_output(arguments)
    ready = asking.prepared(arguments) if arguments.model is not None else None
    verdict = _read(arguments.verdict)
    if arguments.verdict == "-" and arguments.path == "-":
        raise UsageError("VERDICT and PATH are both -; standard input holds one of them")
    submission = load(arguments.path, runs=arguments.runs, stdin=reporting.stdin_of(arguments))
    audited = audit(verdict, Case.of(submission, as_of=arguments.as_of))
    if ready is not None:
        from windtunnel.reader.supporting import supported  # noqa: PLC0415

        audited = supported(audited, *ready, progress=asking.tell)
    _report(audited, arguments)
    return 0 if audited.decidable else 3


def _kinds() -> int:
    from windtunnel.claims.kinds import ALL_KINDS  # noqa: PLC0415
    from windtunnel.commands.output import to_stdout  # noqa: PLC0415

    width = max(len(kind.name) for kind in ALL_KINDS) + 2
    lines = [
        line
        for kind in ALL_KINDS
        for line in textwrap.wrap(
            kind.decided_by, 80, initial_indent=f"{kind.name:<{width}}", subsequent_indent=" " * width
        )
    ]
    to_stdout("\n".join(lines) + "\n")
    return 0


def _read(name: str) -> dict[str, Any]:
    """The verdict of a file.

    Raises:
        UsageError: there is none, or it is no JSON object.
    """
    try:
        if name == "-":
            data = sys.stdin.buffer.read(MOST_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageError(f"{name} has more than {MOST_BYTES} bytes, which no verdict has")
        found = json.loads(data.decode("utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{name} cannot be read: {error.strerror}; give the verdict's file") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{name} is no JSON: {str(error)[:200]}") from error
    if not isinstance(found, dict):
        raise UsageError(
            f'{name} holds a {type(found).__name__}; a verdict is {{"is_code_ready": ..., "code_issue": ...}}'
        )
    return found


def _report(audited: Audit, arguments: argparse.Namespace) -> None:
    from windtunnel.commands.output import to_file, to_stdout  # noqa: PLC0415
    from windtunnel.report import audit_report  # noqa: PLC0415

    on_terminal = arguments.output is None and sys.stdout.isatty()
    if arguments.format == "json":
        document = audit_report.as_json(audited)
    else:
        width = min(120, shutil.get_terminal_size().columns) if on_terminal else 80
        colour = on_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        document = audit_report.render(audited, width=max(40, width), colour=colour)
    if arguments.output is None:
        to_stdout(document, encoding="utf-8" if arguments.format == "json" else None)
        return
    to_file(arguments.output, document)
    to_stdout(audit_report.summary(audited) + "\n")
