"""The three methods: same matrices, same head, same scaling, exact budgets; thresholds that fit the run."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from src.main import prepare
from src.model import ALPHA_PER_RANK, _linear_layers, build_method, label, plan_schedule, spread, total_rank
from src.preprocess import ExperimentError

NAMES = ["negative", "positive"]
CPU = torch.device("cpu")


@given(total=st.integers(0, 5000), parts=st.integers(1, 400))
def test_spreading_loses_nothing_and_is_even(total: int, parts: int) -> None:
    shares = spread(total, parts)
    assert sum(shares) == total
    assert len(shares) == parts
    assert max(shares) - min(shares) <= 1


def test_a_remainder_is_spaced_out() -> None:
    assert spread(128, 72).count(2) == 56
    assert spread(5, 4) == [1, 1, 1, 2]


@pytest.mark.parametrize(("method", "section"), [("GLoRA", "glo_ra"), ("AdaLoRA", "adalora"), ("LoRA", "lora")])
def test_auto_is_matrices_times_the_initial_rank(composed: Any, method: str, section: str) -> None:
    cfg = prepare(composed(method))
    assert total_rank(cfg, 12) == 24
    cfg[section].total_rank_budget = 30
    assert total_rank(cfg, 12) == 30


def test_a_budget_below_one_rank_a_matrix_is_refused(composed: Any) -> None:
    with pytest.raises(ExperimentError, match=r"lora.total_rank_budget: 11 .* 12 adapted matrices"):
        total_rank(prepare(composed("LoRA", "run.lora.total_rank_budget=11")), 12)


def test_thresholds_that_fit_are_kept(composed: Any) -> None:
    cfg = prepare(composed("GLoRA", "run.glo_ra.warmup_steps=150", "run.training.lr_warmup_steps=20"))
    schedule = plan_schedule(cfg, 100)
    assert (schedule.allocation_step, schedule.lr_warmup_steps, schedule.effective) == (150, 20, {})


@pytest.mark.parametrize(("method", "name"), [("GLoRA", "warmup_steps"), ("AdaLoRA", "adaptation_start_step")])
def test_thresholds_beyond_the_run_become_an_epoch(composed: Any, method: str, name: str) -> None:
    cfg = prepare(composed(method))
    cfg[{"GLoRA": "glo_ra", "AdaLoRA": "adalora"}[method]][name] = 12000
    cfg.training.lr_warmup_steps = 1000
    schedule = plan_schedule(cfg, 100)
    assert schedule.allocation_step == 100
    assert schedule.lr_warmup_steps == 18  # 6 % of 300 steps
    assert schedule.effective == {name: 100, "lr_warmup_steps": 18}


def test_every_projection_of_deberta_v3_base_is_adapted() -> None:
    from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

    with torch.device("meta"):
        config = DebertaV2Config(
            hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, vocab_size=100,
            relative_attention=True, position_buckets=256, norm_rel_ebd="layer_norm", share_att_key=True,
            pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0,
        )  # fmt: skip
        assert len(_linear_layers(DebertaV2ForSequenceClassification(config))) == 72


def test_a_run_of_one_step_is_refused_where_ranks_must_change_in_between(composed: Any) -> None:
    assert plan_schedule(prepare(composed("LoRA", mode="trial")), 1).total_steps == 1
    with pytest.raises(ExperimentError, match="one optimizer step"):
        plan_schedule(prepare(composed("AdaLoRA", mode="trial")), 1)


def test_two_batches_are_enough_for_a_reallocation_and_a_learning_rate_above_zero(composed: Any) -> None:
    schedule = plan_schedule(prepare(composed("GLoRA", mode="trial")), 2)
    assert (schedule.total_steps, schedule.allocation_step, schedule.lr_warmup_steps) == (2, 1, 0)


@pytest.mark.parametrize("method", ["GLoRA", "AdaLoRA", "LoRA"])
def test_each_method_adapts_every_projection_and_trains_the_head(composed: Any, method: str) -> None:
    cfg = prepare(composed(method))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    kinds = {name.split(".", 4)[-1] for name in built.targets}
    assert len(built.targets) == 12
    assert kinds == {
        "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
        "intermediate.dense", "output.dense",
    }  # fmt: skip
    trained = {name for name, p in built.model.named_parameters() if p.requires_grad and "lora_" not in name}
    assert trained == {
        "base_model.model.classifier.modules_to_save.default.weight",
        "base_model.model.classifier.modules_to_save.default.bias",
    }


@pytest.mark.parametrize("method", ["GLoRA", "LoRA"])
def test_alpha_over_r_is_two_on_every_matrix(composed: Any, method: str) -> None:
    budget = {"GLoRA": "glo_ra", "LoRA": "lora"}[method]
    cfg = prepare(composed(method, f"run.{budget}.total_rank_budget=31"))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    layers = [m for m in built.model.modules() if hasattr(m, "lora_A") and hasattr(m, "scaling")]
    assert len(layers) == 12
    assert {layer.scaling["default"] for layer in layers} == {ALPHA_PER_RANK}


def test_adalora_scales_like_the_others_and_ends_at_the_exact_budget(composed: Any) -> None:
    cfg = prepare(composed("AdaLoRA", "run.adalora.total_rank_budget=29"))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    config = built.model.peft_config["default"]
    assert config.init_r == 4  # 1.5 x 29 / 12, rounded up
    assert config.lora_alpha / config.init_r == ALPHA_PER_RANK
    assert built.model.base_model.rankallocator.target_bgt == 29
    assert (config.tinit, config.tfinal, config.total_step) == (8, 8, 24)


def test_adalora_gets_something_to_prune_where_the_configured_rank_leaves_nothing(composed: Any) -> None:
    cfg = prepare(composed("AdaLoRA", "run.adalora.total_rank_budget=128", "run.adalora.init_rank=8"))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    assert built.effective["init_rank"] == 16
    assert built.model.base_model.rankallocator.init_bgt > 128


def test_lora_spends_a_budget_that_does_not_divide(composed: Any) -> None:
    cfg = prepare(composed("LoRA", "run.lora.total_rank_budget=31"))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    assert sum(built.ranks().values()) == 31
    assert set(built.ranks().values()) == {2, 3}


def test_a_backbone_stored_in_half_precision_trains_in_single(composed: Any) -> None:
    cfg = prepare(composed("LoRA"))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    assert {p.dtype for p in built.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_attention_is_computed_as_asked_for(composed: Any, attention: str) -> None:
    cfg = prepare(composed("LoRA", f"launcher.attention={attention}"))
    built = build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)
    assert built.model.config._attn_implementation == attention


def test_a_backbone_that_does_not_exist_is_named(composed: Any, tmp_path: Any) -> None:
    cfg = prepare(composed("LoRA", f"run.model.backbone={tmp_path}/nowhere"))
    with pytest.raises(ExperimentError, match="nowhere"):
        build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_backbone_s_file_that_was_cut_off_is_an_error_that_says_what_to_remove(
    composed: Any, backbone: str, tmp_path: Any, name: str
) -> None:
    copy = shutil.copytree(backbone, tmp_path / "cut")
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    cfg = prepare(composed("LoRA", f"run.model.backbone={copy}"))
    with pytest.raises(ExperimentError, match=r"cannot be loaded .*remove .cache/models and start again"):
        build_method(cfg, NAMES, plan_schedule(cfg, 8), CPU)


def test_a_matrix_label_is_one_wandb_key() -> None:
    assert label("bert.encoder.layer.3.attention.self.query") == "layer_3_attention_self_query"
    assert label("deberta.encoder.layer.11.output.dense") == "layer_11_output_dense"
