"""Rows: which are chosen, how they are checked, in which order they come."""

from __future__ import annotations

from typing import Any

import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from src import preprocess
from src.preprocess import TASKS, ExperimentError, eval_loader, train_loader

SST2 = TASKS["glue_sst2"]


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
        (Dataset.from_dict({"sentence": ["a"], "label": [1]}), "the column 'label' is .* names no classes"),
    ],
)
def test_a_split_that_cannot_be_used_is_refused(split: Dataset, words: str) -> None:
    with pytest.raises(ExperimentError, match=words):
        preprocess._split(DatasetDict(train=split), "train", SST2)


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
    loader, order = eval_loader(data, 5, num_workers=0)
    labels = [label for batch in loader for label in batch["labels"].tolist()]
    assert sorted(order) == list(range(len(data.evaluation)))
    assert labels == [data.evaluation["labels"][row] for row in order]


def test_labels_survive_tokenising_and_texts_are_cut(backbone: str) -> None:
    tokenizer = preprocess.load_tokenizer(backbone)
    long = Dataset.from_dict(
        {"sentence": ["the film is " * 40], "label": [1]},
        features=Features({"sentence": Value("string"), "label": ClassLabel(names=["negative", "positive"])}),
    )
    encoded = preprocess._tokenise(long, SST2, tokenizer, 16)
    assert encoded["labels"][0] == 1
    assert encoded["length"][0] == 16


def test_the_majority_class_is_that_of_the_evaluation_split(data: Any) -> None:
    labels = list(data.evaluation["labels"])
    assert data.majority_accuracy == max(labels.count(0), labels.count(1)) / len(labels)
