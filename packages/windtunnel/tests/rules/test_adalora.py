from __future__ import annotations

import pytest

from windtunnel.findings import Severity

MODEL, TRAIN = "src/model.py", "src/train.py"
LORA = 'LoraConfig(task_type="CAUSAL_LM", r=cfg.model.rank, target_modules=list(cfg.model.target_modules))'
STEP = (
    "            optimizer.step()\n",
    "            optimizer.step()\n            model.base_model.update_and_allocate(step)\n",
)


def configured(arguments: str) -> dict[str, tuple[str, str]]:
    return {
        MODEL: (
            "adapter = " + LORA,
            f'from peft import AdaLoraConfig\n    adapter = AdaLoraConfig(task_type="CAUSAL_LM", {arguments})',
        )
    }


@pytest.mark.parametrize("arguments", ["r=8, target_r=128, total_step=900", "init_r=12, target_r=16, total_step=900"])
def test_a_budget_above_the_first_ranks_is_found(found_causal, arguments: str):
    (finding,) = found_causal("MOD003", configured(arguments))
    assert "average rank per matrix" in finding.message
    assert ("r is ignored" in finding.message) == ("init_r" not in arguments)


@pytest.mark.parametrize(
    "arguments", ["init_r=12, target_r=8", "target_r=8", "init_r=64, target_r=32", "init_r=cfg.model.rank, target_r=6"]
)
def test_a_budget_below_them_is_left_alone(found_causal, arguments: str):
    assert found_causal("MOD003", configured(arguments)) == []


def test_ranks_that_are_never_allocated_are_found(found_causal):
    (finding,) = found_causal("MOD004", configured("target_r=8, total_step=900"))
    assert "never called" in finding.message
    assert finding.severity is Severity.BLOCKER
    assert found_causal("MOD004", configured("target_r=8, total_step=900") | {TRAIN: STEP}) == []
    (other,) = found_causal("MOD004", configured("target_r=8") | {TRAIN: STEP})
    assert "no total_step" in other.message
    assert found_causal("MOD004") == []


def test_a_total_given_to_each_matrix_is_found(found):
    adalora = "AdaLoraConfig(task_type=TaskType.SEQ_CLS, init_r=12, target_r=cfg.model.total_rank, total_step=100)"
    files = {
        "src/model.py": model_with(adalora),
        **{
            f"config/run/{name}-bert-sst2.yaml": ("  rank: 8", "  rank: 8\n  total_rank: 288")
            for name in ("baseline", "proposed")
        },
    }
    (finding,) = found("MOD003", files)
    assert "is given a budget for all of them" in finding.message
    divided = adalora.replace("cfg.model.total_rank", "cfg.model.total_rank // 36")
    assert found("MOD003", {**files, "src/model.py": model_with(divided)}) == []


def model_with(adapter: str) -> str:
    return f"""\
from peft import AdaLoraConfig, TaskType, get_peft_model
from transformers import AutoModelForSequenceClassification


def build(cfg):
    base = AutoModelForSequenceClassification.from_pretrained(cfg.model.name, num_labels=2, cache_dir=".cache/")
    return get_peft_model(base, {adapter})
"""
