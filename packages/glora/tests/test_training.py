"""What people do around a training step: loss scaling, clipping, checkpointed activations, compilation."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForSequenceClassification

from glora import GLoRAConfig, RankAllocator
from glora.resize import resize_adapters

if TYPE_CHECKING:
    from collections.abc import Callable


def sgd(model: Any, lr: float = 0.01) -> torch.optim.SGD:
    return torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr)


def backward(model: Any, batch: Any) -> torch.Tensor:
    loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    return loss.detach()


@pytest.mark.parametrize("signal", ["delta", "lora_B", "exact"])
def test_a_grad_scaler_does_not_change_the_signal(make_model: Callable[..., Any], batch: Any, signal: Any) -> None:
    plain, scaled = make_model(), make_model()
    allocators = [RankAllocator(model, GLoRAConfig(warmup_steps=3, signal=signal)) for model in (plain, scaled)]
    optimizers = [sgd(plain), sgd(scaled)]
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    for _ in range(3):
        backward(plain, batch)
        allocators[0].step(optimizers[0])
        optimizers[0].step()
        scaler.scale(nn.functional.cross_entropy(scaled(batch[0]), batch[1])).backward()
        scaler.unscale_(optimizers[1])
        allocators[1].step(optimizers[1], loss_scale=scaler.get_scale())
        scaler.step(optimizers[1])
        scaler.update()
        for optimizer in optimizers:
            optimizer.zero_grad()
    assert allocators[1].signal == pytest.approx(allocators[0].signal, rel=1e-5)
    assert allocators[1].ranks == allocators[0].ranks
    for (name, mine), (_, other) in zip(scaled.named_parameters(), plain.named_parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize("signal", ["delta", "lora_B", "exact"])
def test_a_step_that_overflows_is_skipped_by_the_scaler_and_not_observed(
    make_model: Callable[..., Any], batch: Any, signal: Any
) -> None:
    model = make_model()
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=10, signal=signal))
    optimizer = sgd(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    seen = []
    for factor in (1.0, float("inf"), 1.0):
        scaler.scale(factor * nn.functional.cross_entropy(model(batch[0]), batch[1])).backward()
        scaler.unscale_(optimizer)
        allocator.step(optimizer, loss_scale=scaler.get_scale())
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        seen.append(allocator.signal)
    assert seen[1] == seen[0]
    assert all(later > earlier > 0 for later, earlier in zip(seen[2].values(), seen[1].values(), strict=True))
    assert allocator.state_dict()["observations"].tolist() == [2, 2, 2]


def test_an_overflow_in_the_step_of_the_reallocation_leaves_a_sound_model(
    make_model: Callable[..., Any], batch: Any
) -> None:
    model = make_model()
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2, min_rank=1, total_rank=15))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    for factor in (1.0, float("inf"), 1.0, 1.0):
        scaler.scale(factor * nn.functional.cross_entropy(model(batch[0]), batch[1])).backward()
        scaler.unscale_(optimizer)
        allocator.step(optimizer)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
    assert sum(allocator.ranks.values()) == 15
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
    assert {float(state["step"]) for state in optimizer.state.values()} == {3.0}


def test_shares_of_a_step_do_not_depend_on_clipping(make_model: Callable[..., Any], batch: Any) -> None:
    scores = []
    for clipped in (False, True):
        model = make_model()
        allocator = RankAllocator(model, GLoRAConfig(warmup_steps=5))
        backward(model, batch)
        if clipped:
            nn.utils.clip_grad_norm_(model.parameters(), 1e-3)
        allocator.step(sgd(model))
        scores.append(allocator.scores)
    assert scores[1] == pytest.approx(scores[0], rel=1e-4)


def tiny_bert(*, checkpointed: bool) -> Any:
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 32}
    base = BertForSequenceClassification(BertConfig(vocab_size=40, num_labels=3, **shape))
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value", "dense"], task_type="SEQ_CLS")
    model = get_peft_model(base, lora)
    if checkpointed:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model.enable_input_require_grads()
    return model.train()


@pytest.mark.parametrize("signal", ["delta", "exact"])
def test_checkpointed_activations_change_nothing(signal: Any) -> None:
    ids = torch.randint(2, 40, (12, 7), generator=torch.Generator().manual_seed(1))
    labels = ids[:, 0] % 3
    found = []
    for checkpointed in (False, True):
        model = tiny_bert(checkpointed=checkpointed)
        allocator = RankAllocator(model, GLoRAConfig(warmup_steps=3, signal=signal))
        optimizer = sgd(model, lr=0.05)
        torch.manual_seed(5)
        for _ in range(5):
            model(input_ids=ids, labels=labels).loss.backward()
            allocator.step(optimizer)
            optimizer.step()
            optimizer.zero_grad()
        found.append((allocator, model))
    assert found[1][0].signal == pytest.approx(found[0][0].signal, rel=1e-4)
    assert found[1][0].ranks == found[0][0].ranks
    assert sum(found[0][0].ranks.values()) == 64
    for (name, mine), (_, other) in zip(found[1][1].named_parameters(), found[0][1].named_parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6, msg=name)


def compiled_training(make_model: Callable[..., Any], batch: Any, signal: Any, *, backend: str | None) -> Any:
    torch.compiler.reset()
    model = make_model()
    with torch.no_grad():
        model.get_base_model().down.get_base_layer().weight.mul_(0.02)  # a matrix loses its adapter
    allocator = RankAllocator(model, GLoRAConfig(total_rank=5, warmup_steps=3, signal=signal))
    forward = model if backend is None else torch.compile(model, backend=backend)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    losses = []
    for _ in range(6):
        losses.append(float(backward(forward, batch)))
        allocator.step(optimizer)
        optimizer.step()
        optimizer.zero_grad()
    assert allocator.reallocated
    return losses, allocator, model


@pytest.mark.parametrize(
    "backend",
    [
        "aot_eager",  # all of the compiler but the machine code
        pytest.param(
            "inductor",
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(not (shutil.which("c++") or shutil.which("g++")), reason="needs a C++ compiler"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("signal", ["delta", "exact"])
def test_a_compiled_model_trains_before_and_after_the_reallocation(
    make_model: Callable[..., Any], batch: Any, signal: Any, backend: str
) -> None:
    losses, allocator, model = compiled_training(make_model, batch, signal, backend=None)
    again, compiled, other = compiled_training(make_model, batch, signal, backend=backend)
    torch.compiler.reset()
    assert 0 in allocator.ranks.values()
    assert compiled.ranks == allocator.ranks
    assert again == pytest.approx(losses, rel=1e-3)
    assert losses[-1] < losses[0]
    for (name, mine), (_, its) in zip(model.named_parameters(), other.named_parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=1e-2, atol=1e-3, msg=name)


def test_a_step_without_an_adapter_is_cheaper(make_model: Callable[..., Any], batch: Any) -> None:
    costs = []
    for ranks in ({"up": 4, "mid": 4, "down": 4}, {"up": 0, "mid": 8, "down": 4}):
        model = make_model()
        resize_adapters(model, "default", ranks)
        with FlopCounterMode(display=False) as counter:
            backward(model, batch)
        costs.append((counter.get_total_flops(), sum(p.numel() for p in model.parameters() if p.requires_grad)))
    # `mid` is larger than `up`: at the same total rank there are more parameters, and still less to compute, because
    # the gradient need not go below `mid` any more.
    (before, parameters), (after, more) = costs
    assert more > parameters
    assert after < before
