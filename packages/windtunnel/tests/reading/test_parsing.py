"""Parsing in pieces: the same tree as in one go, and an end where a file is too large."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from windtunnel.reading import Unreadable, parsing
from windtunnel.reading.nodes import children, walk
from windtunnel.reading.python import read

FILES = sorted(Path(ast.__file__).parent.glob("[a-f]*.py"))


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file counts as a long one."""
    monkeypatch.setattr(parsing, "LONG", 10)
    monkeypatch.setattr(parsing, "PIECE", 500)


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize("path", FILES[::8], ids=lambda path: path.name)
def test_a_tree_parsed_in_pieces_is_the_tree(path: Path):
    text = path.read_text(encoding="utf-8")
    tree = ast.dump(parsing.parse(text), include_attributes=True)
    assert tree == ast.dump(ast.parse(text), include_attributes=True)


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_whatever_ends_them(end: str):
    text = end.join(["def f():", "    return 1", "", ""] * 100) + "\n" + "def g():\n    return 2\n" * 100
    tree = ast.dump(parsing.parse(text), include_attributes=True)
    assert tree == ast.dump(ast.parse(text), include_attributes=True)


@pytest.mark.usefixtures("in_pieces")
def test_a_long_string_that_looks_like_code_is_not_parted():
    text = 'TEXT = """\n' + "def f():\n    pass\n\n" * 100 + '"""\n'
    assert ast.dump(parsing.parse(text)) == ast.dump(ast.parse(text))


@pytest.mark.usefixtures("in_pieces")
def test_a_mistake_in_a_long_file_is_found_where_it_is():
    text = "def f():\n    return 1\n\n\n" * 200 + "def g(:\n    pass\n"
    found = read("src/train.py", text, text.encode())
    assert isinstance(found, Unreadable) or found.errors[0].line == 801


@pytest.mark.parametrize("text", ["a\n", "f()\n", "x = [" + "0, " * 1000 + "]\n", "def f(a):\n    return -a\n\n\n"])
def test_a_file_with_too_many_nodes_is_refused(text: str):
    text *= 1 + 300_000 // len(text)
    found = read("src/train.py", text, text.encode(), most=10_000)
    assert isinstance(found, Unreadable)
    assert found.kind == "size"


def test_one_statement_too_large_to_be_parted_is_refused():
    text = "x = [" + "0," * 400_000 + "]\n"
    found = read("src/train.py", text, text.encode())
    assert isinstance(found, Unreadable)
    assert found.kind == "size"


@pytest.mark.parametrize("path", FILES[::8], ids=lambda path: path.name)
def test_the_walk_meets_what_that_of_ast_meets(path: Path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    expected = [node for node in ast.walk(tree) if not isinstance(node, ast.expr_context)]
    assert walk(tree) == expected
    assert children(tree) == list(ast.iter_child_nodes(tree))
