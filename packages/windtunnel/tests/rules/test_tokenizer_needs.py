from __future__ import annotations

import pytest

RUNS = [f"config/run/{name}-bert-sst2.yaml" for name in ("baseline", "proposed")]


def runs_with(model: str) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(RUNS, ("google-bert/bert-base-uncased", model))


def test_a_tokenizer_that_needs_sentencepiece_is_found(found):
    (finding,) = found("DEP009", runs_with("microsoft/deberta-v3-base"))
    assert "sentencepiece" in finding.message
    assert "pyproject.toml" in {place.path for place in finding.related}


@pytest.mark.parametrize("model", ["google-bert/bert-base-uncased", "FacebookAI/roberta-base"])
def test_other_tokenizers_are_left_alone(found, model: str):
    assert found("DEP009", runs_with(model)) == []


def test_a_declared_sentencepiece_is_enough(found):
    declared = {"pyproject.toml": ("dependencies = [", 'dependencies = [\n    "sentencepiece",')}
    assert found("DEP009", {**runs_with("microsoft/deberta-v3-base"), **declared}) == []
