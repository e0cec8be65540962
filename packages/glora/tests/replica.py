"""One of two data-parallel processes: trains across the reallocation and writes down what it ends with.

    python replica.py RANK FOLDER

It does so twice: with the allocator given the DistributedDataParallel, whose gradients are views of its buckets, and
given only the PEFT model inside, as a Trainer callback is, where the wrapper looks for unused parameters.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from glora import GLoRAConfig, RankAllocator

WARMUP, AFTER = 3, 10


def train(rank: int, *, give_wrapper: bool) -> dict[str, Any]:
    torch.manual_seed(0)
    base = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4))
    model = get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=["0", "2", "4"]))
    wrapper = DistributedDataParallel(
        model, bucket_cap_mb=1, gradient_as_bucket_view=give_wrapper, find_unused_parameters=not give_wrapper
    )
    seen: list[int] = []
    wrapper.register_forward_hook(lambda *_: seen.append(1))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.02)
    config = GLoRAConfig(total_rank=16, max_rank=9, warmup_steps=WARMUP)
    allocator = RankAllocator(wrapper if give_wrapper else model, config)
    for step in range(WARMUP + AFTER):
        generator = torch.Generator().manual_seed(100 * step + rank)  # the two see different rows
        x = torch.randn(6, 8, generator=generator)
        (wrapper(x) - x[:, :4]).square().mean().backward()
        allocator.step(optimizer)
        optimizer.step()
        optimizer.zero_grad()
    return {
        "ranks": allocator.ranks,
        "weights": {name: p.detach() for name, p in model.named_parameters() if p.requires_grad},
        "forwards": len(seen),
        "settings": [wrapper.training, wrapper.gradient_as_bucket_view, wrapper.find_unused_parameters],
    }


def main(rank: int, folder: Path) -> None:
    store = dist.FileStore(str(folder / "store"), 2)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    results = {kind: train(rank, give_wrapper=kind == "wrapper") for kind in ("wrapper", "model")}
    torch.save(results, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
