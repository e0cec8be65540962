"""``windtunnel rules``: every rule there is, by family."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from windtunnel.commands.output import to_stdout

if TYPE_CHECKING:
    from windtunnel.rules.base import Rule

_EPILOG = """\
examples:
  windtunnel rules
      code, severity, criterion and name of every rule, and what each says
  windtunnel rules --format json | jq -r '.rules[] | select(.criterion == 8) | .code'
      the codes of the rules that answer criterion 8
"""


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "rules",
        help="list the rules of check",
        description="List the rules of `windtunnel check` by family.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="(default: %(default)s)")
    parser.set_defaults(verb=_rules)


def _rules(arguments: argparse.Namespace) -> int:
    from windtunnel.rules.registry import all_rules  # noqa: PLC0415 - the rules take longer to import than --help should

    if arguments.format == "json":
        to_stdout(_as_json(all_rules()), encoding="utf-8")
    else:
        to_stdout(_as_text(all_rules()))
    return 0


def _as_text(rules: tuple[type[Rule], ...]) -> str:
    from windtunnel.rules.registry import families, family_title  # noqa: PLC0415

    blocks = []
    for family, members in families(rules).items():
        lines = [f"{family}: {family_title(members)}"]
        for rule in members:
            lines.append(f"  {rule.code():<8} {rule.severity.value:<9} criterion {rule.criterion:<2}  {rule.name}")
            lines.append(f"           {rule.title()}")
        blocks.append("\n".join(lines) + "\n")
    blocks.append(f"{len(rules)} rules; `windtunnel explain CODE` says what one looks for and why\n")
    return "\n".join(blocks)


def _as_json(rules: tuple[type[Rule], ...]) -> str:
    from windtunnel.rules.registry import family_of  # noqa: PLC0415

    records = [
        {
            "code": rule.code(),
            "family": family_of(rule.code()),
            "name": rule.name,
            "title": rule.title(),
            "severity": rule.severity.value,
            "criterion": rule.criterion,
            "stage": rule.stops_at().value,
            "source": rule.source,
        }
        for rule in rules
    ]
    return json.dumps({"schema_version": 1, "rules": records}, indent=2, ensure_ascii=False) + "\n"
