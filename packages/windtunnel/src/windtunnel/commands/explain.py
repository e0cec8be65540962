"""``windtunnel explain``: what a rule looks for, why, what it flags, what is right instead, and whose demand it is."""

from __future__ import annotations

import argparse
import inspect
import textwrap
from typing import TYPE_CHECKING

from windtunnel.commands.output import to_stdout
from windtunnel.contract import CRITERIA

if TYPE_CHECKING:
    from windtunnel.rules.base import Rule

_SOURCES = {
    "flight": "from a flight in miniature: what the code did when it was run",
    "static": "read from the files",
    "rehearsal": "followed through the code with the configuration of each run",
    "table": "looked up in a table of libraries or hub ids",
}
_EPILOG = """\
examples:
  windtunnel explain CFG003
      what the rule looks for, why, what it flags, and what is right instead
"""
_WIDTH = 80


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "explain",
        help="explain a rule of check",
        description="Explain a rule of `windtunnel check`.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("code", metavar="CODE", help="code or name of the rule, as `windtunnel rules` lists them")
    parser.set_defaults(verb=_explain)


def _explain(arguments: argparse.Namespace) -> int:
    from windtunnel.rules.registry import find  # noqa: PLC0415 - the rules take longer to import than --help should

    to_stdout(explanation(find(arguments.code)))
    return 0


def explanation(rule: type[Rule]) -> str:
    """Return what there is to say about a rule."""
    criterion = CRITERIA[rule.criterion]
    doc = rule.doc
    parts = [
        f"{rule.code()} {rule.name} ({rule.severity.value})\n{_filled(rule.title() + '.', '')}",
        _section("What it looks for", doc.what),
        _section("Why it matters", doc.why),
        _section("Example", doc.example, verbatim=True),
        _section("Use instead", doc.instead, verbatim=True),
        _section("Limits", doc.limits),
        _section("Contract", f"Criterion {criterion.number}, {criterion.title}: {criterion.asks}."),
        _section("How it is known", f"{_SOURCES.get(rule.source, rule.source)}."),
        _section("When it shows", f"{rule.stops_at().value}."),
    ]
    return "\n".join(part for part in parts if part)


def _section(heading: str, text: str, *, verbatim: bool = False) -> str:
    text = inspect.cleandoc(text)
    if not text:
        return ""
    return f"{heading}\n" + (textwrap.indent(text, "    ") if verbatim else _filled(text, "  ")) + "\n"


def _filled(text: str, indent: str) -> str:
    """Return the text at the page's width, paragraph by paragraph."""
    paragraphs = inspect.cleandoc(text).split("\n\n")
    return "\n\n".join(
        textwrap.fill(
            paragraph,
            _WIDTH,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for paragraph in paragraphs
    )
