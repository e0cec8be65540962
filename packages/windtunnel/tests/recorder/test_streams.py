from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from windtunnel.recorder.errors import MalformedRequestError
from windtunnel.recorder.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from windtunnel.recorder.streams import Streams


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[Streams]:
    store = Store(tmp_path / "store.sqlite")
    store.upsert("e", "p", "r", fields={}, starts=True)
    yield store.streams
    store.close()


def lines(*steps: int) -> list[str]:
    return [json.dumps({"_step": step}) for step in steps]


def test_overlapping_chunks_store_each_line_once(streams: Streams) -> None:
    streams.append(1, "history", offset=0, lines=lines(0, 1, 2))
    streams.append(1, "history", offset=1, lines=lines(1, 2, 3))
    assert [text for _, text in streams.texts(1, "history")] == lines(0, 1, 2, 3)


def test_a_stream_that_starts_again_with_another_line_replaces_what_followed(streams: Streams) -> None:
    streams.append(1, "history", offset=0, lines=lines(0, 1, 2))
    streams.append(1, "history", offset=0, lines=lines(100))
    assert [text for _, text in streams.texts(1, "history")] == lines(100)


def test_a_console_line_is_rewritten_in_place(streams: Streams) -> None:
    streams.append(1, "output", offset=0, lines=["10 %", "a warning"])
    streams.append(1, "output", offset=0, lines=["100 %"])
    assert streams.texts(1, "output") == [(0, "100 %"), (1, "a warning")]


def test_a_range_of_steps_is_half_open(streams: Streams) -> None:
    streams.append(1, "history", offset=0, lines=[*lines(0, 1, 2, 3), '{"no": "step"}'])
    assert [number for number, _ in streams.texts(1, "history", min_step=1, max_step=3)] == [1, 2]


def test_tail_and_count_and_last_step(streams: Streams) -> None:
    assert (streams.count(1, "history"), streams.last_step(1), streams.tail(1, "history", lines=1)) == (0, -1, [])
    streams.append(1, "history", offset=0, lines=lines(5, 9))
    assert (streams.count(1, "history"), streams.last_step(1)) == (2, 9)
    assert streams.tail(1, "history", lines=5) == [(0, lines(5)[0]), (1, lines(9)[0])]


@pytest.mark.parametrize("step", ["true", '"3"', "null", "1e300", "NaN", "[1]"])
def test_a_step_that_is_no_number_is_kept_but_not_a_step(streams: Streams, step: str) -> None:
    streams.append(1, "history", offset=0, lines=[f'{{"_step": {step}}}'])
    assert (streams.count(1, "history"), streams.last_step(1)) == (1, -1)


@pytest.mark.parametrize("line", ["", "3", "[]", "{", "[" * 100_000])
def test_a_line_that_is_no_object_is_refused(streams: Streams, line: str) -> None:
    with pytest.raises(MalformedRequestError, match="line 7 of stream history"):
        streams.append(1, "history", offset=7, lines=[line])


def test_a_negative_offset_is_refused(streams: Streams) -> None:
    with pytest.raises(MalformedRequestError, match="-1"):
        streams.append(1, "output", offset=-1, lines=["a"])
