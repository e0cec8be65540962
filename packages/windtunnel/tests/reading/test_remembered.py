"""Answers that are remembered as long as what was asked is there."""

from __future__ import annotations

import gc
import weakref

from windtunnel.reading.remembered import remembered


class Asked:
    """Something that can be asked."""


def test_a_question_is_answered_once_for_each():
    times: list[Asked] = []

    @remembered
    def answer(of: Asked) -> int:
        times.append(of)
        return len(times)

    first, second = Asked(), Asked()
    assert [answer(first), answer(second), answer(first)] == [1, 2, 1]


def test_what_was_asked_is_not_kept():
    @remembered
    def answer(of: Asked) -> int:
        return 1

    asked = Asked()
    answer(asked)
    gone = weakref.ref(asked)
    del asked
    gc.collect()
    assert gone() is None
