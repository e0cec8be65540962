from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from windtunnel.findings import Place, Severity
from windtunnel.report.check_text import render, summary
from windtunnel.rules.base import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Rule
    from windtunnel.verdict import Verdict


def test_a_finding_shows_the_line_the_mark_and_what_to_do(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    shown = render(
        verdict(
            finding(
                related=(Place("config/config.yaml", 12), Place("config/run/a.yaml")), runs=("a", "b"), modes=("full",)
            )
        )
    )
    assert shown == (
        "AAA001 blocker src/train.py:5:10 cfg.training.lr is read, and no configuration\n"
        "    has it\n"
        "5 |     lr = cfg.training.lr\n"
        "  |          ^^^^^^^^^^^^^^^\n"
        "  = fix: add training.lr to config/config.yaml\n"
        "  = also: config/config.yaml:12, config/run/a.yaml\n"
        "  = runs: a, b\n"
        "  = mode: full\n"
        "\n"
        "not ready: 1 blocker; 1 rule run\n"
    )


def test_evidence_without_a_line_in_the_file_is_shown_itself(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    shown = render(verdict(finding(place=Place("pyproject.toml", 3), evidence="dependencies = {}", fix="")))
    assert "\n  | dependencies = {}\n" in shown
    elsewhere = render(verdict(finding(evidence="lr: 0.1", fix="")))
    assert "5 |     lr = cfg.training.lr\n  |          ^\n  = seen: lr: 0.1\n" in elsewhere


def test_a_file_as_a_whole_and_the_repository_as_a_whole_have_no_line(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    for place, named in ((Place("src/gone.py"), "src/gone.py"), (Place(""), ".")):
        shown = render(verdict(finding(place=place, message="is wrong", evidence="", fix="")))
        assert shown.startswith(f"AAA001 blocker {named} is wrong\n\n")


def test_blockers_come_before_the_rest(verdict: Callable[..., Verdict], finding: Callable[..., Finding]) -> None:
    severities = [Severity.NOTE, Severity.WARNING, Severity.UNDECIDED, Severity.BLOCKER]
    found = [finding(f"AAA00{number}", severity=severity) for number, severity in enumerate(severities)]
    heads = [line for line in render(verdict(*found)).splitlines() if line.startswith("AAA")]
    assert [head.split()[1] for head in heads] == ["blocker", "undecided", "warning", "note"]


def test_the_summary_counts_findings_and_rules(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding], rule: Callable[..., type[Rule]]
) -> None:
    result = verdict(
        finding("AAA001"),
        finding("AAA001", message="again"),
        finding("AAA002", severity=Severity.WARNING),
        finding("AAA003", severity=Severity.NOTE),
        outcomes=(
            Outcome(rule("BBB001"), skipped="no evaluation"),
            Outcome(rule("BBB002"), error="KeyError"),
            Outcome(rule("BBB003"), out_of_time=True),
        ),
        ignored={"AAA003": "known"},
        selection=("AAA", "BBB"),
    )
    assert summary(result) == (
        "not ready by AAA, BBB alone: 2 blockers, 1 warning, 1 ignored; "
        "3 rules run, 1 skipped, 1 failed, 1 without time"
    )
    assert summary(verdict()) == "ready: no findings; 1 rule run"


def test_what_was_not_decided_and_what_was_ignored_is_said(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding], rule: Callable[..., type[Rule]]
) -> None:
    outcomes = (
        Outcome(rule("BBB001"), skipped="no evaluation"),
        Outcome(rule("BBB002"), error="KeyError: 'x' at rules/b.py:3"),
        Outcome(rule("BBB003"), dropped=7),
    )
    result = verdict(finding(), outcomes=outcomes, ignored={"AAA001": "known to be right"})
    shown = render(result, width=200)
    assert "ignored: AAA001, 1 finding: known to be right\n" in shown
    assert "undecided: BBB002 failed, so its question is open: KeyError: 'x' at rules/b.py:3; " in shown
    assert "left out: 7 more findings of BBB003\n" in shown
    assert "skipped: BBB001: no evaluation\n" not in shown
    assert "skipped: BBB001: no evaluation\n" in render(result, width=200, verbose=True)


@pytest.mark.parametrize("where", ["message", "evidence", "fix", "path", "run", "source"])
def test_nothing_of_a_submission_speaks_to_the_terminal(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding], where: str
) -> None:
    evil = "\x1b]0;owned\x07\u202e\r"
    changes = {
        "message": {"message": evil},
        "evidence": {"evidence": evil, "place": Place("src/train.py")},
        "fix": {"fix": evil},
        "path": {"place": Place(evil, 1)},
        "run": {"runs": (evil,)},
        "source": {"place": Place("evil.py", 1)},
    }[where]
    shown = render(verdict(finding(**changes), texts={"evil.py": "x = 1 # \x1b]0;owned\x07\u202e\n"}))
    assert "\\x1b]0;owned\\x07\\u202e" in shown
    assert not set(shown) & set("\x1b\x07\u202e\r")


def test_lines_fit_the_terminal_unless_a_word_does_not(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    result = verdict(
        finding(message="word " * 100, fix="word " * 100, place=Place("a.py", 1, 300), evidence="HERE"),
        texts={"a.py": "y" * 299 + "HERE" + "z" * 5000},
    )
    for width in (40, 80, 120):
        assert max(map(len, render(result, width=width).splitlines()[:-1])) <= width


def test_colours_change_nothing_but_colours(verdict: Callable[..., Verdict], finding: Callable[..., Finding]) -> None:
    result = verdict(finding(), finding("BBB001", severity=Severity.WARNING))
    painted = render(result, colour=True)
    assert "\x1b[1;31mAAA001 blocker\x1b[0m" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == render(result)


def test_a_finding_beyond_the_end_of_its_file_is_shown_without_the_line(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    assert "\n     | cfg.training.lr\n" in render(verdict(finding(place=Place("src/train.py", 9999, 3))))
