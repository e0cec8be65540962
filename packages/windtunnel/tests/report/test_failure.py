from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windtunnel.flight.process import Outcome
from windtunnel.report.failure import exception_line, explain, read_end, relevant_lines

if TYPE_CHECKING:
    from pathlib import Path

TRACEBACK = """\
Traceback (most recent call last):
  File "first.py", line 1, in <module>
KeyError: 'first'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "src/train.py", line 7, in main
    train()
yaml.parser.ParserError: while parsing a flow node
  in "config.yaml", line 1
wandb: Waiting
"""


def outcome(**changes: Any) -> Outcome:
    given: dict[str, Any] = {
        "exit_code": 1,
        "signal": None,
        "timed_out": False,
        "interrupted": False,
        "disk_full": False,
        "seconds": 1.0,
        "peak_memory_bytes": 0,
        "leftover_processes": 0,
    }
    return Outcome(**{**given, **changes})


def log(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "log"
    path.write_text(text)
    return path


def test_the_last_exception_is_the_cause(tmp_path: Path) -> None:
    path = log(tmp_path, TRACEBACK)
    reason = explain(outcome(), path, timeout_seconds=None)
    assert reason == "exit code 1: yaml.parser.ParserError: while parsing a flow node"


def test_the_excerpt_has_the_last_traceback_and_its_whole_message(tmp_path: Path) -> None:
    lines = relevant_lines(read_end(log(tmp_path, TRACEBACK + "later\n" * 50)))
    assert lines[0].startswith("Traceback")
    assert '  in "config.yaml", line 1' in lines
    assert "KeyError: 'first'" not in lines
    assert len(lines) <= 15


def test_without_a_traceback_the_last_lines_are_shown(tmp_path: Path) -> None:
    lines = read_end(log(tmp_path, "".join(f"line {i}\n" for i in range(40)) + "\r 1%\r 2%\n"))
    assert exception_line(lines) == ""
    assert relevant_lines(lines) == [f"line {i}" for i in range(26, 40)] + [" 2%"]


def test_without_a_traceback_the_programs_own_error_is_the_cause(tmp_path: Path) -> None:
    path = log(tmp_path, "error: first\nwandb: Waiting\nerror: the folder is gone; make it\nwandb: Done\n")
    assert explain(outcome(), path, timeout_seconds=None) == "exit code 1: the folder is gone; make it"


def test_each_way_to_end_has_its_own_words(tmp_path: Path) -> None:
    path = log(tmp_path, "")
    assert explain(outcome(exit_code=0), path, timeout_seconds=None) == ""
    assert "after 90 s" in explain(outcome(timed_out=True), path, timeout_seconds=90.0)
    assert "SIGSEGV" in explain(outcome(exit_code=None, signal=11), path, timeout_seconds=None)
    assert "memory runs out" in explain(outcome(exit_code=None, signal=9), path, timeout_seconds=None)
    assert "no space left" in explain(outcome(disk_full=True), path, timeout_seconds=None)
    full = log(tmp_path, "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device: 'x'\n")
    assert "no space left" in explain(outcome(), full, timeout_seconds=None)


def test_a_missing_log_explains_with_the_exit_code_alone(tmp_path: Path) -> None:
    assert explain(outcome(), tmp_path / "none", timeout_seconds=None) == "exit code 1"


def test_a_limit_is_named_with_what_was_seen_and_what_to_do(tmp_path: Path) -> None:
    exceeded = "it had 600 processes at a time, of the 512 that it may have; start fewer workers"
    ended = outcome(exit_code=None, signal=9, limit="processes", exceeded=exceeded)
    reason = explain(ended, log(tmp_path, TRACEBACK), timeout_seconds=60)
    assert reason == f"ended at its processes limit: {exceeded}"
    assert not ended.succeeded


def test_the_time_limit_reads_as_before(tmp_path: Path) -> None:
    ended = outcome(exit_code=None, signal=15, timed_out=True, limit="time", exceeded="still running after 60 s")
    assert explain(ended, log(tmp_path, ""), timeout_seconds=60) == "still running after 60 s, and was ended"


def test_a_file_that_was_not_let_grow_is_explained(tmp_path: Path) -> None:
    path = log(tmp_path, "Traceback (most recent call last):\n  File x\nOSError: [Errno 27] File too large\n")
    reason = explain(outcome(), path, timeout_seconds=None)
    assert reason.startswith("exit code 1: OSError: [Errno 27] File too large (larger than the flight lets")
