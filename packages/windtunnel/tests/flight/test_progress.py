from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

from windtunnel.flight import progress
from windtunnel.flight.process import Sample
from windtunnel.flight.progress import LineProgress, LiveProgress, open_progress

if TYPE_CHECKING:
    import pytest


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=terminal)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_gets_a_live_display_and_a_pipe_gets_lines() -> None:
    assert isinstance(open_progress(console(terminal=True), ["a"]), LiveProgress)
    assert isinstance(open_progress(console(terminal=False), ["a"]), LineProgress)


def test_lines_come_with_each_state_and_else_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    out = console(terminal=False)
    with LineProgress(out) as lines:
        lines.state("a", "flying")
        for second in range(1, 32):
            now[0] = 100.0 + second
            lines.observe("a", Sample(float(second), 2**20, f"step {second} [1/2]"))
        lines.state("a", "ok", "31.0 s")
    assert text(out).splitlines() == [
        "a: flying",
        "a: 15.0 s, 1 MiB, step 15 [1/2]",
        "a: 30.0 s, 1 MiB, step 30 [1/2]",
        "a: ok, 31.0 s",
    ]


def test_the_live_display_shows_every_command_and_the_last_line_of_the_running_one() -> None:
    out = console(terminal=True)
    with LiveProgress(out, ["first", "second"]) as live:
        live.state("first", "flying")
        live.observe("first", Sample(3.0, 5 * 2**20, "loss [bold]0.5"))
        live.say("a note with [brackets]")
    shown = text(out)
    assert "3.0 s, 5 MiB" in shown
    assert "\nloss [bold]0.5" in shown.replace("\r", "")
    assert "waiting" in shown
    assert "a note with [brackets]" in shown


def test_a_long_line_has_the_whole_width() -> None:
    out = console(terminal=True)
    line = "epoch 1/3, step 40/375, loss 0.6828, accuracy 0.531, lr 1.97e-03, 4.6 steps/s, 73 s left"
    with LiveProgress(out, ["comparative-1-all-MiniLM-L6-v2-22M--GLUE-SST-2"]) as live:
        live.state("comparative-1-all-MiniLM-L6-v2-22M--GLUE-SST-2", "flying")
        live.observe("comparative-1-all-MiniLM-L6-v2-22M--GLUE-SST-2", Sample(39.5, 2**30, line))
    assert line[:79] in text(out)


def test_a_low_terminal_shows_what_matters_and_counts_the_rest() -> None:
    out = Console(file=io.StringIO(), width=80, height=5, force_terminal=True)
    with LiveProgress(out, [f"run-{number}" for number in range(9)]) as live:
        live.state("run-0", "ok")
        live.state("run-1", "failed", "exit code 1")
        live.state("run-2", "flying")
    first, second, rest, *_ = text(out).splitlines()
    assert "run-1" in first
    assert "run-2" in second
    assert "and 1 ok, 6 waiting" in rest
