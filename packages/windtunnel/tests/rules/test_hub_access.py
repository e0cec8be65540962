from __future__ import annotations

import pytest

from windtunnel.findings import Severity

RUN = "config/run/proposed-qwen-gsm8k.yaml"


@pytest.mark.parametrize("name", ["Qwen3-0.6B", "Qwen/Qwen3/0.6B", "Qwen /Qwen3-0.6B"])
def test_a_model_id_that_cannot_exist_is_found_where_it_is_named(found_causal, name: str):
    if name.count("/") > 1:  # a path, perhaps
        assert found_causal("DAT005", {RUN: ("Qwen/Qwen3-0.6B", name)}) == []
        return
    (finding,) = found_causal("DAT005", {RUN: ("Qwen/Qwen3-0.6B", name)})
    assert finding.place.path == RUN
    assert finding.evidence == f"name: {name}"
    assert finding.severity is Severity.BLOCKER
    assert "src/model.py" in {place.path for place in finding.related}


@pytest.mark.parametrize("name", ["gpt2", "somebody/a-new-model", "./checkpoints/best"])
def test_a_model_id_that_may_exist_is_left_alone(found_causal, name: str):
    assert found_causal("DAT005", {RUN: ("Qwen/Qwen3-0.6B", name)}) == []


def test_a_bare_name_that_nobody_knows_is_a_warning(found_causal):
    (finding,) = found_causal("DAT005", {RUN: ("Qwen/Qwen3-0.6B", "our-own-model-v7")})
    assert finding.severity is Severity.WARNING


def test_gated_and_unknown_ids_are_said(found_causal):
    (gated,) = found_causal("DAT006", {RUN: ("Qwen/Qwen3-0.6B", "meta-llama/Llama-2-7b-chat-hf")})
    assert gated.severity is Severity.WARNING
    assert "gated" in gated.message
    (unknown,) = found_causal("DAT006", {RUN: ("Qwen/Qwen3-0.6B", "somebody/a-new-model")})
    assert unknown.severity is Severity.NOTE


def test_downloads_elsewhere_are_found(found_causal):
    (finding,) = found_causal("DAT007", {"src/model.py": (", cache_dir=CACHE", "")})
    assert finding.place.path == "src/model.py"
    (other,) = found_causal("DAT007", {"src/preprocess.py": ('".cache/"', '"downloads"')})
    assert "'downloads'" in other.message
    home = 'import os\n\nimport torch\n\nos.environ.setdefault("HF_HOME", ".cache")'
    assert (
        found_causal("DAT007", {"src/model.py": (", cache_dir=CACHE", ""), "src/train.py": ("import torch", home)})
        == []
    )


SNAPSHOT = """\
from datasets import load_dataset
from huggingface_hub import snapshot_download
"""


@pytest.mark.parametrize(
    ("given", "is_found"),
    [
        ("", True),
        (', cache_dir=Path.home() / ".cache"', True),
        (', cache_dir=".cache/"', False),
        (', local_dir="data"', False),
    ],
)
def test_files_downloaded_elsewhere_are_found(found, texts, given: str, is_found: bool):
    folder = f'snapshot_download(cfg.dataset.name, repo_type="dataset"{given})'
    text = texts["src/preprocess.py"].replace(
        "from datasets import load_dataset\n", f"from pathlib import Path\n\n{SNAPSHOT}"
    )
    text = text.replace("load_dataset(cfg.dataset.name, cfg", f"load_dataset({folder}, cfg")
    assert bool(found("DAT007", {"src/preprocess.py": text})) is is_found


def test_a_dataset_that_was_downloaded_first_is_that_dataset(found, texts):
    load = 'rows = load_dataset(snapshot_download(cfg.dataset.name, repo_type="dataset"), "sst-2", cache_dir=CACHE)'
    text = texts["src/preprocess.py"].replace("from datasets import load_dataset\n", SNAPSHOT)
    text = text.replace("rows = load_dataset(cfg.dataset.name, cfg.dataset.config, cache_dir=CACHE)", load)
    assert found("DAT002", {"src/preprocess.py": text})


@pytest.mark.parametrize(("more", "found_there"), [("", True), (', "cache_dir": CACHE', False)])
def test_what_a_function_adds_to_the_arguments_counts(found, texts, more: str, found_there: bool):
    answers = f"""

def answers(labels):
    if not labels:
        return {{"num_labels": 1{more}}}
    return {{"num_labels": 2{more}}}
"""
    call = "AutoModelForSequenceClassification.from_pretrained(cfg.model.name, num_labels=2, cache_dir=CACHE)"
    new = "AutoModelForSequenceClassification.from_pretrained(cfg.model.name, **answers(cfg.model.get('labels')))"
    text = texts["src/model.py"]
    assert call in text
    paths = [finding.place.path for finding in found("DAT007", {"src/model.py": text.replace(call, new) + answers})]
    assert paths == ["src/model.py"] * found_there
