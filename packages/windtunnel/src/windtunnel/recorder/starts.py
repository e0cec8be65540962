"""How often processes began to log to each run, and what was going on when they did.

A run id that two processes log to is one run to W&B: only here it shows that there were two.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from windtunnel.recorder.records import Start

if TYPE_CHECKING:
    from windtunnel.recorder.database import Database


class Starts:
    """Starts in one database.

    Args:
        database: where they are.

    Attributes:
        phase: what is going on now; remembered with each start.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.phase = ""
        self._announced: set[int] = set()

    def announce_resume(self, run: int) -> None:
        """Remember that a process asked how a run stands in order to resume it."""
        self._announced.add(run)

    def take_announced(self, run: int) -> bool:
        """Return whether a process asked how a run stands since the last start of it, and forget it."""
        announced = run in self._announced
        self._announced.discard(run)
        return announced

    def note(self, run: int, *, resumed: bool) -> None:
        """Remember that a process begins to log to a run.

        Args:
            run: key of the run.
            resumed: whether it continues what the run has.
        """
        statement = "INSERT INTO starts (run, phase, resumed, at) VALUES (?, ?, ?, ?)"
        with self._database.transaction() as connection:
            connection.execute(statement, (run, self.phase, resumed, time.time()))

    def of(self, run: int) -> list[Start]:
        """Return the starts of a run in order."""
        query = "SELECT phase, resumed, at FROM starts WHERE run = ? ORDER BY key"
        with self._database.reading() as connection:
            return [Start(row["phase"], bool(row["resumed"]), row["at"]) for row in connection.execute(query, (run,))]
