"""Running rules: each in turn, within a time for all; one that fails never takes the others with it."""

from __future__ import annotations

import signal
import threading
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import windtunnel
from windtunnel.rules.base import Outcome, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from windtunnel.findings import Finding, Severity
    from windtunnel.repo import Repo
    from windtunnel.rules.base import Rule

# a file of a hundred thousand TODO lines must not make a report of a hundred thousand findings
_KEPT_FINDINGS = 200  # of one rule and severity
_MESSAGE_CHARACTERS = 200
_PACKAGE = Path(windtunnel.__file__).parent


class _OutOfTimeError(BaseException):
    """The time for all rules is over. Not an Exception: no rule that catches errors may catch it."""


def run(
    rules: Iterable[type[Rule]], repo: Repo, *, deadline: float, clock: Callable[[], float] = time.monotonic
) -> tuple[Outcome, ...]:
    """Run ``rules`` in their order and return what became of each.

    Args:
        rules: the rules to run.
        repo: what they look at.
        deadline: when, by ``clock``, a rule that is still running is ended and no other is started.
        clock: seconds from anywhere.
    """
    alarm = _Alarm()
    with alarm.set(deadline - clock()):
        return tuple(_run_one(rule, repo, lambda: clock() >= deadline, alarm) for rule in rules)


def _run_one(rule: type[Rule], repo: Repo, is_over: Callable[[], bool], alarm: _Alarm) -> Outcome:
    findings: list[Finding] = []
    dropped = 0
    kept: Counter[Severity] = Counter()
    skipped = error = ""
    out_of_time = is_over()
    try:
        with alarm.may_interrupt():
            for finding in rule().check(repo) if not out_of_time else ():
                if kept[finding.severity] < _KEPT_FINDINGS:
                    kept[finding.severity] += 1
                    findings.append(finding)
                else:
                    dropped += 1
                if is_over():
                    out_of_time = True
                    break
    except Skip as reason:
        skipped = str(reason) or "it has nothing to look at"
    except _OutOfTimeError:
        out_of_time = True
    except Exception as failure:  # noqa: BLE001 - a rule that fails costs its own answer, not the report
        error = _describe(failure)
    return Outcome(
        rule=rule,
        findings=tuple(findings),
        dropped=dropped,
        skipped=skipped,
        error=error,
        out_of_time=out_of_time,
    )


def _describe(failure: Exception) -> str:
    """Say in one line what failed and where in windtunnel."""
    place = ""
    trace = failure.__traceback__
    for frame, line in traceback.walk_tb(trace.tb_next if trace else None):  # the first frame is this module's own
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_PACKAGE) or not place:
            place = f"{path.relative_to(_PACKAGE.parent) if path.is_relative_to(_PACKAGE) else path.name}:{line}"
    try:
        message = " ".join(str(failure).split())
    except Exception:  # noqa: BLE001 - the text of an exception is code as well
        message = "(its text cannot be read)"
    if len(message) > _MESSAGE_CHARACTERS:
        message = message[:_MESSAGE_CHARACTERS] + "…"
    return f"{type(failure).__name__}{f': {message}' if message else ''} at {place or 'its start'}"


class _Alarm:
    """Raises :class:`_OutOfTimeError` in the running rule, where the process can be interrupted.

    Only the main thread of a process whose alarm is free can; elsewhere the time is looked at between findings and
    between rules alone.
    """

    def __init__(self) -> None:
        self._inside = False

    @contextmanager
    def set(self, seconds: float) -> Iterator[None]:
        """Have the alarm ring after ``seconds``, and then every second until the rule has ended."""
        can = (
            seconds > 0
            and hasattr(signal, "setitimer")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
            and signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
        )
        if not can:
            yield
            return
        signal.signal(signal.SIGALRM, self._ring)
        signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    @contextmanager
    def may_interrupt(self) -> Iterator[None]:
        """Mark what the alarm may raise in; outside it the alarm rings unheard."""
        try:
            self._inside = True
            yield
        finally:
            self._inside = False

    def _ring(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - what a handler is called with
        if self._inside:
            raise _OutOfTimeError
