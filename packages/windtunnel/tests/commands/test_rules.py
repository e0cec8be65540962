from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from windtunnel.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.rules.base import Rule


@pytest.fixture(autouse=True)
def rules(rule: Callable[..., type[Rule]], monkeypatch: pytest.MonkeyPatch) -> None:
    # a family is described by the module it is in
    both = (rule("AAA001", __module__="windtunnel.rules.base"), rule("BBB001", __module__="windtunnel.rules.run"))
    monkeypatch.setattr("windtunnel.rules.registry.all_rules", lambda: both)


def test_rules_are_listed_by_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("AAA: What a rule is")
    assert lines[1:3] == [
        "  AAA001   blocker   criterion 7   thing-of-aaa001",
        "           A thing that AAA001 is about",
    ]
    assert lines[4].startswith("BBB: Running rules")
    assert lines[-1].startswith("2 rules")


def test_rules_are_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [rule["code"] for rule in record["rules"]] == ["AAA001", "BBB001"]
    assert record["rules"][0] == {
        "code": "AAA001",
        "family": "AAA",
        "name": "thing-of-aaa001",
        "title": "A thing that AAA001 is about",
        "severity": "blocker",
        "criterion": 7,
        "stage": "config",
        "source": "static",
    }


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["rules", "--help"])
    assert "windtunnel rules --format json" in capsys.readouterr().out
