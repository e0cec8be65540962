from __future__ import annotations

import pytest

from windtunnel.rules.produced_keys import Producer

LOGGED = """\
import wandb

NAMES = ("loss", "pearson")
def log(metrics, split):
    wandb.log({f"{split}_{name}": value for name, value in metrics.items()})
    wandb.log({f"final_{name}": value for name, value in metrics.items()})
    wandb.log({f"validation_{name}": value for name, value in metrics.items()})
"""


@pytest.mark.parametrize("key", ["loss", "final_loss", "final_validation_pearson", "validation_loss"])
def test_a_key_from_strings_and_templates_can_be_made(repo, key: str):
    assert Producer.of(repo({"src/train.py": LOGGED}), without="src/evaluate.py").makes(key)


@pytest.mark.parametrize("key", ["accuracy_final", "final_spearman", "final_validation_pearson_value", ""])
def test_a_key_from_nothing_in_the_code_cannot(repo, key: str):
    assert not Producer.of(repo({"src/train.py": LOGGED}), without="src/evaluate.py").makes(key)


def test_the_file_left_out_makes_nothing(repo):
    files = {"src/train.py": LOGGED, "src/evaluate.py": 'KEY = "only_asked"'}
    assert not Producer.of(repo(files), without="src/evaluate.py").makes("only_asked")
    assert Producer.of(repo(files), without="src/train.py").makes("only_asked")
