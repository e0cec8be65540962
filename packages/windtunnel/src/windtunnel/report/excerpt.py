"""One line of a file as a report shows it: harmless, cut around what matters, and where that is."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from windtunnel.report.quoting import visible


@dataclass(frozen=True)
class Excerpt:
    """A line to show.

    Attributes:
        text: at most as wide as was asked for.
        caret: how many columns come before what matters; None if nothing in particular does.
        length: how many columns that takes, at least 1.
    """

    text: str
    caret: int | None = None
    length: int = 1


def excerpt(line: str, *, column: int = 0, evidence: str = "", width: int = 80) -> Excerpt:
    """Return what to show of a line.

    Args:
        line: the line without its end.
        column: what matters, from 1; 0 if it is not known.
        evidence: the text that matters; it gives the length, and the place if there is no column.
        width: columns of the terminal that the line may take.
    """
    quoted = evidence.strip().partition("\n")[0].rstrip()
    start = column - 1 if column else line.find(quoted) if quoted else -1
    if start < 0 or start > len(line):
        return Excerpt(_cut(visible(line[: width + 1].rstrip()), width))
    length = len(quoted) if quoted and line.startswith(quoted, start) else 1
    # whatever is further away than the width cannot be shown, and the line may have millions of characters
    before = visible(line[max(0, start - width) : start])
    matter = visible(line[start : start + min(length, width)])
    after = visible(line[start + length : start + length + width].rstrip())
    if start > width or _columns(before + matter + after) > width:
        before = _cut_left(before, max(width // 3, width - _columns(matter + after)))
    text = _cut(before + matter + after, width)
    caret = _columns(before)
    return Excerpt(text, caret, max(1, min(_columns(matter), width - caret)))


def _cut(text: str, width: int) -> str:
    """Return the beginning of the text, with an ellipsis for an end that does not fit."""
    if _columns(text) <= width:
        return text
    shown, used = [], 1
    for character in text:
        used += _columns(character)
        if used > width:
            break
        shown.append(character)
    return "".join(shown) + "…"


def _cut_left(text: str, width: int) -> str:
    """Return the end of the text, with an ellipsis for a beginning that does not fit."""
    if _columns(text) <= width:
        return text
    return _cut(text[::-1], width)[::-1]


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )
