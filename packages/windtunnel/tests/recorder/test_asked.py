from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from windtunnel.evidence.flight import Asked
from windtunnel.recorder import asked
from windtunnel.recorder.asked import Questions

if TYPE_CHECKING:
    import pytest


def test_a_question_is_remembered_once_until_it_is_taken() -> None:
    questions = Questions()
    for _ in range(2):
        questions.note("r", "history")
        questions.note("r", "sampled history", ("_step", "loss"))
    questions.note("s", "sampled history", ("_step",))
    expected = [
        Asked("r", "history"),
        Asked("r", "sampled history", ("loss",)),
        Asked("s", "sampled history", ("_step",)),
    ]
    assert questions.so_far() == expected
    assert questions.take() == expected
    assert questions.take() == questions.so_far() == []


def test_endless_questions_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MAX_NOTES", 10)
    questions = Questions()
    for i in range(20):
        questions.note("r", "history", (str(i),))
    assert len(questions.take()) == 10


def test_threads_share_questions() -> None:
    questions = Questions()
    taken: list[Asked] = []

    def ask(start: int) -> None:
        for i in range(start, start + 100):
            questions.note("r", "history", (str(i),))
            taken.extend(questions.take())

    threads = [threading.Thread(target=ask, args=(n * 100,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(int(question.keys[0]) for question in taken + questions.take()) == list(range(400))
