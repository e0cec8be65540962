"""pyproject.toml: its tables, and the line each key stands on, which ``tomllib`` does not tell."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from windtunnel.findings import Place
from windtunnel.reading import Unreadable

PATH = "pyproject.toml"
_TABLE = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*([\w.\-"']+)\s*=""")


@dataclass(frozen=True, eq=False)
class Pyproject:
    """A pyproject.toml that parses."""

    text: str
    tables: dict[str, Any]

    @cached_property
    def lines(self) -> list[str]:
        """Its lines."""
        return self.text.splitlines()

    @cached_property
    def _places(self) -> dict[tuple[str, ...], int]:
        found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.lines, 1):
            header = _TABLE.match(line)
            if header:
                table = _keys(header.group(1))
                found.setdefault(table, number)
                continue
            key = _KEY.match(line)
            if key:
                found.setdefault((*table, *_keys(key.group(1))), number)
        return found

    def get(self, *keys: str) -> Any:
        """The value at keys, None if there is none."""
        here: Any = self.tables
        for key in keys:
            if not isinstance(here, dict):
                return None
            here = here.get(key)
        return here

    def place(self, *keys: str) -> Place:
        """Where a table or key stands, or the nearest table around it."""
        for length in range(len(keys), 0, -1):
            line = self._places.get(tuple(keys[:length]))
            if line:
                return Place(PATH, line, 1)
        return Place(PATH)

    def place_of_item(self, text: str, *keys: str) -> Place:
        """Where an item of the list at ``keys`` stands."""
        start = self.place(*keys).line
        for number in range(max(start, 1), len(self.lines) + 1):
            column = self.lines[number - 1].find(text)
            if column >= 0:
                return Place(PATH, number, column + 1)
        return self.place(*keys)

    def quote(self, place: Place) -> str:
        """The line of a place."""
        return self.lines[place.line - 1].strip()[:200] if 0 < place.line <= len(self.lines) else ""


def _keys(text: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in re.findall(r'"[^"]*"|\'[^\']*\'|[^.]+', text))


def read(text: str | None) -> Pyproject | Unreadable:
    """Parse a pyproject.toml."""
    if text is None:
        return Unreadable(PATH, "encoding", "not UTF-8")
    if len(text) > 1_000_000:
        return Unreadable(PATH, "size", f"{len(text):,} characters are too many for a pyproject.toml")
    try:
        return Pyproject(text, tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        match = re.search(r"line (\d+), column (\d+)", str(error))
        line = int(match.group(1)) if match else 0
        lines = text.splitlines()
        evidence = lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
        return Unreadable(
            PATH, "syntax", f"not TOML: {str(error)[:200]}", line, int(match.group(2)) if match else 0, evidence
        )
