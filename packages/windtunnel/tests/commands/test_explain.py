from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.cli import main
from windtunnel.rules.base import Doc

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.rules.base import Rule


@pytest.fixture(autouse=True)
def rules(rule: Callable[..., type[Rule]], monkeypatch: pytest.MonkeyPatch) -> None:
    doc = Doc(
        what="Looks for " + "many " * 20 + "words.",
        why="It breaks.",
        example="""
        if a:
            b = 1
        """,
        instead="b = 2",
        limits="Cannot see far.",
    )
    both = (rule("AAA001", doc=doc, name="far-thing"), rule("BBB001"))
    monkeypatch.setattr("windtunnel.rules.registry.all_rules", lambda: both)


def test_a_rule_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "AAA001"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("AAA001 far-thing (blocker)\nA thing that AAA001 is about.\n")
    assert "\nWhat it looks for\n  Looks for many" in shown
    assert "\nWhy it matters\n  It breaks.\n" in shown
    assert "\nExample\n    if a:\n        b = 1\n" in shown
    assert "\nUse instead\n    b = 2\n" in shown
    assert "\nLimits\n  Cannot see far.\n" in shown
    assert "\nContract\n  Criterion 7, Configuration files: run configurations and search spaces" in shown
    assert "\nHow it is known\n  read from the files.\n" in shown
    assert shown.endswith("\nWhen it shows\n  config.\n")
    assert max(map(len, shown.splitlines())) <= 80


def test_what_a_rule_does_not_say_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    main(["explain", "BBB001"])
    assert "Limits" not in capsys.readouterr().out


def test_a_rule_is_explained_by_name_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "far-thing"]) == 0
    assert capsys.readouterr().out.startswith("AAA001")


def test_an_unknown_rule_exits_2_and_names_what_comes_close(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "AAA002"]) == 2
    captured = capsys.readouterr()
    assert "there is no rule 'AAA002' (did you mean AAA001" in captured.err
    assert captured.out == ""
