"""The projects that runs and artifacts lie in; one is there from its first run on, or when a client makes it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.recorder.database import Database


class Projects:
    """Projects in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self, entity: str) -> list[str]:
        """Return the names of the projects of an account in alphabetical order."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT name FROM projects WHERE entity = ? ORDER BY name", (entity,)).fetchall()
        return [str(row["name"]) for row in rows]

    def created_at(self, entity: str, name: str) -> float | None:
        """Return the seconds since the epoch at which a project was made, None where there is no such project."""
        query = "SELECT created_at FROM projects WHERE entity = ? AND name = ?"
        with self._database.reading() as connection:
            row = connection.execute(query, (entity, name)).fetchone()
        return None if row is None else float(row["created_at"])

    def ensure(self, entity: str, name: str) -> bool:
        """Make a project unless there is one of that name; return whether it is new."""
        statement = "INSERT OR IGNORE INTO projects (entity, name, created_at) VALUES (?, ?, ?)"
        with self._database.transaction() as connection:
            return connection.execute(statement, (entity, name, time.time())).rowcount == 1
