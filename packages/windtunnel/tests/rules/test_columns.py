from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.findings import Severity

EXPERIMENT = Path(__file__).parent / "experiment"

PREPROCESS = "src/preprocess.py"
CAUSAL_RUN = "config/run/proposed-qwen-gsm8k.yaml"


def test_a_column_that_does_not_exist_is_found(found):
    (finding,) = found("DAT011", {PREPROCESS: ('batch["sentence"]', 'batch["text"]')})
    assert "no column 'text'" in finding.message
    assert "'sentence', 'label', 'idx'" in finding.message


def test_a_column_that_was_renamed_or_removed_is_gone(found):
    renamed = 'rows.map(tokenise, batched=True).rename_column("sentence", "text")["train"]'
    (finding,) = found("DAT011", {PREPROCESS: ("    collate =", f'    {renamed}["sentence"]\n    collate =')})
    assert "'label', 'idx', 'input_ids', 'attention_mask', 'labels'" in finding.message
    assert found("DAT011", {PREPROCESS: ("    collate =", f'    {renamed}["text"]\n    collate =')}) == []


def test_a_column_of_another_shape_of_dataset_is_left_alone(found):
    branch = 'batch["text"] if cfg.dataset.get("plain") or len(batch) > 7 else batch["sentence"]'
    assert found("DAT011", {PREPROCESS: ('batch["sentence"]', branch)}) == []


def test_class_names_of_a_column_without_any_are_found(found_causal, found):
    asked = 'halves = rows.train_test_split(test_size=0.1, seed=42)\n    print(rows.features["answer"].names)'
    (finding,) = found_causal("DAT012", {PREPROCESS: ("halves = rows.train_test_split(test_size=0.1, seed=42)", asked)})
    assert "'string'" in finding.message
    labelled = ("    collate =", '    print(rows["train"].features["label"].num_classes)\n    collate =')
    assert found("DAT012", {PREPROCESS: labelled}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        'tokenizer("Say: " + batch["sentence"], truncation=True)',
        'tokenizer(batch["sentence"].strip(), truncation=True)',
        "tokenizer(f\"Say: {batch['sentence']}\", truncation=True)",
    ],
)
def test_a_whole_column_used_as_one_text_is_found(found, wrong: str):
    right = 'tokenizer(batch["sentence"], truncation=True, max_length=cfg.dataset.max_length)'
    (finding,) = found("DAT013", {PREPROCESS: (right, wrong)})
    assert finding.severity is Severity.BLOCKER
    listed = 'tokenizer(["Say: " + text.strip() for text in batch["sentence"]], truncation=True)'
    assert found("DAT013", {PREPROCESS: (right, listed)}) == []


def test_chat_messages_used_as_text_are_found(found_causal):
    chosen = {
        CAUSAL_RUN: ("openai/gsm8k\n  config: main", "argilla/dpo-mix-7k\n  config: null"),
        PREPROCESS: ('" " + final_number(row["answer"])', '" " + row["chosen"]'),
    }
    (finding,) = found_causal("DAT013", chosen)
    assert "list<message>" in finding.message
    chosen[PREPROCESS] = ('" " + final_number(row["answer"])', '" " + row["chosen"][-1]["content"]')
    assert found_causal("DAT013", chosen) == []


def test_a_loop_over_the_batch_itself_is_found(found):
    right = 'encoded = tokenizer(batch["sentence"], truncation=True, max_length=cfg.dataset.max_length)'
    wrong = 'encoded = tokenizer([row["sentence"] for row in batch], truncation=True)'
    (finding,) = found("DAT014", {PREPROCESS: (right, wrong)})
    assert "column names" in finding.message
    names = 'encoded = tokenizer(batch["sentence"]); print([name for name in batch])'
    assert found("DAT014", {PREPROCESS: (right, names)}) == []


def test_a_loop_over_the_letters_of_one_text_is_found(found):
    right = 'encoded = tokenizer(batch["sentence"], truncation=True, max_length=cfg.dataset.max_length)'
    text = (EXPERIMENT / PREPROCESS).read_text()
    loop = text.replace(right, 'encoded = tokenizer([part.lower() for part in batch["sentence"]], truncation=True)')
    assert found("DAT014", {PREPROCESS: loop}) == []
    (finding,) = found("DAT014", {PREPROCESS: loop.replace("batched=True, ", "")})
    assert "characters" in finding.message
