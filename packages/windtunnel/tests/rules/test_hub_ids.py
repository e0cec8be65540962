from __future__ import annotations

from datetime import date

import pytest

from windtunnel.findings import Severity

PREPROCESS = "src/preprocess.py"
LOAD = "load_dataset(cfg.dataset.name, cfg.dataset.config, cache_dir=CACHE)"
RUN = "config/run/proposed-qwen-gsm8k.yaml"
CAUSAL_LOAD = 'load_dataset(cfg.dataset.name, cfg.dataset.config, split="train", cache_dir=CACHE)'


def test_a_dataset_without_its_config_name_is_found(found_causal):
    (finding,) = found_causal("DAT001", {PREPROCESS: (CAUSAL_LOAD, CAUSAL_LOAD.replace("cfg.dataset.config, ", ""))})
    assert finding.severity is Severity.BLOCKER
    assert "'main', 'socratic'" in finding.message
    assert finding.place.path == PREPROCESS
    assert [place.path for place in finding.related] == [RUN]


@pytest.mark.parametrize(
    "load",
    [
        'load_dataset("csv", data_files="rows.csv", split="train")',
        'load_dataset("openai/gsm8k", name=cfg.dataset.config, split="train")',
        'load_dataset("stanfordnlp/imdb", split="train")',
        'load_dataset(*cfg.dataset.arguments, split="train")',
        'load_dataset("somebody/some-new-rows", split="train")',
    ],
)
def test_a_dataset_that_needs_no_config_name_is_left_alone(found_causal, load: str):
    assert found_causal("DAT001", {PREPROCESS: (CAUSAL_LOAD, load)}) == []


def test_a_load_that_may_fail_is_no_blocker(found_causal):
    guarded = f"None\n    try:\n        rows = {CAUSAL_LOAD.replace('cfg.dataset.config, ', '')}\n    except ValueError:\n        rows = {CAUSAL_LOAD}"  # noqa: E501 - one piece of code
    assert [finding.severity for finding in found_causal("DAT001", {PREPROCESS: (CAUSAL_LOAD, guarded)})] == [
        Severity.WARNING
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("eriktks/conll2003", "loading script"),
        ("some rows/gsm8k", "no dataset id"),
        ("dpo-mix-7k", "lacks its organisation"),
    ],
)
def test_a_dataset_that_cannot_be_loaded_is_found(found_causal, name: str, message: str):
    (finding,) = found_causal("DAT002", {RUN: ("openai/gsm8k\n  config: main", f"{name}\n  config: null")})
    assert message in finding.message
    assert finding.severity is Severity.BLOCKER


def test_a_config_that_does_not_exist_is_found(found_causal):
    (finding,) = found_causal("DAT002", {RUN: ("config: main", "config: default")})
    assert "has no config 'default'" in finding.message


def test_a_script_is_no_matter_for_an_older_datasets(found_causal):
    script = {RUN: ("openai/gsm8k\n  config: main", "eriktks/conll2003\n  config: null")}
    assert found_causal("DAT002", script, as_of=date(2025, 6, 1)) == []
    assert found_causal("DAT002", {RUN: ("openai/gsm8k", "./rows")}) == []


def test_a_split_that_does_not_exist_is_found(found_causal):
    (finding,) = found_causal("DAT003", {PREPROCESS: ('split="train"', 'split="validation"')})
    assert "has no split 'validation'" in finding.message
    assert found_causal("DAT003", {PREPROCESS: ('split="train"', 'split="train[:90%]+test"')}) == []


def test_a_key_that_is_no_split_is_found(found):
    (finding,) = found("DAT004", {PREPROCESS: ('ready["validation"]', 'ready["dev"]')})
    assert "'dev'" in finding.message
    assert "'validation'" in finding.message
    assert found("DAT004", {PREPROCESS: ('ready["validation"]', 'ready["test"]')}) == []


def test_the_halves_of_a_split_are_train_and_test(found_causal):
    (finding,) = found_causal("DAT004", {PREPROCESS: ('halves["test"]', 'halves["validation"]')})
    assert "'train', 'test'" in finding.message
