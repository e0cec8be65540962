"""Rows: which are chosen, how they are checked, in which order they come."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from src import preprocess
from src.preprocess import TASKS, ExperimentError, eval_loader, train_loader

SST2 = TASKS["glue_sst2"]
EXPERIMENT = Path(__file__).resolve().parents[2] / "experiments" / "glora-glue"


def rows(labels: list[int], *, column: str = "sentence") -> Dataset:
    features = Features({column: Value("string"), "label": ClassLabel(names=["negative", "positive"])})
    return Dataset.from_dict({column: [f"text {n}" for n in range(len(labels))], "label": labels}, features=features)


def test_a_seed_chooses_the_same_rows_each_time_and_another_seed_others() -> None:
    many = rows([0, 1] * 50)
    first, again, other = (preprocess._choose_rows(many, 20, seed, where="x")["sentence"] for seed in (1, 1, 2))
    assert list(first) == list(again)
    assert list(first) != list(other)


def test_a_split_with_fewer_rows_than_asked_for_is_used_whole_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    few = rows([0, 1, 0, 1])
    assert list(preprocess._choose_rows(few, 9, 0, where="glue_sst2/train")["sentence"]) == list(few["sentence"])
    assert "train_rows is 9 and glue_sst2/train has 4" in capsys.readouterr().out


@pytest.mark.parametrize("left", [0, 10, 0.5])
def test_a_downloaded_file_that_was_cut_off_is_an_error_that_says_what_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    monkeypatch.setattr(preprocess, "CACHE", tmp_path / "cache")
    source = downloaded(tmp_path)
    cut(source.folder / "train.parquet", left)
    with pytest.raises(ExperimentError, match=rf"cannot be read .*remove {tmp_path}/cache/datasets and start") as told:
        preprocess._read(source, SST2)
    assert "arquet" in str(told.value)


def cut(path: Path, left: float) -> None:
    """Keep so many bytes, or below 1 that share, in a new file: whoever has read the old one may have it open."""
    whole = path.read_bytes()
    path.unlink()
    path.write_bytes(whole[: int(left if left >= 1 else left * len(whole))])


def downloaded(folder: Path) -> preprocess.Source:
    """A thousand rows as the hub would give them."""
    (folder / "files").mkdir()
    card = "---\nconfigs:\n- config_name: sst2\n  data_files:\n  - {split: train, path: train.parquet}\n---\n"
    (folder / "files" / "README.md").write_text(card)
    rows([0, 1] * 500).to_parquet(folder / "files" / "train.parquet")
    return preprocess.Source(folder / "files", {"train": "train.parquet"}, name="generated", about="")


@pytest.mark.parametrize("left", [0, 10, 0.5])
def test_what_was_made_of_the_files_is_made_again_where_it_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left: float
) -> None:
    monkeypatch.setattr(preprocess, "CACHE", tmp_path / "cache")
    source = downloaded(tmp_path)
    expected = preprocess._read(source, SST2)["train"].to_list()
    (made,) = (tmp_path / "cache").rglob("*.arrow")
    cut(made, left)
    assert preprocess._read(source, SST2)["train"].to_list() == expected


def test_the_choice_of_rows_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index file that is cut off would end the next run, and nothing would say which it is."""
    monkeypatch.setattr(preprocess, "CACHE", tmp_path / "cache")
    read = preprocess._read(downloaded(tmp_path), SST2)["train"]
    before = sorted((tmp_path / "cache").rglob("*"))
    assert len(preprocess._choose_rows(read, 100, 1, where="")) == 100
    assert sorted((tmp_path / "cache").rglob("*")) == before


def test_a_missing_split_says_what_there_is_and_what_the_card_says() -> None:
    served = DatasetDict(validation=rows([0, 1]))
    with pytest.raises(ExperimentError, match=r"no split 'train', only validation .*some/folder"):
        preprocess._split(served, "train", SST2, about="served by windtunnel from some/folder")


@pytest.mark.parametrize(
    ("split", "words"),
    [
        (rows([]), "is empty"),
        (rows([0, 1], column="text"), r"lacks the columns \['sentence'\]"),
        (rows([0, -1, -1]), "2 of 3 labels are outside 0..1"),
        (rows([0, None]), "1 of 2 labels are outside 0..1"),
        (rows([0, 1]).map(lambda row: {"sentence": [row["sentence"]]}), "the column 'sentence' is List.*a text"),
        (Dataset.from_dict({"sentence": ["a"], "label": [1]}), "the column 'label' is .* names no classes"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused(split: Dataset, words: str) -> None:
    with pytest.raises(ExperimentError, match=words):
        preprocess._split(DatasetDict(train=split), "train", SST2)


def test_rows_without_a_text_are_refused() -> None:
    holes = Dataset.from_dict(
        {"sentence": ["a", None, None], "label": [0, 1, 1]},
        features=Features({"sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"])}),
    )
    with pytest.raises(ExperimentError, match="2 of 3 rows have no text in 'sentence'"):
        preprocess._split(DatasetDict(train=holes), "train", SST2)


@pytest.mark.parametrize(
    ("labels", "kind", "words"),
    [
        ([0.0, 5.0, 2.5], Value("float32"), None),
        ([0.0, -1.0, 5.5], Value("float32"), "2 of 3 scores are outside 0 to 5"),
        ([0.0, None, 2.0], Value("float32"), "1 of 3 scores are outside 0 to 5"),
        ([0, 1, 2], Value("int64"), "a score is a float"),
    ],
)
def test_a_regression_s_labels_are_scores_in_their_range(labels: list[float], kind: Value, words: str | None) -> None:
    features = Features({"sentence1": Value("string"), "sentence2": Value("string"), "label": kind})
    pairs = Dataset.from_dict({"sentence1": list("abc"), "sentence2": list("def"), "label": labels}, features=features)
    splits = DatasetDict(train=pairs)
    if words is None:
        assert list(preprocess._split(splits, "train", TASKS["glue_stsb"])["label"]) == labels
    else:
        with pytest.raises(ExperimentError, match=words):
            preprocess._split(splits, "train", TASKS["glue_stsb"])


def test_rows_without_a_label_are_left_out_where_they_lie_among_the_others() -> None:
    features = Features(
        {"premise": Value("string"), "hypothesis": Value("string"), "label": ClassLabel(names=["e", "n", "c"])}
    )
    pairs = Dataset.from_dict(
        {"premise": list("abcd"), "hypothesis": list("efgh"), "label": [2, -1, 0, -1]}, features=features
    )
    kept = preprocess._split(DatasetDict(train=pairs), "train", TASKS["snli"])
    assert list(kept["premise"]) == ["a", "c"]
    assert list(kept["label"]) == [2, 0]


def test_an_unknown_task_lists_the_known_ones(composed: Any) -> None:
    cfg = composed("LoRA", "run.dataset.name=glue_wnli").run
    with pytest.raises(ExperimentError, match=r"unknown task 'glue_wnli'; known: .*glue_sst2"):
        preprocess.load_data(cfg)


def test_the_order_of_batches_depends_on_seed_and_epoch_alone(data: Any) -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        loader = train_loader(data, 8, seed=seed, epoch=epoch, num_workers=0)
        return [batch["input_ids"].tolist() for batch in loader]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


def test_bucketed_batches_waste_less_padding_than_shuffled_ones(data: Any) -> None:
    bucketed = sum(batch["input_ids"].numel() for batch in train_loader(data, 8, seed=0, epoch=0, num_workers=0))
    lengths = list(data.train["length"])
    shuffled = sum(8 * max(lengths[start : start + 8]) for start in range(0, len(lengths), 8))
    assert bucketed < shuffled


def test_evaluation_serves_every_row_once_and_tells_which(data: Any) -> None:
    loader, order = eval_loader(data, data.evaluation, 5, num_workers=0)
    labels = [label for batch in loader for label in batch["labels"].tolist()]
    assert sorted(order) == list(range(len(data.evaluation)))
    assert labels == [data.evaluation["labels"][row] for row in order]


def test_several_processes_evaluate_each_row_once(data: Any) -> None:
    orders = [eval_loader(data, data.evaluation, 5, num_workers=0, share=(n, 3))[1] for n in range(3)]
    assert sorted(chain(*orders)) == list(range(len(data.evaluation)))


@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_share_each_batch(data: Any, processes: int) -> None:
    def batches(**options: Any) -> list[list[list[int]]]:
        loader = train_loader(data, 7, seed=1, epoch=2, num_workers=0, **options)
        return [batch["input_ids"].tolist() for batch in loader]

    def texts(batch: list[list[int]]) -> list[tuple[int, ...]]:
        return sorted(tuple(token for token in row if token) for row in batch)  # without the padding

    whole = batches()
    assert [len(batch) for batch in whole] == [7] * 9 + [1]
    shares = [batches(share=(process, processes)) for process in range(processes)]
    for place, batch in enumerate(whole[:-1]):
        assert texts([*chain(*(share[place] for share in shares))]) == texts(batch)
    assert all(texts(share[-1]) == texts(whole[-1]) for share in shares)  # one row: the others take it, and no part
    assert batches(first=4) == whole[4:]


def test_workers_change_nothing(data: Any) -> None:
    alone, helped = (
        [batch["input_ids"].tolist() for batch in train_loader(data, 8, seed=1, epoch=0, num_workers=count)]
        for count in (0, 2)
    )
    assert alone == helped


def test_labels_survive_tokenising_and_texts_are_cut(backbone: str) -> None:
    tokenizer = preprocess.load_tokenizer(backbone)
    long = Dataset.from_dict(
        {"sentence": ["the film is " * 40], "label": [1]},
        features=Features({"sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"])}),
    )
    encoded = preprocess._tokenise(long, SST2, tokenizer, 16)
    assert encoded["labels"][0] == 1
    assert encoded["length"][0] == 16


def test_cut_texts_are_counted(backbone: str, capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = preprocess.load_tokenizer(backbone)
    texts = ["the film is " * 40, "the film " * 7, "the film"]  # beyond, exactly at (with [CLS] and [SEP]), below
    some = Dataset.from_dict({"sentence": texts, "label": [0, 1, 1]}, features=rows([]).features)
    encoded = preprocess._tokenise(some, SST2, tokenizer, 16, where="glue_sst2/train")
    assert list(encoded["length"]) == [16, 16, 4]
    assert "cut" not in encoded.column_names
    said = "1 of 3 texts of glue_sst2/train are longer than dataset.max_length, 16 tokens, and are cut there"
    assert said in capsys.readouterr().out


class TestTokenisedCache:
    def tokenise(self, backbone: str, folder: Path, **change: Any) -> list[Any]:
        options = {"split": rows([0, 1, 1]), "task": SST2, "max_length": 16, **change}
        made = preprocess._tokenise(
            options["split"], options["task"], preprocess.load_tokenizer(backbone), options["max_length"], folder=folder
        )
        return [dict(row) for row in made]

    def test_rows_are_kept_by_all_that_they_depend_on(self, backbone: str, tmp_path: Path) -> None:
        first = self.tokenise(backbone, tmp_path)
        (kept,) = tmp_path.iterdir()
        written = kept.stat().st_mtime_ns
        assert self.tokenise(backbone, tmp_path) == first
        assert [path.stat().st_mtime_ns for path in tmp_path.iterdir()] == [written]
        pairs = dataclasses.replace(SST2, columns=("sentence", "sentence"))
        for number, change in enumerate([{"max_length": 3}, {"split": rows([1, 0, 0])}, {"task": pairs}], start=2):
            assert self.tokenise(backbone, tmp_path, **change) != first
            assert len(list(tmp_path.iterdir())) == number

    @pytest.mark.parametrize("left", [0, 1, 300, 0.5, 0.9])
    def test_a_file_that_was_cut_off_is_made_again(self, backbone: str, tmp_path: Path, left: float) -> None:
        first = self.tokenise(backbone, tmp_path)
        (kept,) = tmp_path.iterdir()
        cut(kept, left)
        assert self.tokenise(backbone, tmp_path) == first
        assert self.tokenise(backbone, tmp_path) == first

    def test_another_process_finds_them(self, backbone: str, tmp_path: Path) -> None:
        tokenizer = preprocess.load_tokenizer(backbone)
        code = (
            f"from src import preprocess; print(preprocess._identity(preprocess.load_tokenizer({backbone!r})), end='')"
        )
        other = subprocess.run([sys.executable, "-c", code], cwd=EXPERIMENT, capture_output=True, text=True, check=True)
        assert other.stdout == preprocess._identity(tokenizer)


def test_the_majority_class_is_that_of_the_evaluation_split(data: Any) -> None:
    labels = list(data.evaluation["labels"])
    assert data.majority_accuracy == max(labels.count(0), labels.count(1)) / len(labels)
