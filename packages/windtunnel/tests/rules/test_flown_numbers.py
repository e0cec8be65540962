import math

import pytest

from windtunnel.evidence import RunRecorded
from windtunnel.rules.flown_numbers import is_measured, is_repeatable, number, numbers, series, words


@pytest.mark.parametrize("key", ["val/F1_macro", "testF1", "f1", "eval_f1_score"])
def test_words_are_found_however_a_key_is_written(key: str):
    assert "f1" in words(key) or {"f", "1"} <= words(key)


@pytest.mark.parametrize("key", ["accuracy_std", "accuracy_improvement", "training_seconds", "acc_steps", "_step"])
def test_what_is_derived_from_a_metric_is_not_on_its_scale(key: str):
    assert not is_measured(key)


@pytest.mark.parametrize("key", ["val_accuracy", "test/f1", "best_validation_matthews_corrcoef"])
def test_metrics_are_measured(key: str):
    assert is_measured(key)


@pytest.mark.parametrize("key", ["_runtime", "training_seconds", "peak_memory_bytes", "samples_per_second", "gpu_util"])
def test_what_a_clock_says_is_not_repeatable(key: str):
    assert not is_repeatable(key)


def test_numbers_are_read_with_those_that_json_lacks():
    assert number("NaN") is not None
    assert math.isnan(number("NaN") or 0.0)
    assert number("done") is None
    assert number(True) is None
    run = RunRecorded(
        "e", "p", "r", "r", "finished", "r", 2, history=({"loss": 0.5}, {"loss": "Infinity", "note": "x"})
    )
    assert series(run) == {"loss": [0.5, math.inf]}
    assert numbers({"a": {"b": 1, "c": [2, "x"]}, "d": 3}) == {"a.b": 1.0, "a.c.0": 2.0, "d": 3.0}
