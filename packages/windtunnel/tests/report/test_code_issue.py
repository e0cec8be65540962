from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Outcome
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Rule
    from windtunnel.verdict import Verdict


def test_blockers_are_numbered_by_when_they_stop_the_experiment(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    text = verdict(
        finding("BBB001", criterion=8, message="second", place=Place("src/evaluate.py", 3), evidence="", fix=""),
        finding(
            "AAA001",
            criterion=5,
            message="first",
            place=Place("pyproject.toml", 7),
            evidence='torch = "^2.0"',
            fix="write torch>=2.0",
            related=(Place("src/train.py", 1),),
            runs=("a", "b"),
            modes=("full",),
        ),
        finding("CCC001", severity=Severity.WARNING, message="beside"),
        finding("DDD001", severity=Severity.NOTE, message="not told"),
    ).code_issue
    assert text == (
        "Not ready: 2 blockers, in the order in which they stop the experiment.\n"
        "\n"
        "It does not install, or is not the repository that was asked for:\n"
        "1. pyproject.toml:7: first\n"
        '   Evidence: torch = "^2.0"\n'
        "   Fix: write torch>=2.0\n"
        "   See also: src/train.py:1\n"
        "   Runs: a, b\n"
        "   Only with mode=full\n"
        "   Rule: AAA001, criterion 5 (File structure compliance)\n"
        "\n"
        "The evaluation stops or its result is worthless:\n"
        "2. src/evaluate.py:3: second\n"
        "   Rule: BBB001, criterion 8 (Evaluation script independence)\n"
        "\n"
        "Warnings, which do not stop it:\n"
        "- src/train.py:5:10: beside (CCC001)"
    )


def test_an_undecided_verdict_says_what_is_open_and_what_to_do(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding], rule: Callable[..., type[Rule]]
) -> None:
    text = verdict(
        finding(severity=Severity.UNDECIDED, message="glora is in no index", fix="name the index or the wheel"),
        outcomes=(
            Outcome(rule("BBB001"), error="KeyError: 'x' at rules/b.py:3"),
            Outcome(rule("BBB002"), out_of_time=True),
            Outcome(rule("BBB003"), out_of_time=True),
        ),
    ).code_issue
    assert text.startswith("Undecided: no blocker was found, but 3 questions could not be answered.\n\n1. src/train.py")
    assert "Fix: name the index or the wheel" in text
    assert "- BBB001 failed, so its question is open: KeyError: 'x' at rules/b.py:3\n  Do: report it" in text
    assert "- no time was left for BBB002, BBB003\n" in text
    assert "--select BBB002,BBB003" in text


def test_a_verdict_that_is_not_ready_still_says_what_is_open(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding], rule: Callable[..., type[Rule]]
) -> None:
    open_question = finding("AAA002", severity=Severity.UNDECIDED, message="glora is in no index")
    text = verdict(finding(), open_question, outcomes=(Outcome(rule("BBB001"), error="KeyError"),)).code_issue
    assert text.index("Not decided:") < text.index("glora is in no index") < text.index("BBB001 failed")


def test_the_text_is_bounded_whatever_is_found(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    huge = "x" * 1_000_000
    blockers = [
        finding(message=f"{number} {huge}", evidence=huge, fix=huge, runs=tuple(map(str, range(1000))))
        for number in range(300)
    ]
    warnings = [finding("BBB001", severity=Severity.WARNING, message=str(number)) for number in range(100)]
    text = verdict(*blockers, *warnings).code_issue
    assert len(text) < 200_000
    assert "And 240 blockers more: AAA001 (240)." in text
    assert text.endswith("- and 90 more")


def test_every_stage_has_a_heading(verdict: Callable[..., Verdict], finding: Callable[..., Finding]) -> None:
    text = verdict(*(finding(stage=stage, message=stage.value) for stage in Stage)).code_issue
    assert [line[0] for line in text.splitlines() if line[:1].isdigit()] == list("1234567")


def test_control_characters_are_written_out(verdict: Callable[..., Verdict], finding: Callable[..., Finding]) -> None:
    text = verdict(finding(message="\x1b[2J", evidence="a\nb\x00")).code_issue
    assert "\\x1b[2J" in text
    assert "Evidence: a b\\x00" in text
