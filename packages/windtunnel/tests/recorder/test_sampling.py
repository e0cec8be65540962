from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from windtunnel.recorder.sampling import evenly_spaced, flattened, has_keys, key_statistics, strict


@given(st.integers(0, 400), st.integers(-3, 400))
def test_samples_are_at_most_as_many_in_order_with_both_ends(rows: int, samples: int) -> None:
    kept = evenly_spaced(range(rows), samples)
    assert len(kept) == max(0, min(rows, samples))
    assert kept == sorted(set(kept))
    if rows and samples >= 2:
        assert (kept[0], kept[-1]) == (0, rows - 1)
    if 2 <= samples < rows:
        gaps = [b - a for a, b in pairwise(kept)]
        assert max(gaps) - min(gaps) <= 1


def test_nested_keys_are_joined_and_media_stay_whole() -> None:
    row = {"a": {"b": {"c": 1}, "d": 2}, "image": {"_type": "image-file", "path": "x"}, "empty": {}, "n": None}
    assert flattened(row) == {
        "a.b.c": 1,
        "a.d": 2,
        "image": {"_type": "image-file", "path": "x"},
        "empty": {},
        "n": None,
    }


def test_rows_that_lack_a_key_are_left_out() -> None:
    rows: list[dict[str, Any]] = [
        {"_step": 0, "a": 1},
        {"_step": 1, "b": 2},
        {"_step": 2, "a": None},
        {"_step": 3, "a": 0, "b": 1},
    ]
    assert [has_keys(row, ["_step", "a"]) for row in rows] == [True, False, False, True]
    assert has_keys({}, [])


def test_what_json_cannot_say_becomes_text() -> None:
    value = {"a": [math.nan, math.inf, -math.inf, 1.5], "b": {"c": math.nan}, "d": "NaN", "e": True}
    expected = {"a": ["NaN", "Infinity", "-Infinity", 1.5], "b": {"c": "NaN"}, "d": "NaN", "e": True}
    assert strict(value) == expected
    json.dumps(strict(value), allow_nan=False)


def test_key_statistics_count_types_and_know_the_last_value() -> None:
    rows: list[dict[str, Any]] = [
        {"a": 1, "b": "x"},
        {"a": 2.5, "c": None},
        {"a": math.nan, "d": {"_type": "histogram"}},
    ]
    statistics = key_statistics(rows, last_step=2)
    assert statistics["keys"]["a"] == {"typeCounts": [{"type": "number", "count": 3}], "previousValue": "NaN"}
    assert statistics["keys"]["d"]["typeCounts"] == [{"type": "histogram", "count": 1}]
    assert "c" not in statistics["keys"]
    assert statistics["lastStep"] == 2
