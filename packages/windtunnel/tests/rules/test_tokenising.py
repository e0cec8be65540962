from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.findings import Severity

PREPROCESS = "src/preprocess.py"
CAUSAL_RUN = "config/run/proposed-qwen-gsm8k.yaml"
REMOVED = ', remove_columns=rows["train"].column_names)'
TEXT = (Path(__file__).parent / "experiment" / PREPROCESS).read_text()
CAUSAL = (Path(__file__).parent / "language_model" / PREPROCESS).read_text()
COLLATE = "collate = DataCollatorForSeq2Seq(tokenizer, label_pad_token_id=-100)"


def test_text_that_reaches_the_collator_is_found_at_the_map(found):
    findings = found("DAT021", {PREPROCESS: (REMOVED, ', remove_columns=["idx"])')})
    assert {finding.message for finding in findings} == {
        "text is left in the dataset that the collator turns into tensors: 'sentence'"
    }
    assert findings[0].place.line == TEXT[: TEXT.index("ready = rows.map")].count("\n") + 1


@pytest.mark.parametrize(
    "kept",
    [
        ', remove_columns=["sentence", "idx"])',
        ').remove_columns(["sentence"])',
        ', remove_columns=[name for name in rows["train"].column_names if name != "label"])',
        ').with_format("torch", columns=["input_ids", "attention_mask", "labels"])',
    ],
)
def test_text_that_is_taken_out_is_left_alone(found, kept: str):
    assert found("DAT021", {PREPROCESS: (REMOVED, kept)}) == []


@pytest.mark.parametrize(
    ("collator", "what"),
    [
        ("collate = default_data_collator", "token ids"),
        ("collate = None", "token ids"),
        ("collate = DataCollatorWithPadding(tokenizer)", "labels"),
    ],
)
def test_sequences_that_nothing_pads_are_found(found_causal, collator: str, what: str):
    text = CAUSAL.replace(
        "DataCollatorForSeq2Seq\n", "DataCollatorWithPadding, default_data_collator, DataCollatorForSeq2Seq\n"
    )
    text = text.replace(COLLATE, collator).replace(
        "ids = prompt + answer",
        'encoded = tokenizer(row["question"])\n        return {**encoded, "labels": encoded["input_ids"].copy()}',
    )
    text = text.replace(
        "{**encoded,", '{"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"],'
    )
    (finding,) = found_causal("DAT022", {PREPROCESS: text})
    assert what in finding.message
    assert found_causal("DAT022", {PREPROCESS: text.replace(collator, COLLATE)}) == []
    padded = text.replace('tokenizer(row["question"])', 'tokenizer(row["question"], padding="max_length")')
    assert found_causal("DAT022", {PREPROCESS: padded}) == []


def test_a_label_column_that_was_removed_is_found(found):
    gone = TEXT.replace('        encoded["labels"] = batch["label"]\n', "")
    asked = (
        "loss = model(**batch.to(device)).loss",
        'loss = torch.nn.functional.cross_entropy(model(input_ids=batch["input_ids"]).logits, batch["labels"])',
    )
    training, evaluation = found("DAT027", {PREPROCESS: gone, "src/train.py": asked})
    assert training.place.line < evaluation.place.line
    assert "has no 'labels'" in training.message
    assert [place.path for place in training.related] == [PREPROCESS]
    assert found("DAT027", {"src/train.py": asked}) == []
    kept = gone.replace(REMOVED, ', remove_columns=["sentence", "idx"])')
    assert found("DAT027", {PREPROCESS: kept, "src/train.py": asked}) == []  # the collator calls label labels


def test_padding_without_a_pad_token_is_found(found_causal):
    unset = CAUSAL.replace("    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token\n", "")
    run = ("Qwen/Qwen3-0.6B", "gpt2")
    findings = found_causal("DAT028", {PREPROCESS: unset, CAUSAL_RUN: run})
    assert findings
    assert {finding.severity for finding in findings} == {Severity.BLOCKER}
    assert found_causal("DAT028", {CAUSAL_RUN: run}) == []
    assert found_causal("DAT028", {PREPROCESS: unset}) == []  # Qwen has one
