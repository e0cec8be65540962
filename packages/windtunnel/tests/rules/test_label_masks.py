from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.findings import Severity

PREPROCESS, TRAIN = "src/preprocess.py", "src/train.py"
CAUSAL = (Path(__file__).parent / "language_model" / PREPROCESS).read_text()
TRAINING = (Path(__file__).parent / "language_model" / TRAIN).read_text()
ENCODED = CAUSAL[CAUSAL.index("        prompt = tokenizer(") : CAUSAL.index("    def prompts")]


def encoded(*lines: str) -> str:
    """The module with another way to encode a row."""
    return CAUSAL.replace(ENCODED, "".join(f"        {line}\n" for line in lines) + "\n")


def test_labels_of_another_text_are_found(found_causal):
    apart = encoded(
        'made = tokenizer(row["question"])',
        "with tokenizer.as_target_tokenizer():",
        '    made["labels"] = tokenizer(row["answer"])["input_ids"]',
        "return made",
    )
    (finding,) = found_causal("DAT023", {PREPROCESS: apart})
    assert "row['answer']" in finding.message
    same = encoded('made = tokenizer(row["question"])', 'made["labels"] = made["input_ids"].copy()', "return made")
    assert found_causal("DAT023", {PREPROCESS: same}) == []


def test_labels_apart_are_right_for_an_encoder_decoder(found_causal):
    apart = encoded(
        'made = tokenizer(row["question"])', 'made["labels"] = tokenizer(row["answer"])["input_ids"]', "return made"
    )
    seq2seq = ("AutoModelForCausalLM", "AutoModelForSeq2SeqLM")
    assert found_causal("DAT023", {PREPROCESS: apart, "src/model.py": seq2seq}) == []


def decoded(*lines: str) -> str:
    """The training module with lines of an evaluation that decodes labels."""
    body = "".join(f"            {line}\n" for line in lines)
    return TRAINING.replace("            loss = outputs.loss\n", f"            loss = outputs.loss\n{body}")


@pytest.mark.parametrize(
    "lines",
    [
        ['print(tokenizer.batch_decode(batch["labels"], skip_special_tokens=True))'],
        ['for made, ids in zip(outputs.logits, batch["labels"]):', "    print(tokenizer.decode(ids.tolist()))"],
        ['labels = batch["labels"].to(device)', "print(tokenizer.batch_decode(labels))"],
    ],
)
def test_labels_that_are_decoded_are_found(found_causal, lines: list[str]):
    (finding,) = found_causal("DAT024", {TRAIN: decoded(*lines)})
    assert finding.severity is Severity.BLOCKER


@pytest.mark.parametrize(
    "lines",
    [
        ['labels = batch["labels"].masked_fill(batch["labels"] == -100, 0)', "print(tokenizer.batch_decode(labels))"],
        ['ids = batch["labels"][0]', "print(tokenizer.decode(ids[ids != -100]))"],
        ['ids = batch["labels"][0]', "print(tokenizer.decode(ids[ids >= 0]))"],
        ['print(tokenizer.batch_decode(batch["input_ids"]))'],
    ],
)
def test_labels_that_are_cleaned_are_left_alone(found_causal, lines: list[str]):
    assert found_causal("DAT024", {TRAIN: decoded(*lines)}) == []


@pytest.mark.parametrize(
    ("lines", "batched"),
    [
        (['labels = made["input_ids"]', "labels[:3] = [-100] * 3"], False),
        (['labels = made["input_ids"].copy()', "for ids in labels:", "    ids[:3] = [-100] * 3"], True),
        (['labels = list(made["input_ids"])', "labels[0][:3] = [-100] * 3"], True),
    ],
)
def test_labels_that_share_their_lists_with_the_inputs_are_found(found_causal, lines: list[str], batched: bool):
    text = encoded('made = tokenizer(row["question"])', *lines, 'made["labels"] = labels', "return made")
    if batched:
        text = text.replace("map(encode, ", "map(encode, batched=True, ")
    (finding,) = found_causal("DAT025", {PREPROCESS: text})
    assert "changes the inputs too" in finding.message


@pytest.mark.parametrize(
    ("lines", "batched"),
    [
        (['labels = made["input_ids"].copy()', "labels[:3] = [-100] * 3"], False),
        (['labels = [list(ids) for ids in made["input_ids"]]', "labels[0][:3] = [-100] * 3"], True),
        (['labels = made["input_ids"].copy()', "labels[0] = [-100] * 3"], True),
    ],
)
def test_labels_with_lists_of_their_own_are_left_alone(found_causal, lines: list[str], batched: bool):
    text = encoded('made = tokenizer(row["question"])', *lines, 'made["labels"] = labels', "return made")
    if batched:
        text = text.replace("map(encode, ", "map(encode, batched=True, ")
    assert found_causal("DAT025", {PREPROCESS: text}) == []


def test_padding_that_stays_in_the_labels_is_found(found_causal):
    lines = (
        'made = tokenizer(row["question"], padding="max_length")',
        'made["labels"] = made["input_ids"].copy()',
        "return made",
    )
    (finding,) = found_causal("DAT026", {PREPROCESS: encoded(*lines)})
    assert finding.severity is Severity.WARNING
    masked = (
        lines[0],
        'made["labels"] = [i if seen else -100 for i, seen in zip(made["input_ids"], made["attention_mask"])]',
        "return made",
    )
    assert found_causal("DAT026", {PREPROCESS: encoded(*masked)}) == []
    assert (
        found_causal("DAT026", {PREPROCESS: encoded(lines[0].replace(', padding="max_length"', ""), *lines[1:])}) == []
    )
