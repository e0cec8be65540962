"""One of several data-parallel processes: trains across the reallocation and writes down what it ends with.

    python replica.py RANK WORLD FOLDER

It does so in six ways: with the allocator given the DistributedDataParallel, whose gradients are views of its
buckets; given only the PEFT model inside, where the wrapper looks for unused parameters; with the exact signal; with
averages that differ between the processes; through Accelerate; and through a Trainer. WORLD processes of ROWS / WORLD
rows each see what one process sees.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.parallel import DistributedDataParallel
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from glora import GLoRACallback, GLoRAConfig, RankAllocator

WARMUP, AFTER, ROWS = 3, 20, 12
CONFIG = GLoRAConfig(total_rank=16, max_rank=9, warmup_steps=WARMUP)


def rows_of(step: int, rank: int, world: int) -> torch.Tensor:
    x = torch.randn(ROWS, 8, generator=torch.Generator().manual_seed(100 * step))
    return x.chunk(world)[rank]  # the processes see different rows


def build(lr: float = 0.02) -> tuple[Any, torch.optim.Optimizer]:
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4))
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=["0", "2", "4"]))
    return model, torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)


def result(model: Any, allocator: RankAllocator, **further: Any) -> dict[str, Any]:
    weights = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    return {"ranks": allocator.ranks, "signal": allocator.signal, "weights": weights} | further


def loop(forward: Any, share: tuple[int, int], allocator: RankAllocator, optimizer: Any, **how: Any) -> None:
    backward, astray = how.get("backward", torch.Tensor.backward), how.get("astray", False)
    for step in range(WARMUP + AFTER):
        if astray and step == WARMUP - 1:  # as where replicas round differently: here one has the order reversed
            allocator._observer.average.values = allocator._observer.average.values.flip(0)
        x = rows_of(step, *share)
        backward((forward(x) - x[:, :4]).square().mean())
        allocator.step(optimizer)
        optimizer.step()
        optimizer.zero_grad()


def reduced(bucket: dist.GradBucket, seen: list[int]) -> torch.futures.Future[torch.Tensor]:
    seen.append(1)
    return allreduce_hook(dist.group.WORLD, bucket)


def train(
    rank: int, world: int, *, give_wrapper: bool, config: GLoRAConfig = CONFIG, astray: bool = False
) -> dict[str, Any]:
    model, optimizer = build()
    if world == 1:
        allocator = RankAllocator(model, config)
        loop(model, (0, 1), allocator, optimizer)
        return result(model, allocator)
    wrapper = DistributedDataParallel(
        model, bucket_cap_mb=1, gradient_as_bucket_view=give_wrapper, find_unused_parameters=not give_wrapper
    )
    forwards: list[int] = []
    reductions: list[int] = []
    wrapper.register_forward_hook(lambda *_: forwards.append(1))
    wrapper.register_comm_hook(reductions, lambda seen, bucket: reduced(bucket, seen))  # it refuses annotations
    allocator = RankAllocator(wrapper if give_wrapper else model, config)
    loop(wrapper, (rank, world), allocator, optimizer, astray=astray and rank == 1)
    settings = [wrapper.training, wrapper.gradient_as_bucket_view, wrapper.find_unused_parameters]
    settings += [wrapper.bucket_bytes_cap == 2**20]
    return result(model, allocator, forwards=len(forwards), reductions=len(reductions), settings=settings)


def train_with_accelerate(rank: int, world: int) -> dict[str, Any]:
    accelerator = Accelerator(cpu=True)
    model, optimizer = build()
    prepared, optimizer = accelerator.prepare(model, optimizer)
    allocator = RankAllocator(prepared, CONFIG)
    loop(prepared, (rank, world), allocator, optimizer, backward=accelerator.backward)
    return result(model, allocator, wrapped=isinstance(prepared, DistributedDataParallel))


def trainer(world: int, folder: Path) -> tuple[Trainer, Any, GLoRACallback]:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    quiet = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}  # drawn per process
    base = BertForSequenceClassification(BertConfig(vocab_size=40, num_labels=2, **shape, **quiet))
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value", "dense"], task_type="SEQ_CLS")
    model, callback = get_peft_model(base, lora), GLoRACallback(GLoRAConfig(total_rank=30, warmup_steps=WARMUP))
    ids = torch.randint(2, 40, (128, 6), generator=torch.Generator().manual_seed(1))
    settings: dict[str, Any] = {
        "max_steps": WARMUP + AFTER,
        "per_device_train_batch_size": 8 // world,
        "learning_rate": 5e-3,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": True,
        "seed": 0,
        "average_tokens_across_devices": False,  # multiplies the loss by the processes, where the model averages itself
    }
    made = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **settings),
        train_dataset=[{"input_ids": row, "labels": int(row[0] >= 20)} for row in ids],
        callbacks=[callback],
    )
    return made, model, callback


def train_with_trainer(world: int, folder: Path) -> dict[str, Any]:
    made, model, callback = trainer(world, folder)
    made.train()
    if callback.allocator is None:
        raise RuntimeError("the Trainer did not take the callback up")
    return result(model, callback.allocator, wrapped=isinstance(made.model_wrapped, DistributedDataParallel))


def main(rank: int, world: int, folder: Path) -> None:
    torch.set_num_threads(1)
    if world > 1:
        os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(world), MASTER_ADDR="127.0.0.1")
        store = dist.FileStore(str(folder / "store"), world)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=100))
    results: dict[str, Any] = {
        kind: train(rank, world, give_wrapper=kind == "wrapper") for kind in ("wrapper", "model")
    }
    exact = GLoRAConfig(total_rank=16, max_rank=9, warmup_steps=WARMUP, signal="exact")
    results["exact"] = train(rank, world, give_wrapper=True, config=exact)
    results["astray"] = train(rank, world, give_wrapper=True, astray=True)
    results["accelerate"] = train_with_accelerate(rank, world)
    results["trainer"] = train_with_trainer(world, folder)
    torch.save(results, folder / f"{rank}-of-{world}.pt")
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
