"""benchmarks.study.answers: what was right is kept, in order."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.study.answers import packed, unpacked
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_what_is_unpacked_is_what_was_right(right: list[bool]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        lines = [f"{row},1,{int(one)},0.9" for row, one in enumerate(right)]
        path.write_text("\n".join(["row,label,prediction,confidence", *lines]))
        bits = packed(path)
    assert bits is not None
    found = unpacked(bits)
    assert found[: len(right)].tolist() == right
    assert not found[len(right) :].any()
    assert len(found) - len(right) < 8


def test_where_no_predictions_are_left_nothing_is_kept(tmp_path: Path) -> None:
    assert packed(tmp_path / "predictions.csv") is None
