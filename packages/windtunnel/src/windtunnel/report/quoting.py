"""Text of a submission made harmless to show: control characters, terminal escapes and invisible marks written out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAID_CHARACTERS = 1000  # a message may quote a value of any length
_LISTED = 8  # runs or places of one finding

# C0 but for tab, DEL and C1; zero-width marks, line and paragraph separators, bidirectional overrides, lone surrogates
_DANGEROUS = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
_LINE_END = re.compile(r"\r\n|\r|\n")  # what Python and YAML count as one; str.splitlines knows seven more


def visible(text: str) -> str:
    r"""Return one line of text with what a terminal would act on written out (``\x1b``), and tabs as blanks."""
    return _DANGEROUS.sub(_escape, text).replace("\t", "    ")


def one_line(text: str) -> str:
    """Return the text on one line: ends of lines become blanks, the rest is made :func:`visible`."""
    return visible(_LINE_END.sub(" ", text)).strip()


def shortened(text: str, limit: int) -> str:
    """Return at most ``limit`` characters of the text, the last one an ellipsis if some are left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def said(text: str) -> str:
    """Return a message, a path or a piece of advice on one line of bounded length."""
    return shortened(one_line(text), _SAID_CHARACTERS)


def listed(texts: Iterable[str]) -> str:
    """Return the first of the texts with commas between them, and how many are left out."""
    shown = [said(text) for text in texts]
    more = f" and {len(shown) - _LISTED} more" if len(shown) > _LISTED else ""
    return ", ".join(shown[:_LISTED]) + more


def lines_of(text: str) -> list[str]:
    """Return the lines of a file as parsers count them, without their ends."""
    return _LINE_END.split(text)


def _escape(match: re.Match[str]) -> str:
    number = ord(match.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
