from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.hub import Hub
from windtunnel.hub.metrics import metric_source, unknown_metric

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("evaluate")

# what is computed of each metric, and what the packages below it say themselves
CALLS = {
    "accuracy": "load('accuracy').compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 0])",
    "f1": "load('f1').compute(predictions=[0, 1, 2, 2], references=[0, 1, 2, 0], average='macro')",
    "f1 each": "load('f1').compute(predictions=[0, 1, 2, 2], references=[0, 1, 2, 0], average=None)['f1'].tolist()",
    "precision": "load('precision').compute(predictions=[0, 1, 1], references=[0, 1, 0])",
    "recall": "load('recall').compute(predictions=[0, 1, 1, 0], references=[1, 1, 0, 0], pos_label=0)",
    "matthews": "load('matthews_correlation').compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 0])",
    "multilabel": "load('f1', 'multilabel').compute(predictions=[[0, 1], [1, 1]], references=[[0, 1], [1, 0]],"
    " average='micro')",
    "mrpc": "load('glue', 'mrpc').compute(predictions=[0, 1, 1], references=[0, 1, 0])",
    "cola": "load('glue', 'cola').compute(predictions=[0, 1, 1, 0], references=[0, 1, 0, 0])",
    "stsb": "load('glue', 'stsb').compute(predictions=[0.1, 2.0, 3.0], references=[0.0, 2.5, 3.0])",
    "exact": "load('exact_match').compute(predictions=['The cat.', 'b'], references=['the cat', 'c'],"
    " ignore_case=True, ignore_punctuation=True)",
    "entities": "load('seqeval').compute(predictions=[['B-PER', 'O']], references=[['B-PER', 'B-LOC']])",
    "rouge": "load('rouge').compute(predictions=['a cat sat'], references=['the cat sat'])",
    "rouge each": "load('rouge').compute(predictions=['a b'], references=[['a b', 'c']], use_aggregator=False)",
    "bleu": "load('bleu').compute(predictions=['a b c d e'], references=[['a b c d e']])",
    "added": "[m.add_batch(predictions=[1], references=[1]) for m in [load('accuracy')]] and"
    " [(m.add(prediction=1, reference=0), m.compute())[1] for m in [load('accuracy')]][0]",
    "mse": "load('mse').compute(predictions=[1.0, 2.0], references=[1.0, 4.0])",
}
EXPECTED: dict[str, Any] = {
    "accuracy": {"accuracy": 0.75},
    "f1": {"f1": (2 / 3 + 1 + 2 / 3) / 3},
    "f1 each": [2 / 3, 1.0, 2 / 3],
    "precision": {"precision": 0.5},
    "recall": {"recall": 0.5},
    "matthews": {"matthews_correlation": 0.5773502691896258},
    "multilabel": {"f1": 0.8},
    "mrpc": {"accuracy": 2 / 3, "f1": 2 / 3},
    "cola": {"matthews_correlation": 0.5773502691896258},
    "stsb": {"pearson": 4.65 / (4.34 * 31 / 6) ** 0.5, "spearmanr": 1.0},
    "exact": {"exact_match": 0.5},
    "rouge": {"rouge1": 2 / 3, "rouge2": 0.5, "rougeL": 2 / 3, "rougeLsum": 2 / 3},
    "rouge each": {"rouge1": [1.0], "rouge2": [1.0], "rougeL": [1.0], "rougeLsum": [1.0]},
    "added": {"accuracy": 0.0},
    "mse": {"mse": 2.0},
}
PROGRAM = """
import json, sys
from evaluate import load
calls = json.loads(sys.stdin.read())
print(json.dumps({name: eval(call) for name, call in calls.items()}, default=float))
"""


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder: Path = tmp_path_factory.mktemp("metrics")
    with Hub(store=folder / "store") as hub:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROGRAM],
            input=json.dumps(CALLS),
            capture_output=True,
            text=True,
            env={**os.environ, **hub.environment(folder / "home")},
            cwd=folder,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert hub.unknown == []
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_the_real_client_loads_a_metric_and_gets_its_numbers(computed: dict[str, Any], name: str) -> None:
    expected = EXPECTED[name]
    if isinstance(expected, dict) and not any(isinstance(value, list) for value in expected.values()):
        assert computed[name] == pytest.approx(expected)
    else:
        assert computed[name] == expected or computed[name] == pytest.approx(expected)


def test_entities_are_scored_by_kind_and_in_all(computed: dict[str, Any]) -> None:
    scores = computed["entities"]
    assert scores["PER"]["f1"] == 1.0
    assert (scores["overall_precision"], scores["overall_recall"], scores["overall_accuracy"]) == (1.0, 0.5, 0.5)


def test_a_text_that_equals_its_reference_has_the_highest_bleu(computed: dict[str, Any]) -> None:
    assert computed["bleu"]["bleu"] == pytest.approx(1.0)
    assert computed["bleu"]["brevity_penalty"] == 1.0


def test_a_metric_of_the_library_without_a_module_is_unknown_and_a_wrong_name_is_not() -> None:
    unknown = unknown_metric("evaluate-metric/bertscore")
    assert unknown is not None
    assert (unknown.repo_type, unknown.repo_id) == ("metric", "evaluate-metric/bertscore")
    assert unknown_metric("evaluate-metric/acuracy") is None
    assert metric_source("evaluate-metric/../glue") is None
