"""A Python file as a syntax tree with its lines and comments."""

from __future__ import annotations

import ast
import gc
import re
import warnings
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

from windtunnel.findings import Place
from windtunnel.reading import Unreadable
from windtunnel.reading.nodes import extend
from windtunnel.reading.parsing import LONG, MOST_NODES, TooLarge, parse

if TYPE_CHECKING:
    from collections.abc import Iterator

REMEMBERED = 64  # files, so that a second review of nearly the same submission parses only what changed
DEEPEST = 150  # levels of the tree; every visitor is recursive, and Python's own limit is a thousand frames
MOST_MENDED = 4  # lines of a file that may be left out for the sake of the others
# Where strings begin and end, whatever stands before their quotes, and so where a # begins a comment. One without an
# end goes on to that of the line or file, so that no text takes more than one pass.
_STRING_OR_COMMENT = re.compile(
    r'''"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:"""|\Z)'''
    r"""|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'''|\Z)"""
    r"""|"[^"\\\n]*(?:\\.[^"\\\n]*)*"?"""
    r"""|'[^'\\\n]*(?:\\.[^'\\\n]*)*'?"""
    r"|\#[^\r\n]*",
    re.DOTALL,
)
_BUT_LINES = re.compile(r"[^\n]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")


@dataclass(frozen=True, eq=False)
class Source:
    """A Python file as a tree.

    Attributes:
        path: in the submission.
        text: as it stands.
        tree: of the text, or of what is left of it without the lines that do not parse.
        errors: why Python would refuse the file, empty if it would not.
        nodes: every node of the tree in the order of ``ast.walk``, without those of contexts (``ast.Load``).
    """

    path: str
    text: str
    tree: ast.Module
    errors: tuple[Unreadable, ...] = ()
    nodes: tuple[ast.AST, ...] = ()

    @cached_property
    def lines(self) -> list[str]:
        """Its lines without their ends, the first at index 0."""
        return self.text.splitlines()

    @cached_property
    def comments(self) -> list[tuple[int, int, str]]:
        """(line, column, text) of each comment."""
        starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        found: list[tuple[int, int, str]] = []
        for match in _STRING_OR_COMMENT.finditer(self.text):
            if match.group().startswith("#"):
                line = bisect_right(starts, match.start())
                found.append((line, match.start() - starts[line - 1] + 1, match.group()))
        return found

    @cached_property
    def control_characters(self) -> list[int]:
        """The lines that hold control characters."""
        return [number for number, line in enumerate(self.lines, 1) if _CONTROL.search(line)]

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing but comments and perhaps a docstring."""
        body = self.tree.body
        return not body or (
            len(body) == 1 and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        )

    @cached_property
    def functions(self) -> tuple[tuple[ast.ClassDef | None, ast.FunctionDef | ast.AsyncFunctionDef], ...]:
        """Every function with the class that it is a method of, None if it is none, in the order they stand."""
        return tuple(_functions(self.tree, None))

    @cached_property
    def _spans(self) -> tuple[list[int], list[int]]:
        """The first line of each function, and the last line of any up to it."""
        functions = [function for _, function in self.functions]
        lasts = accumulate((function.end_lineno or function.lineno for function in functions), max)
        return [function.lineno for function in functions], list(lasts)

    def function_at(self, line: int) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function whose lines hold this one."""
        firsts, lasts = self._spans
        for index in range(bisect_right(firsts, line) - 1, -1, -1):
            if lasts[index] < line:
                break
            function = self.functions[index][1]
            if (function.end_lineno or function.lineno) >= line:
                return function
        return None

    def place(self, node: ast.AST) -> Place:
        """Where a node is."""
        return Place(self.path, int(getattr(node, "lineno", 0)), int(getattr(node, "col_offset", -1)) + 1)

    def line(self, number: int) -> str:
        """A line by its number, "" if there is none."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def quote(self, node: ast.AST, limit: int = 200) -> str:
        """The line a node begins on, as it stands."""
        return self.line(int(getattr(node, "lineno", 0))).strip()[:limit]


def spoken(text: str) -> str:
    """The text with everything but comments and strings made spaces; lines and columns stay."""
    kept: list[str] = []
    end = 0
    for match in _STRING_OR_COMMENT.finditer(text):
        kept += [_BUT_LINES.sub(" ", text[end : match.start()]), match.group(0)]
        end = match.end()
    return "".join([*kept, _BUT_LINES.sub(" ", text[end:])])


def read(path: str, text: str | None, data: bytes, most: int = MOST_NODES) -> Source | Unreadable:
    """Parse a Python file; around a few mistakes, so that what is wrong with the rest is seen too.

    Args:
        path: in the submission.
        text: its text, None if it is not UTF-8.
        data: its bytes.
        most: nodes that its tree may have.
    """
    if len(data) <= LONG:
        found = _remembered(path, text, data)
    else:
        with _no_collections():  # of half a million nodes, none of them garbage
            found = _read(path, text, data, most)
    return _too_large(path) if isinstance(found, Source) and len(found.nodes) > most else found


@contextmanager
def _no_collections() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@lru_cache(maxsize=REMEMBERED)
def _remembered(path: str, text: str | None, data: bytes) -> Source | Unreadable:
    return _read(path, text, data, MOST_NODES)


def _too_large(path: str) -> Unreadable:
    return Unreadable(path, "size", f"with it the code has more than {MOST_NODES:,} nodes, too much to review")


def _read(path: str, text: str | None, data: bytes, most: int) -> Source | Unreadable:
    errors: list[Unreadable] = []
    if text is None:
        errors.append(_not_text(path, data))
        text = data.decode("utf-8", "replace")
    parsed = text
    control = _CONTROL.search(text)
    if control and "\x00" in text:
        line = text[: text.index("\x00")].count("\n") + 1
        errors.append(
            Unreadable(path, "nul", "a NUL byte, which Python refuses in source code", line, 0, _line(text, line))
        )
        parsed = _CONTROL.sub(" ", text)
    while True:
        tree = _parse(path, parsed, most)
        if isinstance(tree, ast.Module):
            break
        errors.append(tree)
        mended = _without_line(parsed, tree.line) if tree.kind == "syntax" and len(errors) <= MOST_MENDED else None
        if mended is None or mended == parsed:
            return errors[0]
        parsed = mended
    nodes, deepest = _walk(tree)
    if deepest:
        message = f"more than {DEEPEST} levels of nested code, which is too deep to review"
        return Unreadable(path, "nesting", message, deepest, 0, _line(text, deepest))
    return Source(path, text, tree, tuple(errors), tuple(nodes))


def _parse(path: str, text: str, most: int) -> ast.Module | Unreadable:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return parse(text, most)
    except TooLarge:
        return _too_large(path)
    except SyntaxError as error:
        line = error.lineno or 0
        return Unreadable(path, "syntax", str(error.msg), line, error.offset or 0, _line(text, line))
    except (RecursionError, MemoryError):
        return Unreadable(path, "nesting", "nested too deeply to be parsed")
    except ValueError as error:
        return Unreadable(path, "syntax", str(error))


def _without_line(text: str, number: int) -> str | None:
    """The text with a line replaced by ``pass`` of the same indentation; None if there is no such line to replace."""
    lines = text.split("\n")
    if not 0 < number <= len(lines):
        return None
    line = lines[number - 1]
    blank = line[: len(line) - len(line.lstrip())]
    lines[number - 1] = blank if line.strip() == "pass" else f"{blank}pass"
    return "\n".join(lines)


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].strip()[:200] if 0 < number <= len(lines) else ""


def _not_text(path: str, data: bytes) -> Unreadable:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return Unreadable(path, "encoding", f"byte 0x{data[error.start]:02x} is not UTF-8", line)
    return Unreadable(path, "encoding", "not UTF-8")


def _functions(
    node: ast.AST, owner: ast.ClassDef | None
) -> Iterator[tuple[ast.ClassDef | None, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """They are statements: no expression is looked into."""
    for name in ("body", "handlers", "orelse", "finalbody", "cases"):
        inner = getattr(node, name, None)
        for child in inner if isinstance(inner, list) else ():
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield owner, child
                yield from _functions(child, None)
            else:
                yield from _functions(child, child if isinstance(child, ast.ClassDef) else owner)


def _walk(tree: ast.AST) -> tuple[list[ast.AST], int]:
    """All nodes level by level, and the line of the first below :data:`DEEPEST`, 0 if there is none."""
    found: list[ast.AST] = [tree]
    start = 0
    for _ in range(DEEPEST):
        end = len(found)
        for index in range(start, end):
            extend(found, found[index])
        if len(found) == end:
            return found, 0
        start = end
    return found, next((int(node.lineno) for node in reversed(found) if hasattr(node, "lineno")), 1)
