"""Models whose parameters were sharded before the first step: refused with the way round, which is then gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils.deepspeed import DeepSpeedOptimizerWrapper
from peft import get_peft_model
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard

from glora import GLoRAConfig, OptimizerError, RankAllocator, RankPlan, UnsupportedModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TWO_PHASES = r"allocator\.plan\.save\('ranks\.json'\).*RankPlan\.load\('ranks\.json'\)\.to_lora_config\(\)"


@pytest.fixture
def group() -> Iterator[None]:
    """A process group of one process."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        yield
    finally:
        dist.destroy_process_group()


@pytest.mark.usefixtures("group")
def test_a_model_sharded_by_fsdp2_is_refused(make_model: Callable[..., Any]) -> None:
    model = make_model()
    fully_shard(model.get_base_model(), mesh=init_device_mesh("cpu", (1,)))
    with pytest.raises(UnsupportedModelError, match=rf"`up` is sharded over devices.*{TWO_PHASES}"):
        RankAllocator(model)


@pytest.mark.usefixtures("group")
def test_a_model_wrapped_by_fsdp1_is_refused(make_model: Callable[..., Any]) -> None:
    wrapped = FullyShardedDataParallel(make_model(), use_orig_params=True, device_id=torch.device("cpu"))
    with pytest.raises(UnsupportedModelError, match=rf"is a FullyShardedDataParallel.*{TWO_PHASES}"):
        RankAllocator(wrapped)


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("signal", ["delta", "lora_B", "exact"])
@pytest.mark.parametrize("kind", ["fsdp1", "fsdp2"])
def test_a_model_that_is_sharded_after_the_allocator_was_made_is_refused_in_the_first_step(
    make_model: Callable[..., Any], batch: Any, kind: str, signal: Any
) -> None:
    model = make_model()
    allocator = RankAllocator(model, GLoRAConfig(signal=signal))
    if kind == "fsdp2":
        fully_shard(model.get_base_model(), mesh=init_device_mesh("cpu", (1,)))
        wrapped = model
    else:
        wrapped = FullyShardedDataParallel(model, use_orig_params=True, device_id=torch.device("cpu"))
    optimizer = torch.optim.AdamW([p for p in wrapped.parameters() if p.requires_grad])
    wrapped(batch[0]).sum().backward()
    with pytest.raises(UnsupportedModelError, match=TWO_PHASES):
        allocator.step(optimizer)


def test_deepspeeds_optimizer_is_refused(make_model: Callable[..., Any]) -> None:
    Accelerator(cpu=True)  # its wrappers ask for its state
    model = make_model()
    inner = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    with pytest.raises(OptimizerError, match=rf"is a DeepSpeedOptimizerWrapper\. .*{TWO_PHASES}"):
        RankAllocator(model).step(DeepSpeedOptimizerWrapper(inner))


@pytest.mark.usefixtures("group")
def test_the_second_phase_trains_sharded_with_the_ranks_of_the_first(
    make_model: Callable[..., Any], batch: Any, train_step: Any, tmp_path: Path
) -> None:
    model = make_model()
    with torch.no_grad():
        model.get_base_model().down.get_base_layer().weight.mul_(0.02)
    allocator = RankAllocator(model, GLoRAConfig(total_rank=5, warmup_steps=2))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        train_step(model, optimizer, batch, allocator)
    allocator.plan.save(tmp_path / "ranks.json")

    second = get_peft_model(make_model().unload(), RankPlan.load(tmp_path / "ranks.json").to_lora_config())
    fully_shard(second.get_base_model(), mesh=init_device_mesh("cpu", (1,)))
    optimizer = torch.optim.SGD([p for p in second.parameters() if p.requires_grad], lr=0.1)
    losses = [train_step(second, optimizer, batch) for _ in range(20)]
    assert losses[-1] < losses[0]
    ranks = {name: layer.r["default"] for name, layer in second.named_modules() if hasattr(layer, "lora_A")}
    assert ranks == {f"base_model.model.{name}": rank for name, rank in allocator.ranks.items() if rank}
