from __future__ import annotations

import pytest

PREPROCESS = "src/preprocess.py"
TRAINED = '        DataLoader(ready["train"], batch_size=size, shuffle=True'


@pytest.mark.parametrize(
    "rows",
    [
        'ready["validation"]',
        'concatenate_datasets([ready["train"], ready["validation"]])',
    ],
)
def test_reported_rows_that_are_trained_on_are_found(found, texts, rows: str):
    text = f"        DataLoader({rows}, batch_size=size, shuffle=True"
    (finding,) = found("LEA006", {PREPROCESS: changed(texts, (TRAINED, text))})
    assert "'validation'" in finding.message
    assert PREPROCESS in {place.path for place in finding.related}


def changed(texts: dict[str, str], *changes: tuple[str, str]) -> str:
    text = texts[PREPROCESS].replace(
        "from datasets import load_dataset", "from datasets import concatenate_datasets, load_dataset"
    )
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def test_rows_of_the_training_split_are_left_alone(found):
    assert found("LEA006") == []


def test_trials_that_are_scored_on_reported_rows_are_found(found):
    (finding,) = found("LEA007", {"src/train.py": (", selection=not log", "")})
    assert "'validation'" in finding.message
    assert found("LEA007") == []


@pytest.mark.parametrize(
    "given",
    [
        '[f"{text} label: {label}" for text, label in zip(batch["sentence"], batch["label"])]',
        'batch["sentence"], batch["label"]',
    ],
)
def test_a_label_among_the_inputs_is_found(found, given: str):
    (finding,) = found("LEA008", {PREPROCESS: ('tokenizer(batch["sentence"]', f"tokenizer({given}")})
    assert finding.place.path == PREPROCESS


def test_a_label_beside_the_inputs_is_left_alone(found, found_causal):
    assert found("LEA008") == []
    assert found_causal("LEA008") == []
