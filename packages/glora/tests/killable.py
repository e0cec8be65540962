"""A training that stores everything after each step and goes on from there, killed at every step and started again.

    python killable.py FOLDER

FOLDER gets ``whole/`` of a run that is left alone, and ``STEP-WHEN/`` of one that SIGKILLs itself in that step, after
its checkpoint (``stored``) or before it (``unstored``), and is then started again. Processes are forked from this one,
which has imported everything and computed nothing.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from glora import GLoRAConfig, RankAllocator

STEPS, WARMUP = 8, 4


def build() -> Any:
    torch.manual_seed(3)
    base = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Dropout(0.1), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 9))
    with torch.no_grad():
        base[5].weight.mul_(0.005)  # little gradient passes below, so that a matrix loses its adapter
    return get_peft_model(base, LoraConfig(r=4, lora_alpha=8, target_modules=["0", "3", "5"]))


def train(folder: Path, kill_at: int = 0, when: str = "") -> None:
    stored = folder / "checkpoint.pt"
    model = build()
    allocator = RankAllocator(model, GLoRAConfig(total_rank=6, warmup_steps=WARMUP))
    checkpoint = torch.load(stored, weights_only=True) if stored.exists() else None
    if checkpoint is not None:
        allocator.load_state_dict(checkpoint["allocator"])
        model.load_state_dict(checkpoint["model"])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    first = 0
    if checkpoint is not None:
        optimizer.load_state_dict(checkpoint["optimizer"])
        torch.set_rng_state(checkpoint["random"])
        first = checkpoint["step"]
    for step in range(first + 1, STEPS + 1):
        x = torch.randn(10, 6, generator=torch.Generator().manual_seed(step))
        nn.functional.cross_entropy(model(x), x.argmax(dim=1)).backward()
        allocator.step(optimizer)
        if step == kill_at and when == "unstored":
            os.kill(os.getpid(), signal.SIGKILL)
        optimizer.step()
        optimizer.zero_grad()
        parts = {"allocator": allocator, "model": model, "optimizer": optimizer}
        states = {name: part.state_dict() for name, part in parts.items()}
        torch.save(states | {"step": step, "random": torch.get_rng_state()}, folder / "partial.pt")
        (folder / "partial.pt").replace(stored)
        if step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
    torch.save({"model": model.state_dict(), "ranks": allocator.ranks}, folder / "end.pt")


def forked(folder: Path, *how: Any) -> int:
    """Train in a process of its own; return what ended it, as subprocess does."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            train(folder, *how)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    ends = {}
    for name in ["whole", *(f"{step}-{when}" for step in range(1, STEPS + 1) for when in ("stored", "unstored"))]:
        place = folder / name
        place.mkdir()
        killed = 0
        if name != "whole":
            step, when = name.split("-")
            killed = forked(place, int(step), when)
        ends[name] = {"killed": killed, "unfinished": not (place / "end.pt").exists(), "again": forked(place)}
    (folder / "ends.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
