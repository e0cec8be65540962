import time

import pytest

from windtunnel.reading import Unreadable, python


def read(text: str) -> python.Source | Unreadable:
    return python.read("src/a.py", text, text.encode())


def test_a_file_that_parses_has_lines_comments_and_places():
    source = read("x = 1  # one\n\n\ndef f():\n    return x\n")
    assert source.errors == ()
    assert source.comments == [(1, 8, "# one")]
    place = source.place(source.tree.body[1])
    assert (place.path, place.line, place.column) == ("src/a.py", 4, 1)
    assert source.quote(source.tree.body[1]) == "def f():"


@pytest.mark.parametrize(
    ("text", "empty"), [("", True), ("# only\n", True), ('"""Doc."""\n', True), ("x = 1\n", False)]
)
def test_an_empty_file_is_known(text: str, empty: bool):
    assert read(text).is_empty is empty


def test_around_a_mistake_the_rest_is_read():
    source = read("def f():\n    return self.global\n\n\ndef g():\n    return 2\n")
    (error,) = source.errors
    assert (error.kind, error.line) == ("syntax", 2)
    assert [node.name for node in source.tree.body] == ["f", "g"]


def test_a_nul_byte_is_named_with_its_line_and_the_rest_is_read():
    source = read("x = 1\ny = 'a\x00b'\ndef f():\n    pass\n")
    assert [(error.kind, error.line) for error in source.errors] == [("nul", 2)]
    assert source.tree.body[-1].name == "f"


def test_a_file_that_is_not_utf_8_is_told_with_the_byte():
    source = python.read("src/a.py", None, b"x = 1\ny = '\xff'\n")
    assert "0xff" in source.errors[0].message
    assert source.errors[0].line == 2


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "x = " + "[" * 500 + "]" * 500,
        "x = " + "-" * 50_000 + "1",
        "x = " + "+".join(["1"] * 20_000),
        "\n".join("  " * depth + "if x:" for depth in range(99)) + "\n" + "  " * 99 + "y",
        "f(" * 300 + ")" * 300,
        "lambda: " * 2_000 + "1",
    ],
    ids=["parentheses", "brackets", "signs", "terms", "blocks", "calls", "lambdas"],
)
def test_deep_nesting_ends_in_a_sentence_or_in_a_tree_that_can_be_walked(text: str):
    before = time.perf_counter()
    found = read(text)
    assert time.perf_counter() - before < 5
    if isinstance(found, python.Source):
        compile(found.tree, "x", "exec")
    else:
        assert found.kind in {"nesting", "syntax"}
        assert found.message


def test_a_file_with_mistakes_everywhere_is_refused():
    assert isinstance(read("\n".join(["def ("] * 50)), Unreadable)


def test_comments_are_found_between_strings_of_every_kind():
    text = (
        'x = "# no"  # yes 1\n'
        "y = r'\\\\' '#'  # yes 2\n"
        'z = """\n# no\n\\""" # no\n"""  # yes 3\n'
        "w = f'{x} # no'  # yes 4\n"
    )
    source = read(text)
    assert isinstance(source, python.Source)
    assert [comment[2] for comment in source.comments] == ["# yes 1", "# yes 2", "# yes 3", "# yes 4"]
    assert source.comments[0][:2] == (1, 13)


def test_the_function_at_a_line_is_the_innermost():
    text = "def f():\n    def g():\n        pass\n    return g\n\n\nx = 1\n"
    source = read(text)
    assert isinstance(source, python.Source)
    names = [function.name if (function := source.function_at(line)) else None for line in (1, 2, 3, 4, 5, 7)]
    assert names == ["f", "g", "g", "f", None, None]


@pytest.mark.parametrize("piece", ['"\\', "'\\", '"""\\', "'''", '"', "#"])
def test_strings_without_an_end_take_one_pass(piece: str):
    source = python.Source("src/a.py", piece * 1_000_000, python.ast.parse(""))
    assert len(source.comments) <= 1  # a pass for each beginning would take hours
