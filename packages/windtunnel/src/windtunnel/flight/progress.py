"""What the user sees while a flight is under way: a live display on a terminal, lines anywhere else."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from windtunnel.report.table import format_bytes, format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from windtunnel.flight.process import Sample

LINE_SECONDS = 15.0
_CALM = frozenset({"kept", "ok", "waiting"})
_STYLES = {"ok": "green", "kept": "green", "failed": "red", "interrupted": "yellow", "flying": "cyan"}


class Progress(AbstractContextManager["Progress"], Protocol):
    """Where a flight reports to."""

    def say(self, text: str) -> None:
        """Show one line that stays."""

    def state(self, name: str, state: str, detail: str = "") -> None:
        """Show that the command ``name`` is now in ``state``."""

    def observe(self, name: str, sample: Sample) -> None:
        """Show what the running command ``name`` looks like."""


def open_progress(console: Console, names: Sequence[str]) -> Progress:
    """Return the display that suits ``console`` for the commands ``names``."""
    return LiveProgress(console, names) if console.is_terminal else LineProgress(console)


class LineProgress:
    """One line per change of state, and one at most every 15 seconds from a command that runs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._last = 0.0

    def say(self, text: str) -> None:
        """Show one line that stays."""
        self._console.print(escape(text), soft_wrap=True, highlight=False)

    def state(self, name: str, state: str, detail: str = "") -> None:
        """Show that the command ``name`` is now in ``state``."""
        self.say(f"{name}: {state}{', ' + detail if detail else ''}")
        self._last = time.monotonic()

    def observe(self, name: str, sample: Sample) -> None:
        """Show what the running command ``name`` looks like, now and then."""
        now = time.monotonic()
        if now - self._last < LINE_SECONDS:
            return
        self._last = now
        memory = format_bytes(sample.memory_bytes)
        self.say(f"{name}: {format_seconds(sample.seconds)}, {memory}, {sample.last_line or 'no output yet'}")


class LiveProgress:
    """A table of all commands, redrawn in place."""

    def __init__(self, console: Console, names: Sequence[str]) -> None:
        self._console = console
        self._states = dict.fromkeys(names, ("waiting", ""))
        self._samples: dict[str, Sample] = {}
        self._live = Live(console=console, get_renderable=self._draw, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def say(self, text: str) -> None:
        """Show one line that stays, above the table."""
        self._console.print(escape(text), highlight=False)

    def state(self, name: str, state: str, detail: str = "") -> None:
        """Show that the command ``name`` is now in ``state``."""
        self._states[name] = (state, detail)

    def observe(self, name: str, sample: Sample) -> None:
        """Show what the running command ``name`` looks like."""
        self._samples[name] = sample

    def _draw(self) -> RenderableType:
        said = ""
        table = Table(box=None, pad_edge=False, show_header=False, expand=True)
        table.add_column(ratio=3, no_wrap=True, overflow="ellipsis")
        table.add_column(width=11)
        table.add_column(ratio=4, no_wrap=True, overflow="ellipsis")
        shown_states, hidden = self._that_fit()
        for name, (state, detail) in shown_states.items():
            sample = self._samples.get(name) if state == "flying" else None
            said = said if sample is None else sample.last_line
            cost = "" if sample is None else f"{format_seconds(sample.seconds)}, {format_bytes(sample.memory_bytes)}"
            table.add_row(Text(name), Text(state, style=_STYLES.get(state, "dim")), Text(cost or detail))
        if hidden:
            counts = (f"{hidden.count(state)} {state}" for state in dict.fromkeys(hidden))
            table.add_row(Text(f"and {', '.join(counts)}", style="dim"), "", "")
        # Below the table, over the whole width: a step, a loss and the time left need 80 columns for themselves.
        return Group(table, Text(said, no_wrap=True, overflow="ellipsis")) if said else table

    def _that_fit(self) -> tuple[dict[str, tuple[str, str]], list[str]]:
        """Return the commands to show, and the states of the others if the terminal is too low for all."""
        if len(self._states) + 1 < self._console.height:
            return self._states, []
        shown = {name: state for name, state in self._states.items() if state[0] not in _CALM}
        return shown, [state for name, (state, _) in self._states.items() if name not in shown]
