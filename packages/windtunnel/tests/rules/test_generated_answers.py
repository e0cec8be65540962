from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.findings import Severity

PREPROCESS, TRAIN = "src/preprocess.py", "src/train.py"
RUN = "config/run/proposed-qwen-gsm8k.yaml"
TEXT = (Path(__file__).parent / "language_model" / PREPROCESS).read_text()
CUT_OUT = 'answer.rsplit("####", 1)[-1].strip()'
assert CUT_OUT in TEXT
RATIONALE = TEXT.replace('final_number(row["answer"])', 'row["answer"]')


def test_too_few_tokens_for_a_rationale_are_found(found_causal):
    (finding,) = found_causal("MET003", {PREPROCESS: RATIONALE})
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("16 new tokens")
    assert found_causal("MET003") == []  # it is trained on the number alone
    assert found_causal("MET003", {PREPROCESS: RATIONALE, TRAIN: ("max_new_tokens=16", "max_new_tokens=256")}) == []


def test_short_answers_of_other_data_need_few_tokens(found_causal):
    run = ("openai/gsm8k\n  config: main", "stanfordnlp/imdb\n  config: plain_text")
    assert found_causal("MET003", {PREPROCESS: RATIONALE, RUN: run}) == []


def test_a_whole_rationale_as_gold_is_found(found_causal):
    whole = TEXT.replace(CUT_OUT, "answer.strip()")
    (finding,) = found_causal("MET004", {PREPROCESS: whole})
    assert "whole rationales" in finding.message
    assert finding.place.path == TRAIN


@pytest.mark.parametrize("extraction", ['re.findall(r"-?\\d+", answer)[-1]', 'answer.partition("####")[2]'])
def test_a_gold_number_that_is_taken_out_is_left_alone(found_causal, extraction: str):
    text = TEXT.replace(CUT_OUT, extraction)
    assert found_causal("MET004", {PREPROCESS: text}) == []


def test_generation_after_padding_is_found(found_causal):
    right = TEXT.replace('    tokenizer.padding_side = "left"\n', "")
    (finding,) = found_causal("MET005", {PREPROCESS: right})
    assert finding.severity is Severity.WARNING
    assert found_causal("MET005") == []
    one = right.replace("tokenizer(texts, padding=True,", "tokenizer(texts[0],")
    assert found_causal("MET005", {PREPROCESS: one}) == []
