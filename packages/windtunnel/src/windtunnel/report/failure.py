"""Why a command failed, from how it ended and from the end of its log."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.flight.process import Outcome

_READ_BYTES = 2**17
_SHOWN_LINES = 15
_MESSAGE_LINES = 3  # of a message that goes on after the line with the exception's name
_LINE_CHARACTERS = 300
_FULL_DISK_BYTES = 16 * 2**20
_TRACEBACK = "Traceback (most recent call last):"
_ERROR = "error:"  # how a program begins its last line when it shows no traceback


def explain(outcome: Outcome, log: Path, *, timeout_seconds: float | None) -> str:
    """Return in one line why a command failed; empty if it succeeded."""
    if outcome.succeeded:
        return ""
    if outcome.interrupted:
        return "interrupted"
    if outcome.limit not in {"", "time"}:
        return f"ended at its {outcome.limit} limit: {outcome.exceeded}"
    if outcome.timed_out:
        return f"still running after {timeout_seconds:g} s, and was ended"
    lines = read_end(log)
    if outcome.disk_full or _says_disk_full(lines, log):
        return f"no space left on the disk of {log.parent}"
    ended = f"exit code {outcome.exit_code}"
    if outcome.signal is not None:
        ended = f"ended by {_signal_name(outcome.signal)}"
        if outcome.signal == signal.SIGKILL:
            ended += ", as the system does when memory runs out"
    cause = exception_line(lines)
    if os.strerror(errno.EFBIG) in cause:
        cause += " (larger than the flight lets a single file be; write less, or several files)"
    return f"{ended}: {cause}" if cause else ended


def read_end(log: Path) -> list[str]:
    """Return the last lines of a log; empty if it cannot be read."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _READ_BYTES))
            text = file.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    # of a progress bar that redrew one line, the last drawing counts
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line[:_LINE_CHARACTERS] for line in lines if line]


def exception_line(lines: list[str]) -> str:
    """Return the line that names the exception of the last traceback in ``lines``, else the last ``error: …``."""
    bounds = _last_traceback(lines)
    if bounds:
        return lines[bounds[1]].strip()
    said = [line.strip() for line in lines if line.strip().lower().startswith(_ERROR)]
    return said[-1][len(_ERROR) :].strip() if said else ""


def relevant_lines(lines: list[str]) -> list[str]:
    """Return the lines to show of a failed command: the end of the last traceback, or else of the log."""
    bounds = _last_traceback(lines)
    if bounds is None:
        return lines[-_SHOWN_LINES:]
    first, last = bounds
    end = last + 1 + _MESSAGE_LINES
    return lines[max(first, end - _SHOWN_LINES) : end]


def _last_traceback(lines: list[str]) -> tuple[int, int] | None:
    """Return the indices of the first line of the last traceback and of the line with its exception."""
    for first in range(len(lines) - 1, -1, -1):
        if not lines[first].lstrip().endswith(_TRACEBACK):
            continue
        # threads and launchers put something before each line; frames are indented behind it
        prefix = lines[first][: lines[first].index(_TRACEBACK)]
        for last in range(first + 1, len(lines)):
            if not lines[last].removeprefix(prefix).startswith(" "):
                return first, last
    return None


def _says_disk_full(lines: list[str], log: Path) -> bool:
    if os.strerror(errno.ENOSPC) in exception_line(lines):
        return True
    return shutil.disk_usage(log.parent).free < _FULL_DISK_BYTES


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
