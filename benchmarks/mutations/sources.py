"""Edits of Python sources and of configurations that leave all other characters as they are."""

from __future__ import annotations

import ast
import re
import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Edit = tuple[int, int, str]  # from this character to that one, and what takes their place


class Source:
    """A Python file: its text, its syntax tree, and texts that differ from it by an edit."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.tree = ast.parse(text)
        self._lines = text.splitlines(keepends=True)
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Every node's parent."""
        return {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    def functions(self) -> Iterator[Function]:
        """Functions of the module and methods of its classes, in order."""
        for node in self.tree.body:
            if isinstance(node, Function):
                yield node
            elif isinstance(node, ast.ClassDef):
                yield from (child for child in node.body if isinstance(child, Function))

    def function(self, name: str) -> Function | None:
        """The first function or method of this name."""
        return next((node for node in self.functions() if node.name == name), None)

    def calls(self, name: str, within: ast.AST | None = None) -> list[ast.Call]:
        """Calls of what is called ``name`` or ends in ``.name``, in the order of their places."""
        inside = None if within is None else set(ast.walk(within))
        called = ((node, told) for node, told in self._called if inside is None or node in inside)
        return in_order(node for node, told in called if f".{told}".endswith(f".{name}"))

    @cached_property
    def _called(self) -> list[tuple[ast.Call, str]]:
        return [(node, dotted(node.func)) for node in ast.walk(self.tree) if isinstance(node, ast.Call)]

    def statements(self, within: ast.AST | None = None) -> list[ast.stmt]:
        """All statements at any depth, in the order of their places."""
        return in_order(node for node in ast.walk(within or self.tree) if isinstance(node, ast.stmt))

    def statement_of(self, node: ast.AST) -> ast.stmt:
        """The innermost statement that holds the node."""
        while not isinstance(node, ast.stmt):
            node = self.parents[node]
        return node

    def get(self, node: ast.AST) -> str:
        """The node's text."""
        start, end = self.span(node)
        return self.text[start:end]

    def replace(self, node: ast.AST, new: str) -> str:
        """The text with another in the node's place."""
        return self.edit((*self.span(node), new))

    def edits(self, *pairs: tuple[ast.AST, str]) -> str:
        """The text with several nodes replaced; they must not overlap."""
        return self.edit(*((*self.span(node), new) for node, new in pairs))

    def edit(self, *edits: Edit) -> str:
        """The text after edits, given by characters, that do not overlap."""
        text = self.text
        for start, end, new in sorted(edits, reverse=True):
            text = text[:start] + new + text[end:]
        return text

    def without(self, *statements: ast.stmt) -> str:
        """The text without whole statements; one that is alone in its block leaves a `pass`."""
        return self.edit(*(self._lines_edit(statement, "") for statement in statements))

    def instead(self, statement: ast.stmt, code: str) -> str:
        """The text with ``code``, indented as the statement is, in its place."""
        return self.edit(self._lines_edit(statement, code))

    def before(self, statement: ast.stmt, code: str) -> str:
        """The text with ``code`` before the statement."""
        start, _ = self.lines_of(statement)
        return self.edit((start, start, textwrap.indent(code, " " * statement.col_offset)))

    def after(self, statement: ast.stmt, code: str) -> str:
        """The text with ``code`` after the statement."""
        _, end = self.lines_of(statement)
        return self.edit((end, end, textwrap.indent(code, " " * statement.col_offset)))

    def body(self, function: Function, code: str) -> str:
        """The text with another body for the function; its docstring stays."""
        told = substance(function)
        start, _ = self.lines_of(told[0])
        _, end = self.lines_of(told[-1])
        return self.edit((start, end, textwrap.indent(code, " " * told[0].col_offset)))

    def cut_after(self, statement: ast.stmt) -> str:
        """The text up to the end of the statement."""
        return self.text[: self.lines_of(statement)[1]]

    def without_keyword(self, call: ast.Call, *names: str) -> str:
        """The text without keywords of a call, commas included."""
        edits = []
        for keyword in call.keywords:
            if keyword.arg in names:
                start, end = self.span(keyword)
                found = re.compile(r",?\s*").match(self.text, end)
                after = self.text[end : found.end()] if found else ""
                if not after.startswith(","):  # the last one: the comma before goes, too
                    before = self.text[:start].rstrip()
                    start = len(before) - before.endswith(",")
                    after = ""
                edits.append((start, end + len(after), ""))
        return self.edit(*edits)

    def imported(self, line: str) -> str:
        """The text with one more import, after the last one at the top."""
        last = [node for node in self.tree.body if isinstance(node, ast.Import | ast.ImportFrom)][-1]
        return self.after(last, line + "\n")

    def _lines_edit(self, statement: ast.stmt, code: str) -> Edit:
        alone = any(block == [statement] for _, block in ast.iter_fields(self.parents[statement]))
        told = code or ("pass\n" if alone else "")
        return (*self.lines_of(statement), textwrap.indent(told, " " * statement.col_offset))

    def undecorated(self, function: Function) -> str:
        """The text without the function's decorators."""
        return self.edit((self.lines_of(function)[0], self._starts[function.lineno - 1], ""))

    def lines_of(self, statement: ast.stmt) -> tuple[int, int]:
        """The characters of the statement's lines, decorators included."""
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", ()))])
        return self._starts[first - 1], self._starts[statement.end_lineno or statement.lineno]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """The node's characters."""
        lines = (node.lineno, node.end_lineno)  # type: ignore[attr-defined]
        columns = (node.col_offset, node.end_col_offset)  # type: ignore[attr-defined]
        start, end = (
            self._starts[line - 1] + len(self._lines[line - 1].encode()[:column].decode())
            for line, column in zip(lines, columns, strict=True)
        )
        return start, end


def in_order(nodes: Iterator[Node]) -> list[Node]:
    """Nodes by their place in the file."""
    return sorted(nodes, key=lambda node: (node.lineno, node.col_offset))  # type: ignore[attr-defined]


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute chain; "" where it does not begin with a name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return f"?.{node.attr}" if isinstance(node, ast.Attribute) else ""


def substance(function: Function) -> list[ast.stmt]:
    """The statements of a function without its docstring, or that alone where there is nothing else."""
    first = function.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.body[1:] if is_docstring and len(function.body) > 1 else function.body


@dataclass(frozen=True)
class Entry:
    """A key of a YAML file that is written in blocks: where it is, and the lines it takes with all below it."""

    path: tuple[str, ...]
    line: int  # from 0
    end: int  # the line after its last one
    indent: int
    value: str  # on the same line, without a comment

    @property
    def leaf(self) -> bool:
        """Whether the value stands on the key's own line."""
        return bool(self.value)


class Configuration:
    """A YAML file in blocks, as the experiment writes it: keys by their places, and texts that differ by an edit."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.lines = text.splitlines(keepends=True)
        self.entries = list(self._read())

    def find(self, *path: str) -> Entry | None:
        """The entry of this path of keys."""
        return next((entry for entry in self.entries if entry.path == path), None)

    def without(self, entry: Entry) -> str:
        """The text without a key and all below it."""
        return "".join([*self.lines[: entry.line], *self.lines[entry.end :]])

    def renamed(self, entry: Entry, name: str) -> str:
        """The text with another name for a key."""
        old = f"{entry.path[-1]}:"
        return self.replaced(entry, self.lines[entry.line].replace(old, f"{name}:", 1))

    def revalued(self, entry: Entry, value: str) -> str:
        """The text with another value for a leaf."""
        key, _, _ = self.lines[entry.line].partition(":")
        return self.replaced(entry, f"{key}: {value}\n")

    def replaced(self, entry: Entry, lines: str) -> str:
        """The text with other lines in place of the key's own one."""
        return "".join([*self.lines[: entry.line], lines, *self.lines[entry.line + 1 :]])

    def _read(self) -> Iterator[Entry]:
        found = [
            (len(match[1]), match[2], match[3].partition(" #")[0].strip(), number)
            for number, line in enumerate(self.lines)
            if (match := re.match(r"(\s*(?:- )?)([\w/]+):(.*)", line))
        ]
        open_keys: list[tuple[int, str]] = []
        for place, (indent, name, value, number) in enumerate(found):
            open_keys = [*((i, key) for i, key in open_keys if i < indent), (indent, name)]
            following = (line for i, _, _, line in found[place + 1 :] if i <= indent)
            end = next(following, len(self.lines))
            while not self.lines[end - 1].strip() or self.lines[end - 1].lstrip().startswith("#"):
                end -= 1  # what stands between two keys belongs to neither
            yield Entry(tuple(key for _, key in open_keys), number, end, indent, value)
