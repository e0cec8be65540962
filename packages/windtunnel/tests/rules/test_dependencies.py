import pytest

from windtunnel.findings import Severity


def test_an_import_that_nothing_declares_is_found(found):
    (finding,) = found("DEP003", {"src/train.py": ("import torch\n", "import torch\nimport seaborn\n")})
    assert "seaborn" in finding.message
    assert finding.place.path == "src/train.py"
    assert finding.related[0].path == "pyproject.toml"


def test_an_import_that_another_dependency_brings_is_a_note(found):
    (finding,) = found("DEP003", {"pyproject.toml": ('    "omegaconf>=2.3",\n', "")})
    assert finding.severity is Severity.NOTE
    assert "omegaconf" in finding.message


@pytest.mark.parametrize(
    "line",
    [
        "import json",
        "from sklearn import metrics  # noqa",
        "try:\n    import seaborn\nexcept ImportError:\n    seaborn = None",
    ],
)
def test_what_is_there_or_may_be_missing_is_left_alone(found, line: str):
    declared = {"pyproject.toml": ('"peft>=0.17",', '"peft>=0.17",\n    "scikit-learn",')}
    assert found("DEP003", declared | {"src/train.py": ("import torch\n", f"import torch\n{line}\n")}) == []


@pytest.mark.parametrize(
    ("call", "needed"),
    [
        ('device_map="auto"', "accelerate"),
        ("load_in_4bit=True", "bitsandbytes"),
        ('attn_implementation="flash_attention_2"', "flash-attn"),
    ],
)
def test_what_a_call_loads_behind_the_scenes_is_found(found, call: str, needed: str):
    changed = {
        "pyproject.toml": ('    "accelerate>=1.0",\n', "").__class__(('    "accelerate>=1.0",\n', "")),
        "src/model.py": ("num_labels=2,", f"num_labels=2, {call},"),
    }
    without_peft = {
        "pyproject.toml": '[project]\nname = "x"\nversion = "1"\ndependencies = ["torch", "transformers", "datasets"]\n'
    }
    findings = found("DEP004", changed | without_peft)
    assert any(needed in finding.message and finding.place.path == "src/model.py" for finding in findings)


def test_a_slow_tokenizer_needs_sentencepiece(found):
    (finding,) = found(
        "DEP004", {"src/preprocess.py": ("cache_dir=CACHE)\n    rows", "cache_dir=CACHE, use_fast=False)\n    rows")}
    )
    assert "sentencepiece" in finding.message


def test_what_is_declared_or_looked_for_is_left_alone(found):
    assert found("DEP004") == []
    asked = {
        "src/model.py": (
            "num_labels=2,",
            'num_labels=2, load_in_4bit=importlib.util.find_spec("bitsandbytes") is not None,',
        )
    }
    assert found("DEP004", asked) == []


def test_a_dependency_without_a_use_is_a_note(found):
    (finding,) = found("DEP007", {"pyproject.toml": ('"peft>=0.17",', '"peft>=0.17",\n    "networkx",')})
    assert "networkx" in finding.message
    assert finding.severity is Severity.NOTE
    assert found("DEP007") == []


def test_a_method_from_a_dependency_is_a_note(found):
    changed = {
        "pyproject.toml": ('"peft>=0.17",', '"peft>=0.17",\n    "glora",'),
        "src/model.py": ("import torch\n", "import torch\nfrom glora import RankAllocator\n"),
    }
    (finding,) = found("DEP008", changed)
    assert finding.severity is Severity.NOTE
    assert finding.criterion == 5
    assert found("DEP008") == []
