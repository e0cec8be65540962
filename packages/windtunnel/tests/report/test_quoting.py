from __future__ import annotations

import pytest

from windtunnel.report.quoting import lines_of, listed, one_line, said, shortened, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain — text ü", "plain — text ü"),
        ("a\tb", "a    b"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x9b31m", "\\x9b31m"),
        ("\x00\x07\x7f", "\\x00\\x07\\x7f"),
        ("a\u202eb", "a\\u202eb"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\udcff", "\\udcff"),
        ("\u2028", "\\u2028"),
    ],
)
def test_what_a_terminal_would_act_on_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_several_lines_become_one() -> None:
    assert one_line("a\r\nb\rc\n") == "a b c"


def test_long_texts_are_cut() -> None:
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"
    assert len(said("x" * 10_000_000)) == 1000


def test_long_lists_are_counted() -> None:
    assert listed(["a", "b"]) == "a, b"
    assert listed(str(number) for number in range(10)) == "0, 1, 2, 3, 4, 5, 6, 7 and 2 more"


def test_lines_end_where_parsers_end_them() -> None:
    assert lines_of("a\x0cb\u2028c\nd\r\ne\rf") == ["a\x0cb\u2028c", "d", "e", "f"]
