from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from windtunnel.errors import ServeError
from windtunnel.hub.served import read_served_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GLUE = "nyu-mll/glue"


def _sst2(write: Callable[..., Path], folder: Path, name: str = "validation") -> Path:
    return write(folder / "sst2" / f"{name}.parquet", sentence=["good "], label=[1], idx=[0])


def test_only_real_configs_and_splits_are_served_and_the_rest_is_noted(
    tmp_path: Path, write_split: Callable[..., Path]
) -> None:
    good = _sst2(write_split, tmp_path)
    sample = _sst2(write_split, tmp_path, "validation_sample")
    (tmp_path / "README.md").write_text("about")
    write_split(tmp_path / "imdb" / "train.parquet", text=["x"])
    served = read_served_folder(GLUE, tmp_path)
    assert served.files == {"sst2": {"validation": good}}
    assert [note.split(" ignored: ")[0] for note in served.notes] == [
        str(tmp_path / "README.md"),
        str(tmp_path / "imdb"),
        str(sample),
    ]
    assert served.notes[2].endswith("the splits of nyu-mll/glue sst2 are train, validation, test (.parquet)")


def test_an_unknown_id_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="'glue' is not in the catalogue; its id is nyu-mll/glue"):
        read_served_folder("glue", tmp_path)
    with pytest.raises(ServeError, match="'someone/data' is not in the catalogue; add its columns"):
        read_served_folder("someone/data", tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServeError, match="gone does not exist; give the folder that holds"):
        read_served_folder(GLUE, tmp_path / "gone")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ServeError, match="file is not a folder"):
        read_served_folder(GLUE, tmp_path / "file")


def test_a_folder_without_splits_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sst2").mkdir()
    with pytest.raises(ServeError, match=r"nothing to serve in .*<config>/<split>\.parquet"):
        read_served_folder(GLUE, tmp_path)


def test_a_config_under_two_names_is_refused(tmp_path: Path, write_split: Callable[..., Path]) -> None:
    for name in ("snli", "plain_text"):
        write_split(tmp_path / name / "test.parquet", premise=["p"], hypothesis=["h"], label=[0])
    with pytest.raises(ServeError, match="there twice, as plain_text/ and snli/"):
        read_served_folder("stanfordnlp/snli", tmp_path)


@pytest.mark.parametrize("damage", ["not parquet", "cut", "flipped"])
def test_a_damaged_file_is_named_with_a_remedy(tmp_path: Path, write_split: Callable[..., Path], damage: str) -> None:
    path = write_split(
        tmp_path / "sst2" / "train.parquet",
        sentence=[f"sentence {number}" for number in range(500)],
        label=[0, 1] * 250,
        idx=list(range(500)),
    )
    content = bytearray(path.read_bytes())
    if damage == "not parquet":
        content = bytearray(b"sentence,label\n")
    elif damage == "cut":
        content = content[: len(content) // 2]
    else:
        content[4:400] = bytes(byte ^ 0xFF for byte in content[4:400])
    path.write_bytes(content)
    with pytest.raises(ServeError, match=r"sst2/train\.parquet is not a readable Parquet file .* replace the file"):
        read_served_folder(GLUE, tmp_path)


def test_text_that_is_no_utf8_is_refused_before_it_is_served(tmp_path: Path) -> None:
    column = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    path = tmp_path / "sst2" / "train.parquet"
    path.parent.mkdir()
    pq.write_table(pa.table({"sentence": column, "label": [0], "idx": pa.array([0], pa.int32())}), path)
    with pytest.raises(ServeError, match=r"sst2/train\.parquet .*UTF8"):
        read_served_folder(GLUE, tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"sentence": ["x"], "idx": [0]}, r"has no column 'label' \(its columns: sentence, idx\)"),
        ({"sentence": ["x"], "label": ["good"], "idx": [0]}, "column 'label' is string, it must be int64"),
        ({"sentence": [1], "label": [0], "idx": [0]}, "column 'sentence' is int64, it must be string"),
        ({"sentence": ["x"], "label": [2], "idx": [0]}, "has the label 2, known are 0 negative, 1 positive, -1 none"),
        ({"sentence": ["x"], "label": [-2], "idx": [0]}, "has the label -2"),
        ({"sentence": [None, "x"], "label": [0, 1], "idx": [0, 1]}, "column 'sentence' has 1 empty cells"),
        ({"sentence": ["x"], "label": [0], "idx": [2**40]}, "column 'idx' does not fit into int32"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    tmp_path: Path, write_split: Callable[..., Path], columns: dict[str, list[object]], message: str
) -> None:
    write_split(tmp_path / "sst2" / "train.parquet", **columns)
    with pytest.raises(ServeError, match=message):
        read_served_folder(GLUE, tmp_path)


def test_all_bad_files_are_reported_at_once(tmp_path: Path, write_split: Callable[..., Path]) -> None:
    write_split(tmp_path / "sst2" / "train.parquet", sentence=["x"])
    write_split(tmp_path / "rte" / "train.parquet", sentence1=["x"], sentence2=["y"])
    with pytest.raises(ServeError) as caught:
        read_served_folder(GLUE, tmp_path)
    assert str(caught.value).count("has no column 'label'") == 2
    assert str(caught.value).count("has no column 'idx'") == 2


def test_the_real_folder_is_served_without_the_sample(real_glue: Path) -> None:
    served = read_served_folder(GLUE, real_glue)
    assert list(served.files["mnli"]) == ["validation_matched"]
    assert sum("validation_mismatched_sample1000" in note for note in served.notes) == 1
