"""A model meets an adapter of other ranks: before and after a reallocation, in both directions."""

from __future__ import annotations

import copy
import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from glora import AdapterFileError, GLoRAConfig, RankAllocator, StateError, prepare_for_checkpoint
from glora.adapters import adapted_matrices, present_ranks
from glora.checkpoint import follow_checkpoints
from glora.resize import resize_adapters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NETS: dict[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Sequential(nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6)),
    "conv1d-of-transformers": lambda: nn.Sequential(Conv1D(6, 6), nn.Tanh(), Conv1D(6, 6)),
    "embedding": lambda: nn.Sequential(nn.Embedding(9, 6), nn.Tanh(), nn.Linear(6, 6)),
    "convolution": lambda: nn.Sequential(nn.Conv2d(2, 4, 3), nn.Tanh(), nn.Conv2d(4, 3, 3)),
}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "patterns": {"rank_pattern": {"0": 3}, "alpha_pattern": {"0": 5}},
}


def example(net: str) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    if net == "embedding":
        return torch.randint(0, 9, (4, 5), generator=generator)
    return torch.randn((2, 2, 7, 7) if net == "convolution" else (5, 6), generator=generator)


@pytest.fixture
def make(make_model: Callable[..., Any]) -> Callable[..., Any]:
    """Build a learned adapter of rank 4 on the two layers of a net."""

    def build(net: str = "linear", variant: str = "plain", **lora: Any) -> Any:
        torch.manual_seed(4)
        options = {"target_modules": ["0", "2"]} | VARIANTS[variant] | lora
        if net == "conv1d-of-transformers":
            options["fan_in_fan_out"] = True
        model = make_model(base=NETS[net](), **options)
        for name, parameter in model.named_parameters():
            if ".lora_B." in name or ".lora_embedding_A." in name:
                nn.init.normal_(parameter, std=0.3)
        return model

    return build


def trained_names(model: Any) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


RANKS = {"from more ranks to fewer": {"0": 0, "2": 6}, "all changed": {"0": 1, "2": 5}}


@pytest.mark.parametrize("ranks", RANKS.values(), ids=RANKS)
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("net", NETS)
def test_a_fresh_model_loads_an_adapter_from_after_the_reallocation(
    make: Callable[..., Any], net: str, variant: str, ranks: dict[str, int], tmp_path: Path
) -> None:
    stored, fresh, x = make(net, variant), make(net, variant), example(net)
    resize_adapters(stored, "default", ranks)
    stored.save_pretrained(tmp_path, save_embedding_layers=False)
    with torch.no_grad():
        for parameter in fresh.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)  # nothing of it may stay
    prepare_for_checkpoint(fresh, tmp_path)
    fresh.load_adapter(str(tmp_path), "default", is_trainable=True)
    assert torch.equal(fresh(x), stored(x))
    assert trained_names(fresh) == trained_names(stored)
    assert fresh.peft_config["default"].to_dict() == stored.peft_config["default"].to_dict()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("net", NETS)
def test_a_reallocated_model_loads_an_adapter_from_before(
    make: Callable[..., Any], net: str, variant: str, tmp_path: Path
) -> None:
    """As at the end of a training whose best checkpoint is an early one: lost adapters come back."""
    stored, model, x = make(net, variant), make(net, variant), example(net)
    expected, names = stored(x), trained_names(stored)
    stored.save_pretrained(tmp_path, save_embedding_layers=False)
    resize_adapters(model, "default", {"0": 0, "2": 6})
    prepare_for_checkpoint(model, tmp_path)
    model.load_adapter(str(tmp_path), "default", is_trainable=True)
    assert torch.equal(model(x), expected)
    assert trained_names(model) == names
    again = tmp_path / "again"
    model.save_pretrained(again, save_embedding_layers=False)  # and it is a plain adapter again
    other = make(net, variant)
    other.load_adapter(str(again), "default", is_trainable=True)
    assert torch.equal(other(x), expected)


def test_what_was_trained_beside_a_restored_adapter_stays_trained(
    make_model: Callable[..., Any], tmp_path: Path
) -> None:
    model = make_model(modules_to_save=["head"])
    model.save_pretrained(tmp_path)
    names = trained_names(model)
    model.get_base_model().head.modules_to_save["default"].bias.requires_grad = False  # the user's own choice
    resize_adapters(model, "default", {"up": 0, "mid": 8, "down": 4})
    prepare_for_checkpoint(model, tmp_path)
    assert trained_names(model) == {name for name in names if not name.endswith("head.modules_to_save.default.bias")}


@pytest.mark.parametrize("adapters", [torch.bfloat16, torch.float32])
def test_the_adapters_type_is_kept(make: Callable[..., Any], tmp_path: Path, adapters: torch.dtype) -> None:
    model = make().bfloat16()
    for parameter in (p for name, p in model.named_parameters() if "lora_" in name):
        parameter.data = parameter.data.to(adapters)
    model.save_pretrained(tmp_path)
    resize_adapters(model, "default", {"0": 0, "2": 6})
    prepare_for_checkpoint(model, tmp_path)
    assert {p.dtype for name, p in model.named_parameters() if "lora_" in name} == {adapters}
    assert {p.dtype for name, p in model.named_parameters() if "lora_" not in name} == {torch.bfloat16}


def test_an_optimizer_of_the_prepared_model_trains_every_adapter(make: Callable[..., Any], tmp_path: Path) -> None:
    stored, model = make(), make()
    stored.save_pretrained(tmp_path)
    resize_adapters(model, "default", {"0": 0, "2": 6})
    prepare_for_checkpoint(model, tmp_path)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
    model(example("linear")).square().sum().backward()
    optimizer.step()
    # With B at zero, as PEFT draws a new adapter, A has no gradient yet.
    moved = {name for name, p in model.named_parameters() if name in before and not torch.equal(p, before[name])}
    assert {name for name in before if "lora_B" in name} <= moved


def test_the_state_of_a_model_is_enough_for_a_fresh_one(make: Callable[..., Any]) -> None:
    stored, fresh, x = make(), make(), example("linear")
    resize_adapters(stored, "default", {"0": 0, "2": 7})
    prepare_for_checkpoint(fresh, stored.state_dict())
    fresh.load_state_dict(stored.state_dict())
    assert torch.equal(fresh(x), stored(x))


def test_the_state_of_a_model_does_not_say_how_a_lost_adapter_was_scaled(make: Callable[..., Any]) -> None:
    stored, model = make(), make()
    resize_adapters(model, "default", {"0": 0, "2": 8})
    with pytest.raises(StateError, match=r"rank 4 on `0`.*its scaling is not in the state"):
        prepare_for_checkpoint(model, stored.state_dict())
    assert present_ranks(model, "default") == {"2": 8}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("net", NETS)
def test_a_followed_model_takes_on_whatever_is_loaded(
    make: Callable[..., Any], net: str, variant: str, tmp_path: Path
) -> None:
    before, after, model, x = make(net, variant), make(net, variant), make(net, variant), example(net)
    resize_adapters(after, "default", {"0": 0, "2": 7})
    for name, stored in (("before", before), ("after", after)):
        stored.save_pretrained(tmp_path / name, save_embedding_layers=False)
    follow_checkpoints(model)
    for name, stored in (("after", after), ("before", before), ("after", after)):
        model.load_adapter(str(tmp_path / name), "default", is_trainable=True)
        assert torch.equal(model(x), stored(x))
        assert trained_names(model) == trained_names(stored)


def test_a_followed_model_can_be_copied_and_pickled(make: Callable[..., Any], tmp_path: Path) -> None:
    model, other, x = make(), make(), example("linear")
    resize_adapters(other, "default", {"0": 2, "2": 6})
    other.save_pretrained(tmp_path)
    follow_checkpoints(model)
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        copied.load_adapter(str(tmp_path), "default")
        assert torch.equal(copied(x), other(x))
    assert present_ranks(model, "default") == {"0": 4, "2": 4}


def test_two_adapters_of_a_model_can_be_followed(make: Callable[..., Any], tmp_path: Path) -> None:
    model, other = make(), make()
    for one in (model, other):
        one.add_adapter("second", copy.copy(make().peft_config["default"]))
    resize_adapters(other, "default", {"0": 2, "2": 6})
    other.set_adapter("second")
    model.set_adapter("second")
    resize_adapters(other, "second", {"0": 7, "2": 1})
    other.save_pretrained(tmp_path)
    follow_checkpoints(model, "default")
    follow_checkpoints(model, "second")
    model.load_adapter(str(tmp_path / "second"), "second", is_trainable=True)
    assert present_ranks(model, "second") == {"0": 7, "2": 1}
    assert present_ranks(model, "default") == {"0": 4, "2": 4}
    model.set_adapter("default")
    model.load_adapter(str(tmp_path), "default", is_trainable=True)
    assert present_ranks(model, "default") == {"0": 2, "2": 6}


def test_other_adapters_are_left_alone(make: Callable[..., Any], tmp_path: Path) -> None:
    stored, model = make(), make()
    resize_adapters(stored, "default", {"0": 0, "2": 7})
    for one in (stored, model):
        one.add_adapter("other", copy.copy(make().peft_config["default"]))
    stored.save_pretrained(tmp_path)
    others = {name: id(p) for name, p in model.named_parameters() if ".other." in name}
    follow_checkpoints(model)
    model.load_adapter(str(tmp_path / "other"), "other")
    assert present_ranks(model, "default") == {"0": 4, "2": 4}
    prepare_for_checkpoint(model, tmp_path)
    assert present_ranks(model, "default") == {"2": 7}
    assert {name: id(p) for name, p in model.named_parameters() if ".other." in name} == others


def test_an_adapter_in_a_folder_of_its_name_is_found(make_model: Callable[..., Any], tmp_path: Path) -> None:
    model, other = (make_model() for _ in range(2))
    for one in (model, other):
        one.add_adapter("second", copy.copy(make_model().peft_config["default"]))
        one.set_adapter("second")
    resize_adapters(other, "second", {"up": 2, "mid": 4, "down": 6})
    other.save_pretrained(tmp_path)
    prepare_for_checkpoint(model, tmp_path, "second")
    assert present_ranks(model, "second") == {"up": 2, "mid": 4, "down": 6}
    assert present_ranks(model, "default") == {"up": 4, "mid": 4, "down": 4}


def test_an_adapter_of_other_matrices_is_refused_and_nothing_is_changed(
    make: Callable[..., Any], make_model: Callable[..., Any], tmp_path: Path
) -> None:
    make_model().save_pretrained(tmp_path)
    model = make()
    with pytest.raises(StateError, match=r"rank 4 on `down`.*no such module"):
        prepare_for_checkpoint(model, tmp_path)
    assert present_ranks(model, "default") == {"0": 4, "2": 4}


def test_an_adapter_that_is_scaled_otherwise_is_refused(make: Callable[..., Any], tmp_path: Path) -> None:
    make(lora_alpha=32).save_pretrained(tmp_path)
    with pytest.raises(StateError, match="scales `0` by 8, the model's by 2"):
        prepare_for_checkpoint(make(), tmp_path)


def test_what_holds_no_adapter_is_refused(make: Callable[..., Any], tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match=r"adapter_config\.json does not exist"):
        prepare_for_checkpoint(make(), tmp_path)
    with pytest.raises(StateError, match=r"no LoRA factor of the adapter `default` .2 entries, keys such as `weight`"):
        prepare_for_checkpoint(make(), nn.Linear(2, 2).state_dict())


def test_the_allocator_continues_in_a_prepared_model_and_through_json(
    make_model: Callable[..., Any], batch: Any, train_step: Any, tmp_path: Path
) -> None:
    model = make_model()
    with torch.no_grad():
        model.get_base_model().down.get_base_layer().weight.mul_(0.02)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2, rank_bounds={"up": (0, 4)}))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        train_step(model, optimizer, batch, allocator)
    assert 0 in allocator.ranks.values()
    model.save_pretrained(tmp_path)
    state = json.loads(
        json.dumps({k: v.tolist() if hasattr(v, "tolist") else v for k, v in allocator.state_dict().items()})
    )
    fresh = make_model()
    again = RankAllocator(fresh, GLoRAConfig(warmup_steps=2, rank_bounds={"up": (0, 4)}))
    prepare_for_checkpoint(fresh, tmp_path)
    again.load_state_dict(state)
    assert (again.ranks, again.signal, again.scores) == (allocator.ranks, allocator.signal, allocator.scores)
    assert set(adapted_matrices(fresh, "default")) == {name for name, rank in allocator.ranks.items() if rank}
