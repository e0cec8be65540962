from __future__ import annotations

import time

import pytest

from windtunnel.report.excerpt import Excerpt, excerpt

LINE = "    lr = cfg.training.lr"


def test_the_column_and_the_evidence_give_place_and_length() -> None:
    assert excerpt(LINE, column=10, evidence="cfg.training.lr") == Excerpt(LINE, 9, 15)


def test_without_a_column_the_evidence_is_looked_for() -> None:
    assert excerpt(LINE, evidence="cfg.training.lr") == Excerpt(LINE, 9, 15)
    assert excerpt(LINE, evidence="cfg.training.lr\nnext line") == Excerpt(LINE, 9, 15)


def test_without_either_nothing_is_marked() -> None:
    assert excerpt(LINE) == Excerpt(LINE)
    assert excerpt(LINE, evidence="elsewhere") == Excerpt(LINE)


def test_evidence_that_is_not_at_the_column_marks_one_character() -> None:
    assert excerpt(LINE, column=5, evidence="elsewhere") == Excerpt(LINE, 4, 1)


@pytest.mark.parametrize("column", [26, 1000])
def test_a_column_beyond_the_line_is_not_marked_there(column: int) -> None:
    assert excerpt(LINE, column=column).caret is None


def test_tabs_escapes_and_wide_characters_move_the_mark_as_they_are_shown() -> None:
    assert excerpt("\tx", column=2) == Excerpt("    x", 4, 1)
    assert excerpt("\x1bx", column=2) == Excerpt("\\x1bx", 4, 1)
    assert excerpt("学習x", column=3) == Excerpt("学習x", 4, 1)
    assert excerpt("e\u0301x", column=3).caret == 1


@pytest.mark.parametrize("column", [1, 500, 99_999, 100_000])
def test_a_long_line_is_cut_around_what_matters(column: int) -> None:
    line = "a" * (column - 1) + "HERE" + "b" * 100_000
    shown = excerpt(line, column=column, evidence="HERE", width=60)
    assert len(shown.text) <= 60
    assert shown.caret is not None
    assert shown.text[shown.caret : shown.caret + shown.length] == "HERE"


def test_a_mark_never_reaches_beyond_the_width() -> None:
    shown = excerpt("x = " + "y" * 500, column=5, evidence="y" * 500, width=40)
    assert len(shown.text) == 40
    assert shown.caret is not None
    assert shown.caret + shown.length <= 40


def test_wide_characters_are_cut_by_the_columns_they_take() -> None:
    assert excerpt("学" * 100, width=21).text == "学" * 10 + "…"


def test_a_line_of_ten_million_characters_takes_no_time() -> None:
    line = "x" * 10_000_000
    before = time.perf_counter()
    excerpt(line, column=5_000_000, evidence="x" * 5_000_000)
    excerpt(line)
    assert time.perf_counter() - before < 0.5
