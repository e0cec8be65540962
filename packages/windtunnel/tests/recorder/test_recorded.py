from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.errors import UsageError
from windtunnel.evidence.flight import Flight, from_json, to_json
from windtunnel.recorder import Store, recorded_in
from windtunnel.recorder.filestream import StreamPost
from windtunnel.recorder.recorded import recorded

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.sqlite")
    yield opened
    opened.close()


def begin(store: Store, *rows: dict[str, Any], **fields: Any) -> int:
    run, _ = store.upsert("e", "p", "r", fields=fields, starts=True)
    store.apply(run.key, StreamPost({"wandb-history.jsonl": (0, [json.dumps(row) for row in rows])}))
    return run.key


def test_numbers_that_json_lacks_are_texts_and_evidence_survives_json(store: Store) -> None:
    key = begin(store, {"_step": 0, "a": math.nan, "b": {"c": -math.inf}}, raw_config={"x": {"value": math.inf}})
    store.apply(key, StreamPost(summary={"a": math.nan, "d": {"e": [math.inf]}}))
    (run,) = recorded(store)
    assert run.history == ({"_step": 0, "a": "NaN", "b.c": "-Infinity"},)
    assert run.summary == {"a": "NaN", "d": {"e": ["Infinity"]}}
    assert run.config == {"x": "Infinity"}
    assert run.keys == ("_step", "a", "b.c")
    assert from_json(to_json(Flight("trial", ("r",), runs=(run,)))).runs == (run,)


def test_of_a_long_history_the_ends_are_kept_and_the_keys_of_all(store: Store) -> None:
    begin(store, *({"_step": i, **({"rare": 1} if i == 1500 else {})} for i in range(3000)))
    (run,) = recorded(store)
    assert [row["_step"] for row in run.history] == [*range(1000), *range(2000, 3000)]
    assert (run.steps, run.keys) == (3000, ("_step", "rare"))


@pytest.mark.parametrize("rows", [0, 999, 1000, 1001, 2000, 2001])
def test_each_row_of_a_shorter_history_is_there_once(store: Store, rows: int) -> None:
    begin(store, *({"_step": i} for i in range(rows)))
    (run,) = recorded(store)
    kept = [row["_step"] for row in run.history]
    assert kept == (list(range(rows)) if rows <= 2000 else [*range(1000), *range(rows - 1000, rows)])


def test_starts_are_counted_with_what_was_going_on(store: Store) -> None:
    store.starts.phase = "one"
    key = begin(store, {"_step": 0})
    store.starts.phase = "two"
    store.resume(key, fields={})
    store.update(key, fields={"notes": "no start"})
    (run,) = recorded(store)
    assert (run.command, run.starts) == ("one", 2)
    assert [(start.phase, start.resumed) for start in store.starts.of(key)] == [("one", False), ("two", True)]


def test_a_flight_is_read_from_a_folder_that_cannot_be_written(store: Store, tmp_path: Path) -> None:
    begin(store, {"_step": 0})
    store.close()
    tmp_path.chmod(0o500)
    try:
        assert [run.name for run in recorded_in(tmp_path / "store.sqlite")] == ["r"]
    finally:
        tmp_path.chmod(0o700)


def test_what_is_no_database_of_a_recorder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.sqlite"):
        recorded_in(tmp_path / "absent.sqlite")
    assert not (tmp_path / "absent.sqlite").exists()
    (tmp_path / "empty.sqlite").touch()
    with pytest.raises(UsageError, match="layout 0"):
        recorded_in(tmp_path / "empty.sqlite")
