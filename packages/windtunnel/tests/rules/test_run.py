from __future__ import annotations

import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.findings import Severity
from windtunnel.rules.base import Skip
from windtunnel.rules.run import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Outcome, Rule

FOREVER = float("inf")


@pytest.fixture
def outcome(rule: Callable[..., type[Rule]]) -> Callable[[Any], Outcome]:
    def of(check: Any) -> Outcome:
        (single,) = run([rule("AAA001", check=check)], None, deadline=FOREVER, clock=lambda: 0.0)  # type: ignore[arg-type]
        return single

    return of


def test_findings_are_kept_in_their_order(outcome: Any, finding: Callable[..., Finding]) -> None:
    found = [finding(message="b"), finding(message="a")]
    result = outcome(lambda self, repo: iter(found))
    assert result.findings == tuple(found)
    assert result.complete


def test_a_rule_with_nothing_to_look_at_is_skipped_with_its_reason(outcome: Any) -> None:
    def check(self: Rule, repo: object) -> Iterator[Finding]:
        raise Skip("src/train.py does not parse")
        yield

    result = outcome(check)
    assert (result.skipped, result.error, result.complete) == ("src/train.py does not parse", "", False)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (KeyError("lr"), "KeyError: 'lr' at test_run.py:"),
        (ValueError("two\nlines"), "ValueError: two lines at"),
        (MemoryError(), "MemoryError at"),
        (ValueError("x" * 10_000), "xxx… at"),
    ],
)
def test_a_rule_that_fails_keeps_what_it_found_and_says_how(
    outcome: Any, finding: Callable[..., Finding], failure: Exception, said: str
) -> None:
    def check(self: Rule, repo: object) -> Iterator[Finding]:
        yield finding()
        raise failure

    result = outcome(check)
    assert result.findings == (finding(),)
    assert said in result.error
    assert "\n" not in result.error
    assert len(result.error) < 400
    assert not result.complete


def test_endless_recursion_is_an_error_of_that_rule(outcome: Any) -> None:
    def check(self: Rule, repo: object) -> Iterator[Finding]:
        return check(self, repo)

    assert outcome(check).error.startswith("RecursionError")


def test_an_exception_whose_text_fails_is_described_too(outcome: Any) -> None:
    class SlyError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def check(self: Rule, repo: object) -> Iterator[Finding]:
        raise SlyError

    assert outcome(check).error.startswith("SlyError: (its text cannot be read)")


def test_the_place_of_a_failure_is_the_innermost_in_windtunnel(rule: Callable[..., type[Rule]]) -> None:
    (result,) = run([rule("AAA001")], None, deadline=FOREVER, clock=lambda: 0.0)  # type: ignore[arg-type]
    assert "NotImplementedError at windtunnel/rules/base.py:" in result.error


def test_one_failing_rule_does_not_take_the_others_with_it(
    rule: Callable[..., type[Rule]], finding: Callable[..., Finding]
) -> None:
    rules = [rule("AAA001"), rule("AAA002", check=lambda self, repo: iter([finding("AAA002")]))]
    first, second = run(rules, None, deadline=FOREVER, clock=lambda: 0.0)  # type: ignore[arg-type]
    assert first.error
    assert second.findings


def test_of_very_many_findings_some_of_each_severity_are_kept_and_the_rest_counted(
    outcome: Any, finding: Callable[..., Finding]
) -> None:
    notes = [finding(severity=Severity.NOTE, message=str(number)) for number in range(1000)]
    result = outcome(lambda self, repo: iter([*notes, finding()]))
    assert len(result.findings) + result.dropped == 1001
    assert result.dropped == 800
    assert finding() in result.findings


def test_when_the_time_is_over_no_other_rule_is_started(rule: Callable[..., type[Rule]]) -> None:
    ticks = count()
    rules = [rule(f"AAA00{number}", check=lambda self, repo: iter(())) for number in range(1, 5)]
    outcomes = run(rules, None, deadline=3.0, clock=lambda: float(next(ticks)))  # type: ignore[arg-type]
    assert [result.out_of_time for result in outcomes] == [False, False, True, True]
    assert not outcomes[-1].complete


def test_a_rule_that_yields_without_end_is_ended(
    rule: Callable[..., type[Rule]], finding: Callable[..., Finding]
) -> None:
    ticks = count()
    endless = rule("AAA001", check=lambda self, repo: (finding() for _ in count()))
    (result,) = run([endless], None, deadline=50.0, clock=lambda: float(next(ticks)))  # type: ignore[arg-type]
    assert result.out_of_time
    assert result.findings


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarm")
def test_a_rule_that_never_comes_back_is_interrupted_even_if_it_catches_all_errors() -> None:
    # in a process of its own: pytest-timeout holds the alarm of this one
    program = """
import signal, time
from windtunnel.rules.base import Rule
from windtunnel.rules.run import run

class AAA001(Rule):
    def check(self, repo):
        while True:
            try:
                while True:
                    pass
            except Exception:
                pass
        yield

class AAA002(Rule):
    def check(self, repo):
        yield

before = time.monotonic()
outcomes = run([AAA001, AAA002], None, deadline=before + 0.3)
assert time.monotonic() - before < 5
assert [outcome.out_of_time for outcome in outcomes] == [True, True], outcomes
assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
"""
    ended = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
