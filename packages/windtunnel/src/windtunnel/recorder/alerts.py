"""What runs said with ``wandb.alert``; nobody is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from windtunnel.recorder.records import Alert

if TYPE_CHECKING:
    from windtunnel.recorder.database import Database


class Alerts:
    """Alerts in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, run: int) -> list[Alert]:
        """Return the alerts that a run gave, in order."""
        query = "SELECT title, text, severity FROM alerts WHERE run = ? ORDER BY key"
        with self._database.reading() as connection:
            return [Alert(*row) for row in connection.execute(query, (run,))]

    def add(self, run: int, alert: Alert) -> None:
        """Remember an alert of a run."""
        statement = "INSERT INTO alerts (run, title, text, severity, at) VALUES (?, ?, ?, ?, ?)"
        with self._database.transaction() as connection:
            connection.execute(statement, (run, alert.title, alert.text, alert.severity, time.time()))
