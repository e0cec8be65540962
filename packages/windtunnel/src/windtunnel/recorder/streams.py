"""The line streams of a run: history, system events and console output, written by offset.

The client numbers its lines. A line that arrives twice, because the client repeats a request whose answer it did not
see, is stored once; a stream that starts again at a line that differs (the same run id initialised anew) replaces what
followed it.
"""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING, Any, Literal

from windtunnel.recorder.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from windtunnel.recorder.database import Database

Stream = Literal["history", "events", "output"]

PAGE_LINES = 1000

STREAMS: dict[str, Stream] = {
    "wandb-history.jsonl": "history",
    "wandb-events.jsonl": "events",
    "output.log": "output",
}
"""The name under which the client sends each stream."""


class Streams:
    """Lines of all runs in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, run: int, stream: Stream, *, offset: int, lines: list[str]) -> None:
        """Store ``lines`` as numbers ``offset``, ``offset + 1`` and so on.

        Args:
            run: key of the run.
            stream: which stream.
            offset: number of the first line; 0 is the first of the stream.
            lines: texts; of ``history`` and ``events`` each is one JSON object.

        Raises:
            MalformedRequestError: the offset is negative, or a line of ``history`` or ``events`` is no JSON object.
        """
        if offset < 0:
            raise MalformedRequestError(f"offset {offset} of stream {stream} is negative")
        steps = [None if stream == "output" else _step(text, stream, offset + i) for i, text in enumerate(lines)]
        if not lines:
            return
        with self._database.transaction() as connection:
            stored = connection.execute(
                "SELECT text FROM lines WHERE run = ? AND stream = ? AND number = ?", (run, stream, offset)
            ).fetchone()
            # A console line may be rewritten in place (a progress bar); a row of a JSON stream never is.
            if stored is not None and stored["text"] != lines[0] and stream != "output":
                connection.execute(
                    "DELETE FROM lines WHERE run = ? AND stream = ? AND number >= ?", (run, stream, offset)
                )
            connection.executemany(
                "INSERT OR REPLACE INTO lines (run, stream, number, step, text) VALUES (?, ?, ?, ?, ?)",
                [(run, stream, offset + i, steps[i], text) for i, text in enumerate(lines)],
            )

    def clear(self, run: int) -> None:
        """Forget all lines of a run."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM lines WHERE run = ?", (run,))

    def count(self, run: int, stream: Stream) -> int:
        """Return the number that the next line of the stream has."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT max(number) AS last FROM lines WHERE run = ? AND stream = ?", (run, stream)
            ).fetchone()
        return 0 if row["last"] is None else int(row["last"]) + 1

    def last_step(self, run: int) -> int:
        """Return the highest ``_step`` of the history, -1 where there is none."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT max(step) AS last FROM lines WHERE run = ? AND stream = 'history'", (run,)
            ).fetchone()
        return -1 if row["last"] is None else int(row["last"])

    def texts(
        self,
        run: int,
        stream: Stream,
        *,
        min_step: int | None = None,
        max_step: int | None = None,
        after: int = -1,
        limit: int | None = None,
    ) -> list[tuple[int, str]]:
        """Return ``(number, text)`` of the lines in order.

        Args:
            run: key of the run.
            stream: which stream.
            min_step: lowest ``_step``, inclusive.
            max_step: highest ``_step``, exclusive.
            after: only lines with a higher number.
            limit: at most so many.
        """
        # By steps the table's own order would be read from the run's first line on, however few lines are wanted.
        stepped = min_step is not None or max_step is not None
        source = "lines INDEXED BY lines_by_step" if stepped else "lines"
        query = f"SELECT number, text FROM {source} WHERE run = ? AND stream = ? AND number > ?"  # noqa: S608 - constants
        values: list[Any] = [run, stream, after]
        if min_step is not None:
            query += " AND step >= ?"
            values.append(min_step)
        if max_step is not None:
            query += " AND step < ?"
            values.append(max_step)
        query += " ORDER BY number LIMIT ?"
        values.append(-1 if limit is None else limit)
        with self._database.reading() as connection:
            return [(int(row["number"]), str(row["text"])) for row in connection.execute(query, values)]

    def pages(
        self, run: int, stream: Stream, *, min_step: int | None = None, max_step: int | None = None
    ) -> Iterator[list[tuple[int, str]]]:
        """Yield what :meth:`texts` returns, a thousand lines at a time: others use the database in between."""
        after = -1
        while page := self.texts(run, stream, min_step=min_step, max_step=max_step, after=after, limit=PAGE_LINES):
            yield page
            after = page[-1][0]

    def numbers(self, run: int, stream: Stream) -> array[int]:
        """Return the numbers of all lines in order, eight bytes for each."""
        query = "SELECT number FROM lines WHERE run = ? AND stream = ? ORDER BY number"
        with self._database.reading() as connection:
            return array("q", (row["number"] for row in connection.execute(query, (run, stream))))

    def lines(self, run: int, stream: Stream, numbers: Iterable[int]) -> Iterator[str]:
        """Yield the texts of the lines with these numbers."""
        query = "SELECT text FROM lines WHERE run = ? AND stream = ? AND number = ?"
        for number in numbers:
            with self._database.reading() as connection:
                row = connection.execute(query, (run, stream, number)).fetchone()
            if row is not None:
                yield str(row["text"])

    def tail(self, run: int, stream: Stream, *, lines: int) -> list[tuple[int, str]]:
        """Return ``(number, text)`` of the last lines, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT number, text FROM lines WHERE run = ? AND stream = ? ORDER BY number DESC LIMIT ?",
                (run, stream, lines),
            ).fetchall()
        return [(int(row["number"]), str(row["text"])) for row in reversed(rows)]


def _step(text: str, stream: Stream, number: int) -> int | None:
    try:
        row = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedRequestError(f"line {number} of stream {stream} is no JSON ({error})") from error
    if not isinstance(row, dict):
        raise MalformedRequestError(f"line {number} of stream {stream} is no JSON object but {type(row).__name__}")
    step = row.get("_step")
    if isinstance(step, bool) or not isinstance(step, int | float) or not -(2**62) < step < 2**62:
        return None
    return int(step)
