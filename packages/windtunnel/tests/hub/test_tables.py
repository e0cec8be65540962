from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features

from windtunnel.hub.tables import feature_json, permuted_targets, table_of_rows, write_table
from windtunnel.knowledge.datasets import column_from

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = [
    column_from("tokens", "list<string>"),
    column_from("tags", {"list": ["O", "B-PER"]}),
    column_from("answers", {"struct": {"text": "list<string>", "answer_start": "list<int32>"}}),
    column_from("idx", {"struct": {"paragraph": "int32"}}),
    column_from("chosen", "list<message>"),
    column_from("label", ["no", "yes"]),
    column_from("sure", "bool"),
]
ROW = {
    "tokens": ["Anna"],
    "tags": [1],
    "answers": {"text": ["Anna"], "answer_start": [0]},
    "idx": {"paragraph": 3},
    "chosen": [{"content": "Hello", "role": "user"}],
    "label": 1,
    "sure": True,
}


def test_features_are_what_datasets_makes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    write_table(table_of_rows([ROW], COLUMNS), COLUMNS, path)
    stored = json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]
    features = Features.from_dict(stored)
    assert features.arrow_schema.remove_metadata() == pq.read_schema(path).remove_metadata()
    assert features["tags"].feature.names == ["O", "B-PER"]
    assert features["label"].names == ["no", "yes"]
    assert stored["label"] == feature_json(COLUMNS[5])
    assert pq.read_table(path).to_pylist() == [ROW]


def test_json_is_written_as_the_name_says(tmp_path: Path) -> None:
    rows = table_of_rows([ROW, ROW], COLUMNS)
    for name in ("all.json", "all.jsonl", "all.json.gz"):
        write_table(rows, COLUMNS, tmp_path / name)
    assert json.loads((tmp_path / "all.json").read_text()) == [ROW, ROW]
    lines = gzip.decompress((tmp_path / "all.json.gz").read_bytes()).decode()
    assert lines == (tmp_path / "all.jsonl").read_text()
    assert [json.loads(line) for line in lines.splitlines()] == [ROW, ROW]


def test_targets_of_a_served_table_are_permuted_together() -> None:
    table = pa.table({"text": list("abcdefgh"), "label": list(range(8)), "name": [str(number) for number in range(8)]})
    permuted = permuted_targets(table, ("label", "name"), seed=3)
    assert permuted.column("text") == table.column("text")
    labels = permuted.column("label").to_pylist()
    assert labels != list(range(8))
    assert sorted(labels) == list(range(8))
    assert permuted.column("name").to_pylist() == [str(label) for label in labels]
