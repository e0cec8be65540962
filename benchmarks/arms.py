"""The arms of the comparison: one training step of LoRA, of GLoRA with each signal, and of PEFT's AdaLoRA.

A step is ``zero_grad``, forward, backward, what the method does, ``AdamW.step``. Every arm has its own adapters and
optimizer; the base weights are shared.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from peft import AdaLoraConfig, LoraConfig, TaskType, get_peft_model
from peft.tuners.lora import LoraLayer

from benchmarks.memory import peak_bytes
from benchmarks.shapes import Shape, linear_layers, twin
from glora import GLoRAConfig, RankAllocator

if TYPE_CHECKING:
    from torch import nn

Phase = Literal["warmup", "after"]
SETTLE = 8  # steps before the first timed one; in the phase `after`, the last of them reallocates
NEVER = 1_000_000
ALPHA_PER_RANK = 2


@dataclass(frozen=True)
class Target:
    """The range in which an arm's median ratio should lie."""

    least: float = 0.0
    most: float = math.inf

    def __str__(self) -> str:
        if self.most == math.inf:
            return ""
        return f"{self.least:.2f} to {self.most:.2f}" if self.least else f"<= {self.most:.2f}"

    def is_met_by(self, ratio: float) -> bool:
        """Whether `ratio` lies in the range."""
        return self.least <= ratio <= self.most


@dataclass(frozen=True)
class Plan:
    """What an arm is, before it is built.

    Attributes:
        name: What the tables call it.
        glora: Settings of `GLoRAConfig`; ``None`` for the other methods.
        adalora: Whether it is AdaLoRA.
        period: After how many steps its work repeats; ratios are of sums over so many steps.
        target: Of its median ratio to LoRA.
    """

    name: str
    glora: dict[str, Any] | None = None
    adalora: bool = False
    period: int = 1
    target: Target = Target()


LORA = Plan("LoRA")
PLANS: dict[Phase, list[Plan]] = {
    "warmup": [
        LORA,
        Plan("LoRA again"),  # the noise of the measurement
        Plan("GLoRA lora_B", {"signal": "lora_B"}, target=Target(most=1.01)),
        Plan("GLoRA delta", {"signal": "delta"}, target=Target(most=1.01)),
        Plan("GLoRA exact", {"signal": "exact"}, target=Target(most=1.40)),
        Plan(
            "GLoRA exact, every 4th step",
            {"signal": "exact", "signal_interval": 4},
            period=4,
            target=Target(most=1.10),
        ),
        Plan("AdaLoRA", adalora=True),
    ],
    "after": [
        LORA,
        Plan("LoRA again"),
        *(
            Plan(f"GLoRA {signal}, min_rank={least}", {"signal": signal, "min_rank": least}, target=target)
            for least, target in ((1, Target(0.99, 1.01)), (0, Target(most=1.00)))
            for signal in ("lora_B", "delta")
        ),
        Plan("GLoRA, weakest 1/4 dropped", {"min_rank": 0, "drop_fraction": 0.25}, target=Target(most=1.00)),
        Plan("GLoRA, shares by cost", {"min_rank": 0, "cost_exponent": 1.0}, target=Target(most=1.00)),
        Plan("GLoRA, half way to equal", {"min_rank": 0, "uniform_share": 0.5}, target=Target(most=1.00)),
        Plan("GLoRA, along the gradient", {"min_rank": 0, "growth": "gradient"}, target=Target(most=1.00)),
        Plan("AdaLoRA", adalora=True),
    ],
}


class Arm:
    """One method at work on its own twin of the base model.

    Args:
        plan: What it is.
        phase: ``"warmup"``: the ranks never change. ``"after"``: they change in the step number `SETTLE`.
        shape: The model.
        base: The base model, left as it is.
        rank: Rank of every matrix at the start (AdaLoRA: on average, at the end).
        device: Where to train.

    Attributes:
        reallocation_seconds: What the allocation of the ranks took; ``None`` if there was none.
    """

    def __init__(
        self, plan: Plan, phase: Phase, shape: Shape, base: nn.Module, *, rank: int, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        self.plan = plan
        self.reallocation_seconds: float | None = None
        self._device = device
        self._steps = 0
        self._batch = shape.batch(device)
        self._targets = linear_layers(base)
        self._model = get_peft_model(twin(base), self._adapter(phase, rank)).to(device).train()
        self._optimizer = torch.optim.AdamW([p for p in self._model.parameters() if p.requires_grad], lr=1e-4)
        self._allocator = None
        if plan.glora is not None:
            settings = {**plan.glora, "warmup_steps": NEVER if phase == "warmup" else SETTLE}
            self._allocator = RankAllocator(self._model, GLoRAConfig(**settings))

    @property
    def matrices(self) -> int:
        """How many matrices were adapted at the start."""
        return len(self._targets)

    @property
    def adapters(self) -> int:
        """How many matrices have an adapter now."""
        return sum(isinstance(module, LoraLayer) for module in self._model.modules())

    @property
    def parameters(self) -> int:
        """How many parameters are trained now."""
        return sum(p.numel() for p in self._model.parameters() if p.requires_grad)

    def step(self) -> float:
        """Train one step; return the seconds it took."""
        started = self._now()
        self._optimizer.zero_grad()
        self._model(**self._batch).loss.backward()
        if self._allocator is not None:
            self._watch(self._allocator)
        self._optimizer.step()
        self._steps += 1
        if self.plan.adalora:  # where PEFT's documentation has it
            self._model.base_model.update_and_allocate(self._steps)
        return self._now() - started

    def peak_bytes(self) -> int:
        """Train one step; return the most memory that tensors took during it."""
        self._optimizer.zero_grad()
        state = [value for entry in self._optimizer.state.values() for value in entry.values()]
        lasting = [*self._model.parameters(), *self._model.buffers(), *self._batch.values(), *state]
        return peak_bytes(self.step, lasting, self._device)

    def _watch(self, allocator: RankAllocator) -> None:
        if self._steps != SETTLE - 1:
            allocator.step(self._optimizer)
            return
        started = self._now()
        if allocator.step(self._optimizer):
            self.reallocation_seconds = self._now() - started

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def _adapter(self, phase: Phase, rank: int) -> LoraConfig:
        common: dict[str, Any] = {"task_type": TaskType.SEQ_CLS, "target_modules": self._targets}
        if not self.plan.adalora:
            return LoraConfig(r=rank, lora_alpha=ALPHA_PER_RANK * rank, **common)
        first = math.ceil(1.5 * rank)
        return AdaLoraConfig(
            init_r=first,
            target_r=rank,
            lora_alpha=ALPHA_PER_RANK * first,
            total_step=NEVER,
            tfinal=0 if phase == "warmup" else NEVER - SETTLE,
            **common,
        )
