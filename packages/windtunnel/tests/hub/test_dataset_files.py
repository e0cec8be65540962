from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.hub import Hub
from windtunnel.hub.catalog import datasets
from windtunnel.hub.dataset_files import write_generated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOADED = """
from datasets import get_dataset_config_names, load_dataset
from huggingface_hub import hf_hub_download

c4 = load_dataset("allenai/c4", "en", split="train", streaming=True)
answer["streamed"] = [sorted(row) for row in c4.take(2)]
first = load_dataset("allenai/c4", data_files={"train": "en/c4-train.00000-of-01024.json.gz"}, split="train")
answer["shard"] = len(first)
answer["part"] = len(load_dataset("openai/gsm8k", "main", split="train[:10%]", revision="main"))
conll = load_dataset("eriktks/conll2003", revision="refs/convert/parquet")
answer["converted"] = {split: rows.column_names for split, rows in conll.items()}
answer["squad"] = load_dataset("rajpurkar/squad", split="train")[0]["answers"]
answer["chat"] = load_dataset("argilla/dpo-mix-7k", split="test")[0]["chosen"][0]
answer["cleaned"] = load_dataset("yahma/alpaca-cleaned", split="train").column_names
harmless = load_dataset("Anthropic/hh-rlhf", data_dir="harmless-base")
answer["harmless"] = {split: len(rows) for split, rows in harmless.items()}
answer["mine"] = len(load_dataset("me/mine", split="train"))
answer["default"] = load_dataset("allenai/openbookqa", split="validation").column_names
answer["names"] = get_dataset_config_names("Salesforce/wikitext")
"""


def test_the_client_reads_shards_parts_nested_columns_and_other_formats(
    store: Path, tmp_path: Path, run_client: Callable[[Hub, str], Any]
) -> None:
    added = tmp_path / "ids.jsonl"
    added.write_text(
        json.dumps({"type": "dataset", "id": "me/mine", "splits": {"train": 30}, "columns": {"text": "string"}})
    )
    with Hub(store=store, catalog=[added]) as hub:
        answer = run_client(hub, LOADED)
    assert answer["streamed"] == [["text", "timestamp", "url"]] * 2
    assert answer["shard"] > 200
    assert answer["part"] == 150
    assert list(answer["converted"]) == ["train", "validation", "test"]
    assert answer["converted"]["train"] == ["id", "tokens", "pos_tags", "chunk_tags", "ner_tags"]
    assert sorted(answer["squad"]) == ["answer_start", "text"]
    assert answer["chat"]["role"] == "user"
    assert answer["cleaned"] == ["output", "input", "instruction"]
    assert answer["harmless"] == {"train": 375, "test": 75}
    assert answer["mine"] == 30
    assert answer["default"] == ["id", "question_stem", "choices", "answerKey"]
    assert "wikitext-2-raw-v1" in answer["names"]
    assert hub.unknown == []
    assert hub.failures == []


def test_permuted_labels_reach_the_client_in_training_only(store: Path, run_client: Callable[[Hub, str], Any]) -> None:
    code = """
from datasets import load_dataset
rte = load_dataset("nyu-mll/glue", "rte")
answer.update({split: [rows["sentence2"][:50], rows["label"][:50]] for split, rows in rte.items()})
"""
    with Hub(store=store) as hub:
        plain = run_client(hub, code)
    with Hub(store=store, permute_labels=5) as hub:
        permuted = run_client(hub, code)
    assert plain["train"][0] == permuted["train"][0]
    assert plain["train"][1] != permuted["train"][1]
    assert plain["validation"] == permuted["validation"]


def test_rows_are_shared_out_over_the_files_and_none_is_lost(tmp_path: Path) -> None:
    write_generated(datasets()["allenai/c4"], tmp_path)
    for split, files in (("train", 1024), ("validation", 8)):
        paths = sorted((tmp_path / "main" / "en").glob(f"c4-{split}.*.json.gz"))
        rows = [gzip.decompress(path.read_bytes()).decode().splitlines() for path in paths]
        assert len(paths) == files
        assert min(map(len, rows)) >= 1
        assert sum(map(len, rows)) == {"train": 4096, "validation": 400}[split]


def test_a_repository_with_a_script_has_no_data_files_beside_it(tmp_path: Path) -> None:
    write_generated(datasets()["eriktks/conll2003"], tmp_path)
    assert sorted(path.name for path in (tmp_path / "main").iterdir()) == ["README.md", "conll2003.py"]
    assert (tmp_path / "refs-convert-parquet" / "conll2003" / "train" / "0000.parquet").is_file()
    compile((tmp_path / "main" / "conll2003.py").read_text(), "conll2003.py", "exec")
    assert "configs:" not in (tmp_path / "main" / "README.md").read_text()


@pytest.mark.parametrize("name", ["nyu-mll/glue", "abisee/cnn_dailymail", "stanfordnlp/imdb", "allenai/c4"])
def test_the_same_files_are_made_again(tmp_path: Path, name: str) -> None:
    contents = []
    for folder in ("one", "two"):
        write_generated(datasets()[name], tmp_path / folder)
        files = sorted(path for path in (tmp_path / folder / "main").rglob("*") if path.is_file())
        contents.append([path.read_bytes() for path in files])
    assert contents[0] == contents[1]
