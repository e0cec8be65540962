"""Small models with real PEFT adapters, shared by the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable


class Mlp(nn.Module):
    """Three matrices of three shapes, and a head that is not adapted."""

    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(12, 32)
        self.mid = nn.Linear(32, 24)
        self.down = nn.Linear(24, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in (self.up, self.mid, self.down):
            x = torch.tanh(layer(x))
        return self.head(x)


@pytest.fixture(autouse=True)
def _one_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def make_model() -> Callable[..., Any]:
    """Build an `Mlp` with LoRA of rank 4 and alpha 8 on its three matrices; keywords go to LoraConfig."""

    def make(*, seed: int = 0, base: nn.Module | None = None, learned: bool = False, **lora: Any) -> Any:
        torch.manual_seed(seed)
        options: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": ["up", "mid", "down"]} | lora
        model = get_peft_model(Mlp() if base is None else base, LoraConfig(**options))
        if learned:  # B is zero at the start, and then nothing that is lost would show
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    nn.init.normal_(parameter, std=0.3)
        return model

    return make


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(40, 12, generator=generator)
    teacher = torch.randn(12, 3, generator=generator)
    return x, (x @ teacher).argmax(dim=1)


@pytest.fixture
def train_step() -> Callable[..., float]:
    """One step of classification; with an allocator, at the place where it belongs."""

    def step(model: Any, optimizer: Any, data: Any, allocator: Any = None, scheduler: Any = None) -> float:
        x, y = data
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        if allocator is not None:
            allocator.step(optimizer)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        optimizer.zero_grad()
        return float(loss.detach())

    return step
