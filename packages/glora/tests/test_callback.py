from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from accelerate.state import PartialState
from accelerate.utils import DistributedType
from peft import AdaLoraConfig, LoraConfig, PeftModel, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from glora import GLoRACallback, GLoRAConfig, StateError, UnsupportedModelError
from glora.adapters import present_ranks

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = 40
STEPS, WARMUP = 7, 4


def tiny_bert(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=2,
    )
    return BertForSequenceClassification(config)


def adapted(seed: int = 0, **options: Any) -> Any:
    lora = {"r": 4, "lora_alpha": 8, "target_modules": ["query", "value", "dense"], "task_type": "SEQ_CLS"} | options
    return get_peft_model(tiny_bert(seed), LoraConfig(**lora))


def sentences() -> list[dict[str, Any]]:
    """Label 1 where a sentence opens with a word of the upper half of the vocabulary."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(2, VOCABULARY, (64, 6), generator=generator)
    return [{"input_ids": row, "labels": int(row[0] >= VOCABULARY // 2)} for row in ids]


def trainer(folder: Path, callback: Any, *, model: Any = None, compute_metrics: Any = None, **options: Any) -> Trainer:
    settings: dict[str, Any] = {
        "per_device_train_batch_size": 8,
        "learning_rate": 5e-3,
        "max_steps": STEPS,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": 0,
    } | options
    return Trainer(
        model=adapted() if model is None else model,
        args=TrainingArguments(output_dir=str(folder), **settings),
        train_dataset=sentences(),
        eval_dataset=sentences()[:16],
        compute_metrics=compute_metrics,
        callbacks=[] if callback is None else [callback],
    )


def callback(**options: Any) -> GLoRACallback:
    return GLoRACallback(GLoRAConfig(**{"total_rank": 22, "warmup_steps": WARMUP} | options))


def weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        return model.eval()(torch.stack([row["input_ids"] for row in sentences()])).logits


def test_the_trainer_reallocates_and_goes_on(tmp_path: Path) -> None:
    model, glora = adapted(), callback()
    run = trainer(tmp_path, glora, model=model, max_steps=12, gradient_accumulation_steps=2, max_grad_norm=0.5)
    result = run.train()
    allocator = glora.allocator
    assert allocator is not None
    assert allocator.reallocated
    assert allocator.steps == WARMUP  # optimizer steps, not the 8 batches they took
    assert sum(allocator.ranks.values()) == 22
    assert len(set(allocator.ranks.values())) > 1
    assert result.global_step == 12
    held = {id(p) for group in run.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}
    losses = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    assert sum(losses[-3:]) < sum(losses[:3])
    assert run.lr_scheduler.get_last_lr()[0] < 5e-3


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """An uninterrupted run that left a checkpoint at every step."""
    folder = tmp_path_factory.mktemp("whole")
    model, glora = adapted(), callback()
    trainer(folder, glora, model=model, save_strategy="steps", save_steps=1).train()
    return {"folder": folder, "allocator": glora.allocator, "weights": weights(model)}


@pytest.mark.parametrize("restore", [False, True], ids=["plain", "restored-callbacks"])
@pytest.mark.parametrize("step", [1, WARMUP - 1, WARMUP, WARMUP + 1])
def test_a_run_resumed_before_at_and_after_the_reallocation_ends_with_the_same_bits(
    whole: dict[str, Any], step: int, restore: bool, tmp_path: Path
) -> None:
    model, glora = adapted(), callback()
    run = trainer(tmp_path, glora, model=model, restore_callback_states_from_checkpoint=restore)
    run.train(resume_from_checkpoint=str(whole["folder"] / f"checkpoint-{step}"))
    if restore:  # the Trainer has made a new callback from the stored arguments
        (glora,) = (one for one in run.callback_handler.callbacks if isinstance(one, GLoRACallback))
    allocator = glora.allocator
    assert allocator is not None
    expected = whole["allocator"]
    assert (allocator.ranks, allocator.signal, allocator.scores) == (expected.ranks, expected.signal, expected.scores)
    assert 0 < min(rank for rank in allocator.ranks.values() if rank) < max(allocator.ranks.values())
    assert weights(model).keys() == whole["weights"].keys()
    assert all(torch.equal(value, whole["weights"][name]) for name, value in weights(model).items())


def test_a_run_resumes_where_matrices_have_lost_their_adapters(tmp_path: Path) -> None:
    def start(folder: Path) -> tuple[Any, Trainer]:
        model = adapted()
        options = {"save_strategy": "steps", "save_steps": 1}
        return model, trainer(folder, callback(total_rank=6), model=model, **options)

    model, run = start(tmp_path / "whole")
    run.train()
    ranks = present_ranks(model, "default")
    assert len(ranks) < 11  # of 2 x (query, value and three dense layers), and the pooler
    again, resumed = start(tmp_path / "resumed")
    resumed.train(resume_from_checkpoint=str(tmp_path / "whole" / f"checkpoint-{WARMUP}"))
    assert present_ranks(again, "default") == ranks
    assert all(torch.equal(value, weights(model)[name]) for name, value in weights(again).items())


@pytest.mark.parametrize("best", [1, WARMUP, STEPS])
@pytest.mark.parametrize("total", [6, 22])
def test_the_best_checkpoint_is_loaded_also_from_before_the_reallocation(best: int, total: int, tmp_path: Path) -> None:
    scores = iter(1.0 if step == best else 0.0 for step in range(1, STEPS + 2))
    model = adapted()
    base = copy.deepcopy(tiny_bert())
    run = trainer(
        tmp_path,
        callback(total_rank=total),
        model=model,
        compute_metrics=lambda _: {"score": next(scores)},
        eval_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="score",
    )
    run.train()
    checkpoint = tmp_path / f"checkpoint-{best}"
    assert run.state.best_model_checkpoint == str(checkpoint)
    stored = PeftModel.from_pretrained(base, checkpoint)
    assert present_ranks(model, "default") == present_ranks(stored, "default")
    assert (sum(present_ranks(model, "default").values()) == 44) is (best < WARMUP)
    assert torch.equal(logits(model), logits(stored))
    model.save_pretrained(tmp_path / "best")
    assert torch.equal(logits(PeftModel.from_pretrained(tiny_bert(), tmp_path / "best")), logits(stored))


def test_shares_within_a_step_do_not_depend_on_clipping(tmp_path: Path) -> None:
    scores = []
    for norm in (0.0, 1e-3):
        glora = callback(warmup_steps=1)
        trainer(tmp_path, glora, max_steps=1, max_grad_norm=norm).train()
        assert glora.allocator is not None
        scores.append((glora.allocator.scores, sum(glora.allocator.signal.values())))
    assert scores[1][0] == pytest.approx(scores[0][0], rel=1e-4)
    assert scores[1][1] < 0.1 * scores[0][1]  # and the Trainer did clip before


def test_a_model_that_is_made_when_training_begins_is_taken_up(tmp_path: Path) -> None:
    glora = callback()
    settings = TrainingArguments(
        output_dir=str(tmp_path), max_steps=STEPS, report_to=[], save_strategy="no", use_cpu=True
    )
    run = Trainer(
        model_init=lambda: adapted(),  # noqa: PLW0108 - the Trainer counts its parameters
        args=settings,
        train_dataset=sentences(),
        callbacks=[glora],
    )
    run.train()
    assert glora.allocator is not None
    assert present_ranks(run.model, "default") == {k: rank for k, rank in glora.allocator.ranks.items() if rank}
    assert sum(glora.allocator.ranks.values()) == 22


def test_a_second_training_allocates_anew(tmp_path: Path) -> None:
    glora = callback(total_rank=30, min_rank=1)
    run = trainer(tmp_path, glora)
    run.train()
    first = glora.allocator
    run.train()
    second = glora.allocator
    assert second is not None
    assert second is not first
    assert second.reallocated
    assert sum(second.ranks.values()) == 30


@pytest.mark.parametrize("signal", ["delta", "exact"])
def test_a_training_shorter_than_the_warm_up_is_warned_about(signal: Any, tmp_path: Path) -> None:
    model = adapted()
    run = trainer(tmp_path, callback(warmup_steps=9, signal=signal), model=model)
    with pytest.warns(UserWarning, match="ended after 7 of 9 steps of GLoRA's warm-up"):
        run.train()
    assert sum(present_ranks(model, "default").values()) == 44


def test_a_checkpoint_of_a_trainer_without_the_callback_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path, None, max_steps=2, save_strategy="steps", save_steps=1).train()
    with pytest.raises(StateError, match="resumes at step 1 from a checkpoint that holds no rank allocator"):
        trainer(tmp_path, callback()).train(resume_from_checkpoint=str(tmp_path / "checkpoint-1"))


def test_other_settings_in_the_middle_of_the_warm_up_are_refused(whole: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(StateError, match=r"`beta=0.9` and is now resumed with 0.5"):
        trainer(tmp_path, callback(beta=0.5)).train(resume_from_checkpoint=str(whole["folder"] / "checkpoint-2"))


def test_of_several_callbacks_each_finds_its_own_newest_state() -> None:
    glora = GLoRACallback(adapter_name="mine")

    def entry(name: str, mark: object) -> dict[str, Any]:
        return {"args": {"config": {}, "adapter_name": name}, "attributes": {"saved": mark}}

    entries = [
        entry("mine", None),
        entry("other", "a"),
        entry("mine", "old"),
        entry("mine", "new"),
        entry("other", "b"),
    ]
    state = SimpleNamespace(global_step=3, stateful_callbacks={"GLoRACallback": entries})
    assert glora._saved(state) == "new"


def test_what_cannot_be_resized_is_refused_before_training(tmp_path: Path) -> None:
    adalora = AdaLoraConfig(target_modules=["query"], task_type="SEQ_CLS", init_r=4, target_r=2, total_step=10)
    with pytest.raises(UnsupportedModelError, match="is ADALORA, not LORA"):
        trainer(tmp_path, callback(), model=get_peft_model(tiny_bert(), adalora))


@pytest.mark.parametrize("kind", [DistributedType.FSDP, DistributedType.DEEPSPEED])
def test_sharded_training_is_refused_with_the_two_phases(
    kind: DistributedType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trainer(tmp_path, None)
    monkeypatch.setitem(PartialState._shared_state, "distributed_type", kind)
    with pytest.raises(UnsupportedModelError, match=r"allocator\.plan\.save.*to_lora_config"):
        callback().on_init_end(run.args, run.state, run.control, model=run.model)
