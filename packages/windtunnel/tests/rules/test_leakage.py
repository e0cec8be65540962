from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.findings import Severity

PREPROCESS, TRAIN = "src/preprocess.py", "src/train.py"
RUN = "config/run/proposed-qwen-gsm8k.yaml"
TEXT = (Path(__file__).parent / "language_model" / PREPROCESS).read_text()
TRAINING = (Path(__file__).parent / "language_model" / TRAIN).read_text()
BACKWARD = "            loss.backward()\n"


def test_test_rows_that_reach_a_gradient_are_found(found_causal):
    (finding,) = found_causal("LEA001", {PREPROCESS: ('split="train"', 'split="test"')})
    assert finding.place.path == TRAIN
    assert "'test'" in finding.message
    assert PREPROCESS in {place.path for place in finding.related}


def test_the_test_half_of_the_training_rows_may_be_trained_on(found_causal):
    assert found_causal("LEA001", {PREPROCESS: ('halves["train"]', 'halves["test"]')}) == []
    assert found_causal("LEA001") == []


def test_rows_are_followed_through_a_loader_of_their_own(found_causal):
    probe = "            other = next(iter(validation))\n            model(**other).loss.backward()\n"
    text = TEXT.replace(
        'DataLoader(halves["test"], batch_size=size, collate_fn=prompts)',
        "DataLoader(test, batch_size=size, collate_fn=collate)",
    )
    text = text.replace(
        "    size = cfg",
        '    test = load_dataset(cfg.dataset.name, cfg.dataset.config, split="test").map(encode)\n    size = cfg',
    )
    (finding,) = found_causal("LEA001", {PREPROCESS: text, TRAIN: (BACKWARD, BACKWARD + probe)})
    assert finding.evidence == "model(**other).loss.backward()"


@pytest.mark.parametrize(("key", "found"), [("validation_split", True), ("dev_split", True), ("test_split", False)])
def test_a_configured_validation_split_that_is_the_test_split_is_found(found_causal, key: str, found: bool):
    files = {
        RUN: ("  config: main\n", f"  config: main\n  {key}: test\n"),
        PREPROCESS: ('split="train"', f"split=cfg.dataset.{key}"),
    }
    findings = found_causal("LEA002", files)
    assert [finding.place.path for finding in findings] == [RUN] * found


def test_held_out_rows_that_training_keeps_are_found(found_causal):
    held = TEXT.replace(
        "halves = rows.train_test_split(test_size=0.1, seed=42)",
        'halves = {"train": rows, "test": rows.select(range(200))}',
    )
    (finding,) = found_causal("LEA003", {PREPROCESS: held})
    assert "select(range(200))" in finding.evidence
    assert finding.severity is Severity.WARNING
    rest = held.replace('"train": rows,', '"train": rows.select(range(200, len(rows))),')
    assert found_causal("LEA003", {PREPROCESS: rest}) == []


@pytest.mark.parametrize(
    "lines",
    [
        '{"train": halves["train"], "validation": halves["test"], "test": halves["test"]}',
        "test_loader = val_loader = rows\n    test_loader = val_loader",
    ],
)
def test_validation_that_is_test_is_found(found_causal, lines: str):
    (finding,) = found_causal("LEA004", {PREPROCESS: ("    size = cfg", f"    {lines}\n    size = cfg")})
    assert "same rows" in finding.message


def test_different_rows_for_validation_and_test_are_left_alone(found_causal):
    line = '{"train": halves["train"], "validation": halves["test"], "test": rows["test"]}'
    assert found_causal("LEA004", {PREPROCESS: ("    size = cfg", f"    {line}\n    size = cfg")}) == []


def test_answers_in_the_prompt_are_found(found_causal):
    made = ('prompts["input_ids"], attention_mask', 'batch["input_ids"], attention_mask')
    collated = TEXT.replace(
        'DataLoader(halves["test"], batch_size=size, collate_fn=prompts)',
        "DataLoader(training, batch_size=size, collate_fn=collate)",
    )
    (finding,) = found_causal("LEA005", {PREPROCESS: collated, TRAIN: made})
    assert "already hold the answer" in finding.message
    cut = ('prompts["input_ids"], attention_mask', 'batch["input_ids"][:, :7], attention_mask')
    assert found_causal("LEA005", {PREPROCESS: collated, TRAIN: cut}) == []
    assert found_causal("LEA005") == []


def test_rows_for_selection_that_training_keeps_are_found(found):
    parts = 'parts = ready["train"].train_test_split(test_size=0.1, seed=0)'
    kept = 'parts = {"train": ready["train"], "test": ready["train"].select(range(200))}'
    (finding,) = found("LEA003", {"src/preprocess.py": (parts, kept)})
    assert finding.place.path == "src/preprocess.py"
    assert found("LEA003") == []
