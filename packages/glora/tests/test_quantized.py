"""Adapters on a base that bitsandbytes quantized to 4 or 8 bits, on CPU."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from glora import GLoRAConfig, RankAllocator
from glora.adapters import adapted_matrices
from glora.resize import resize_adapters

bitsandbytes = pytest.importorskip("bitsandbytes", reason="bitsandbytes is not installed")


def quantized(bits: int) -> nn.Module:
    torch.manual_seed(0)

    def layer() -> nn.Module:
        if bits == 4:
            made = bitsandbytes.nn.Linear4bit(64, 64, compute_dtype=torch.float32, quant_type="nf4")
        else:
            made = bitsandbytes.nn.Linear8bitLt(64, 64, has_fp16_weights=False)
        made.load_state_dict(nn.Linear(64, 64).state_dict())
        return made.to("cpu")  # this is where bitsandbytes quantizes

    base = nn.Sequential(layer(), nn.Tanh(), layer())
    setattr(base, f"is_loaded_in_{bits}bit", True)
    return base


@pytest.fixture(params=[4, 8], ids=["4bit", "8bit"])
def model(request: pytest.FixtureRequest) -> Any:
    made = get_peft_model(quantized(request.param), LoraConfig(r=4, lora_alpha=8, target_modules=["0", "2"]))
    for name, parameter in made.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(1))
    return made


def test_growing_keeps_the_function_and_the_quantized_weights(model: Any) -> None:
    x = torch.randn(5, 64)
    before = model(x)
    weights = [layer.get_base_layer().weight for layer in (model.get_base_model()[0], model.get_base_model()[2])]
    values = [weight.data.clone() for weight in weights]
    resize_adapters(model, "default", {"0": 7, "2": 5})
    torch.testing.assert_close(model(x), before, rtol=1e-5, atol=1e-5)
    now = [layer.get_base_layer().weight for layer in (model.get_base_model()[0], model.get_base_model()[2])]
    assert [id(weight) for weight in now] == [id(weight) for weight in weights]
    assert all(torch.equal(weight.data, value) for weight, value in zip(now, values, strict=True))


def test_at_rank_zero_the_quantized_layer_is_itself_again(model: Any) -> None:
    base_layer = model.get_base_model()[0].get_base_layer()
    resize_adapters(model, "default", {"0": 0, "2": 3})
    assert model.get_base_model()[0] is base_layer
    model(torch.randn(5, 64)).sum().backward()


def test_a_rank_is_measured_against_the_matrix_and_not_its_packed_storage(model: Any) -> None:
    assert {(m.inputs, m.outputs, m.limit) for m in adapted_matrices(model, "default").values()} == {(64, 64, 64)}


def test_the_allocator_trains_through(model: Any) -> None:
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(4):
        model(torch.randn(5, 64)).square().mean().backward()
        allocator.step(optimizer)
        optimizer.step()
        optimizer.zero_grad()
    assert sum(allocator.ranks.values()) == 8
