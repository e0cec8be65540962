from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from torch import nn

from glora import GLoRAConfig, RankAllocator, UnsupportedModelError
from glora.adapters import adapted_matrices, unwrap_model

if TYPE_CHECKING:
    from collections.abc import Callable


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up = nn.Linear(8, 8)
        self.block = nn.Module()
        self.block.up = self.up


def test_names_are_those_of_the_base_model_in_its_order(make_model: Callable[..., Any]) -> None:
    assert list(adapted_matrices(make_model(), "default")) == ["up", "mid", "down"]


def test_trained_copies_beside_the_adapter_are_left_out(make_model: Callable[..., Any]) -> None:
    model = make_model(target_modules=["up", "mid"], modules_to_save=["head"])
    assert list(adapted_matrices(model, "default")) == ["up", "mid"]


def test_a_layer_under_two_names_is_refused() -> None:
    model = get_peft_model(Shared(), LoraConfig(target_modules="up"))
    model.base_model.model.block.up = model.base_model.model.up
    with pytest.raises(UnsupportedModelError, match=r"`block\.up` is used under two names"):
        RankAllocator(model, GLoRAConfig())


def test_adalora_is_refused(make_model: Callable[..., Any]) -> None:
    model = get_peft_model(
        make_model().unload(), AdaLoraConfig(target_modules=["up"], total_step=100, tinit=10, tfinal=10)
    )
    with pytest.raises(UnsupportedModelError, match="is ADALORA, not LORA"):
        RankAllocator(model, GLoRAConfig())


def test_a_model_without_peft_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="is a Linear, not a PeftModel"):
        RankAllocator(nn.Linear(4, 4), GLoRAConfig())


def test_a_model_without_an_adapted_matrix_is_refused(make_model: Callable[..., Any]) -> None:
    model = make_model(target_modules=["up"])
    model.base_model.model.up = model.base_model.model.up.get_base_layer()
    with pytest.raises(UnsupportedModelError, match="adapts no matrix of this Mlp"):
        RankAllocator(model, GLoRAConfig())


def test_an_unknown_adapter_is_refused_with_the_known_ones(make_model: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedModelError, match=r"no adapter `other`, only \['default'\]"):
        RankAllocator(make_model(), GLoRAConfig(), "other")


def test_only_the_matrices_of_the_named_adapter_are_its_own(make_model: Callable[..., Any]) -> None:
    model = make_model()
    model.add_adapter("second", LoraConfig(target_modules=["up", "head"]))
    assert list(adapted_matrices(model, "default")) == ["up", "mid", "down"]
    model.set_adapter("second")
    assert list(adapted_matrices(model, "second")) == ["up", "head"]


def test_a_compiled_model_is_entered(make_model: Callable[..., Any]) -> None:
    model = make_model()
    assert unwrap_model(torch.compile(model)) == (model, None)


def test_a_frozen_adapter_is_refused(make_model: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedModelError, match="`up` has a frozen lora_A"):
        RankAllocator(make_model(inference_mode=True), GLoRAConfig())


def test_a_merged_adapter_is_refused(make_model: Callable[..., Any]) -> None:
    model = make_model()
    model.merge_adapter()
    with pytest.raises(UnsupportedModelError, match="`up` has its adapter merged"):
        RankAllocator(model, GLoRAConfig())


def test_an_adapter_scaled_by_hand_is_refused(make_model: Callable[..., Any]) -> None:
    model = make_model()
    model.base_model.model.mid.scale_layer(0.5)
    with pytest.raises(UnsupportedModelError, match=r"`mid` is scaled by 1.0 instead of alpha/r = 2.0"):
        RankAllocator(model, GLoRAConfig())
