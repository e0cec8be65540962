from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.rules.base import Rule


def test_a_finding_takes_from_its_rule_what_it_does_not_say(rule: Callable[..., type[Rule]]) -> None:
    made = rule("AAA001", criterion=8, severity=Severity.WARNING, source="table")().finding("wrong", Place("a.py"))
    assert (made.code, made.criterion, made.severity, made.source) == ("AAA001", 8, Severity.WARNING, "table")
    assert made.stops_at is Stage.EVALUATION


def test_a_finding_may_say_otherwise(rule: Callable[..., type[Rule]]) -> None:
    made = rule("AAA001", stage=Stage.IMPORT)().finding("wrong", Place("a.py"), severity=Severity.NOTE, source="table")
    assert (made.severity, made.source, made.stops_at) == (Severity.NOTE, "table", Stage.IMPORT)
    assert rule("AAA001", stage=Stage.IMPORT)().finding("", Place(""), stage=Stage.PARSE).stops_at is Stage.PARSE


def test_what_is_quoted_is_bounded(rule: Callable[..., type[Rule]]) -> None:
    made = rule("AAA001")().finding("x" * 10_000_000, Place("a.py"), evidence="y" * 10_000_000)
    assert len(made.message) == len(made.evidence) == 2000


def test_the_title_is_the_first_line_of_the_docstring(rule: Callable[..., type[Rule]]) -> None:
    assert rule("AAA001", __doc__="A key is missing.\n\n    More.\n    ").title() == "A key is missing"
