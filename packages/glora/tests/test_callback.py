from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from transformers.trainer_utils import SaveStrategy

from glora import GLoRACallback, GLoRAConfig, GLoRAError

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY = 40


def tiny_bert() -> Any:
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=2,
    )
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value", "dense"], task_type="SEQ_CLS")
    return get_peft_model(BertForSequenceClassification(config), lora)


def sentences() -> list[dict[str, Any]]:
    """Label 1 where a sentence opens with a word of the upper half of the vocabulary."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(2, VOCABULARY, (64, 6), generator=generator)
    return [{"input_ids": row, "labels": int(row[0] >= VOCABULARY // 2)} for row in ids]


def arguments(folder: Path, **options: Any) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=8,
        learning_rate=5e-3,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        disable_tqdm=True,
        seed=0,
        **options,
    )


def test_the_trainer_reallocates_and_goes_on(tmp_path: Path) -> None:
    model = tiny_bert()
    callback = GLoRACallback(GLoRAConfig(total_rank=22, warmup_steps=4))
    trainer = Trainer(
        model=model,
        args=arguments(tmp_path, max_steps=12, gradient_accumulation_steps=2, max_grad_norm=0.5),
        train_dataset=sentences(),
        callbacks=[callback],
    )
    result = trainer.train()
    allocator = callback.allocator
    assert allocator is not None
    assert allocator.reallocated
    assert allocator.steps == 4  # optimizer steps, not the 8 batches they took
    assert sum(allocator.ranks.values()) == 22
    assert len(set(allocator.ranks.values())) > 1
    assert result.global_step == 12
    held = {id(p) for group in trainer.optimizer.param_groups for p in group["params"]}
    assert held == {id(p) for p in model.parameters() if p.requires_grad}
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    assert sum(losses[-3:]) < sum(losses[:3])
    assert trainer.lr_scheduler.get_last_lr()[0] < 5e-3


def test_resuming_a_checkpoint_is_refused(tmp_path: Path) -> None:
    options = {"model": tiny_bert(), "train_dataset": sentences()}
    args = arguments(tmp_path, max_steps=3)
    args.save_strategy, args.save_steps = SaveStrategy.STEPS, 2
    Trainer(args=args, callbacks=[GLoRACallback(GLoRAConfig(warmup_steps=100))], **options).train()
    again = Trainer(
        model=tiny_bert(),
        args=args,
        train_dataset=sentences(),
        callbacks=[GLoRACallback(GLoRAConfig(warmup_steps=100))],
    )
    with pytest.raises(GLoRAError, match="resumes at step 2"):
        again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))


def test_a_best_checkpoint_from_before_the_reallocation_is_warned_about(tmp_path: Path) -> None:
    callback = GLoRACallback(GLoRAConfig(warmup_steps=7))
    with pytest.warns(UserWarning, match="before the reallocation at step 7"):
        callback.on_train_begin(
            SimpleNamespace(load_best_model_at_end=True), SimpleNamespace(global_step=0), None, model=tiny_bert()
        )
