"""Python's parser, kept from taking more memory than a review may.

A long file is parsed in pieces that begin at functions and classes, so that the parser's own tree of it, twice as large
as ours, is never there as a whole, and so that parsing ends where the file turns out to be too large.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from windtunnel.reading.nodes import walk

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_NODES = 600_000  # of all files: 100,000 lines have 410,000 to 560,000, and each takes 0.6 kB
MOST_AT_ONCE = 200_000  # of one piece, or of a file that cannot be parsed in pieces
LONG = 200_000  # characters; a file of these is parsed in pieces
PIECE = 250_000
_BLOCK = re.compile(r"^(?=(?:def|class|async def) |@)", re.MULTILINE)
_STATEMENT = re.compile(r"^(?!(?:else|elif|except|finally)\b)(?=[A-Za-z_@])", re.MULTILINE)
_LINE_END = re.compile(r"\r\n?|\n")
_TOKEN = re.compile(r"\w+|[(\[{*=:+\-/%@<>!~|&^,;'\"]|\n\s*")  # those that may stand for a node


class TooLarge(Exception):  # noqa: N818 - not a mistake in the code
    """The file has more nodes than there is room for."""


def parse(text: str, most: int = MOST_NODES) -> ast.Module:
    """Parse a file.

    Args:
        text: of the file.
        most: nodes that the tree may have.

    Raises:
        TooLarge: it has more.
        SyntaxError, ValueError, RecursionError, MemoryError: as :func:`ast.parse` does.
    """
    if len(text) <= LONG:
        return ast.parse(text)
    module = ast.Module(body=[], type_ignores=[])
    nodes = 0
    try:
        for line, piece in _pieces(text):
            if nodes >= most or (len(piece) > 2 * PIECE and _at_most(piece) > MOST_AT_ONCE):
                raise TooLarge
            part = ast.parse("\n" * line + piece)
            module.body += part.body
            nodes += len(walk(part))
    except SyntaxError:  # a mistake, or a piece that begins inside a string
        module.body.clear()
        if _at_most(text) > MOST_AT_ONCE:
            raise
        return ast.parse(text)
    return module


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The pieces, each with the number of lines before it."""
    begin = line = 0
    while len(text) - begin > PIECE:
        found = _BLOCK.search(text, begin + PIECE, begin + 3 * PIECE) or _STATEMENT.search(text, begin + PIECE)
        while found and text[text.rfind("\n", 0, found.start() - 1) + 1 : found.start()].startswith("@"):
            found = _STATEMENT.search(text, found.end() + 1)  # a function and its decorators stay together
        if found is None:
            break
        yield line, text[begin : found.start()]
        line += len(_LINE_END.findall(text, begin, found.start()))
        begin = found.start()
    yield line, text[begin:]


def _at_most(text: str) -> int:
    """A number of nodes that the tree of a text does not exceed."""
    return sum(1 for _ in _TOKEN.finditer(text))
