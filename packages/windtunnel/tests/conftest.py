"""What the tests of verdicts and reports have in common: rules that do as they are told, and a small submission."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.findings import Finding, Place, Severity
from windtunnel.rules.base import Doc, Outcome, Rule
from windtunnel.verdict import Verdict, conclude

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TRAIN = "import torch\n\n\ndef train(cfg):\n    lr = cfg.training.lr\n    return lr\n"


@dataclass(frozen=True)
class Sheet:
    """As much of a submission as a report reads."""

    texts: Mapping[str, str] = field(default_factory=lambda: {"src/train.py": TRAIN})
    origin: str = "experiment"
    kind: str = "folder"
    digest: str = "0" * 64

    def text(self, path: str) -> str | None:
        return self.texts.get(path)


def make_rule(code: str, **attributes: Any) -> type[Rule]:
    """A rule of this code, with everything that every rule has."""
    given = {
        "__doc__": f"A thing that {code} is about.",
        "__module__": "windtunnel.rules.made_by_a_test",
        "name": f"thing-of-{code.lower()}",
        "criterion": 7,
        "doc": Doc(what="Looks.", why="It breaks.", example="a = 1", instead="a = 2"),
    }
    return type(code, (Rule,), {**given, **attributes})


def make_finding(code: str = "AAA001", **changes: Any) -> Finding:
    given: dict[str, Any] = {
        "code": code,
        "criterion": 7,
        "severity": Severity.BLOCKER,
        "message": "cfg.training.lr is read, and no configuration has it",
        "place": Place("src/train.py", 5, 10),
        "evidence": "cfg.training.lr",
        "fix": "add training.lr to config/config.yaml",
    }
    return Finding(**{**given, **changes})


def make_verdict(*findings: Finding, outcomes: tuple[Outcome, ...] = (), texts: Any = None, **changes: Any) -> Verdict:
    """The verdict on findings, each from a rule of its code."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    found = [Outcome(make_rule(code), tuple(same)) for code, same in sorted(by_code.items())]
    return conclude(
        Sheet() if texts is None else Sheet(texts),  # type: ignore[arg-type]
        (*found, *outcomes) or (Outcome(make_rule("AAA001")),),
        as_of=date(2025, 12, 1),
        **changes,
    )


@pytest.fixture(name="rule")
def rule_maker() -> Callable[..., type[Rule]]:
    return make_rule


@pytest.fixture(name="finding")
def finding_maker() -> Callable[..., Finding]:
    return make_finding


@pytest.fixture(name="verdict")
def verdict_maker() -> Callable[..., Verdict]:
    return make_verdict


@pytest.fixture(name="sheet")
def sheet_maker() -> Callable[..., Sheet]:
    return Sheet
