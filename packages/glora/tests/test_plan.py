from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from glora import AdapterFileError, GLoRAConfig, PlanError, RankAllocator, RankPlan
from glora.adapters import adapted_matrices
from glora.resize import resize_adapters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Nested(nn.Module):
    """Module names of which one is the ending of others."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.block = nn.Linear(8, 8), nn.Module()
        self.block.q, self.block.k = nn.Linear(8, 8), nn.Linear(8, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block.k(torch.tanh(self.block.q(torch.tanh(self.q(x)))))


def described(model: Any) -> dict[str, tuple[int, float]]:
    return {name: (m.rank, m.scaling) for name, m in adapted_matrices(model, "default").items()}


@pytest.fixture
def allocated(make_model: Callable[..., Any], batch: Any, train_step: Any) -> RankAllocator:
    model = make_model(use_rslora=True)
    with torch.no_grad():
        model.get_base_model().down.get_base_layer().weight.mul_(0.02)  # little gradient reaches the matrices below
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=3))
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        train_step(model, optimizer, batch, allocator)
    return allocator


def test_the_allocators_plan_holds_what_it_came_from(allocated: RankAllocator) -> None:
    plan = allocated.plan
    assert plan.ranks == allocated.ranks
    assert 0 in plan.ranks.values()
    assert plan.scores == pytest.approx(allocated.scores)
    assert (plan.signal, plan.steps, plan.use_rslora) == ("delta", 3, True)
    assert plan.versions.keys() == {"glora", "peft", "torch"}
    assert plan.alphas.keys() == {name for name, rank in plan.ranks.items() if rank}


def test_a_plan_survives_its_file(allocated: RankAllocator, tmp_path: Path) -> None:
    allocated.plan.save(tmp_path / "ranks.json")
    assert RankPlan.load(tmp_path / "ranks.json") == allocated.plan
    assert [path.name for path in tmp_path.iterdir()] == ["ranks.json"]


def test_another_model_gets_exactly_these_ranks_and_scalings(
    allocated: RankAllocator, make_model: Callable[..., Any]
) -> None:
    base = make_model().unload()
    model = get_peft_model(base, allocated.plan.to_lora_config(lora_dropout=0.1))
    assert described(model) == described(allocated._model)
    assert model.peft_config["default"].lora_dropout == 0.1


@pytest.mark.parametrize(
    "ranks", [{"q": 3, "block.q": 0, "block.k": 2}, {"q": 0, "block.q": 5, "block.k": 2}, {"q": 1, "block.q": 2}]
)
@pytest.mark.parametrize("knows_the_model", [True, False])
def test_a_name_that_ends_another_name_is_itself_alone(ranks: dict[str, int], knows_the_model: bool) -> None:
    plan = RankPlan(ranks=ranks, alphas={name: 2 * rank for name, rank in ranks.items() if rank})
    base = Nested()
    model = get_peft_model(base, plan.to_lora_config(base if knows_the_model else None))
    assert described(model) == {name: (rank, 2.0) for name, rank in ranks.items() if rank}


def test_a_plan_is_read_off_a_saved_adapter(make_model: Callable[..., Any], tmp_path: Path) -> None:
    model = make_model(alpha_pattern={"mid": 4})
    base = copy.deepcopy(model).unload()
    resize_adapters(model, "default", {"up": 6, "mid": 3, "down": 0})
    model.save_pretrained(tmp_path)
    plan = RankPlan.from_adapter(tmp_path)
    assert plan.ranks == {"mid": 3, "up": 6}
    again = get_peft_model(base, plan.to_lora_config())
    assert described(again) == described(model)


def test_other_frameworks_read_the_patterns_as_yaml(allocated: RankAllocator, make_model: Callable[..., Any]) -> None:
    """axolotl and others take PEFT's fields from a YAML file; JSON is YAML."""
    content = yaml.safe_load(json.dumps(allocated.plan.to_dict()))
    fields = {key: content[key] for key in ("target_modules", "rank_pattern", "alpha_pattern", "use_rslora")}
    for beside in ({"r": content["r"], "lora_alpha": content["lora_alpha"]}, {"r": 5, "lora_alpha": 7}):
        model = get_peft_model(make_model().unload(), LoraConfig(**fields, **beside))
        assert described(model) == described(allocated._model)


def test_a_plan_of_another_model_is_refused(allocated: RankAllocator, make_model: Callable[..., Any]) -> None:
    assert allocated.plan.to_lora_config(make_model().unload()).r > 0
    with pytest.raises(PlanError, match=r"`nope`, and this Mlp has no such module"):
        RankPlan(ranks={"up": 2, "nope": 5}, alphas={"up": 2, "nope": 5}).to_lora_config(make_model().unload())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 9}, "no rank plan of format 1"),
        ({"ranks": {"up": -1}}, r"`ranks` has -1 for `up`"),
        ({"ranks": {"up": True}}, r"`ranks` has True for `up`"),
        ({"ranks": [1]}, r"`ranks` is a list"),
        ({"ranks": {"up": 0}, "alphas": {}}, "no rank above 0"),
        ({"alphas": {"up": "8"}}, r"`alphas` has '8' for `up`"),
        ({"alphas": {"up": 8, "head": 1}}, "disagree on `head`"),
        ({"scores": {"up": float("nan")}}, "`scores` has nan for `up`"),
        ({"use_rslora": "yes"}, "`use_rslora` is 'yes', which is not true or false"),
        ({"versions": None}, "`versions` is None"),
        ({"colour": "red"}, "`colour` is unknown"),
    ],
)
def test_a_wrong_value_is_refused_with_file_key_and_value(change: dict[str, Any], text: str, tmp_path: Path) -> None:
    path = tmp_path / "ranks.json"
    good = RankPlan(ranks={"up": 4}, alphas={"up": 8}).to_dict()
    path.write_text(json.dumps(good | change))
    with pytest.raises(PlanError, match=text) as caught:
        RankPlan.load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[" * 100_000, b'"plan"', b"{}"])
def test_a_file_that_is_no_plan_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "ranks.json").write_bytes(content)
    with pytest.raises(PlanError, match=r"ranks\.json"):
        RankPlan.load(tmp_path / "ranks.json")
    with pytest.raises(PlanError, match=r"none\.json"):
        RankPlan.load(tmp_path / "none.json")


def test_a_plan_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"cannot be written to .*absent/ranks.json"):
        RankPlan(ranks={"up": 4}, alphas={"up": 8}).save(tmp_path / "absent" / "ranks.json")
    assert not list(tmp_path.iterdir())


def test_an_adapter_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match=r"adapter_config\.json does not exist"):
        RankPlan.from_adapter(tmp_path)


def test_a_plan_of_a_resized_adapter_merges_to_the_same_logits(tmp_path: Path) -> None:
    base = Nested()
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, target_modules=["q", "k"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    resize_adapters(model, "default", {"q": 6, "block.q": 1, "block.k": 0})
    model.save_pretrained(tmp_path)
    x = torch.randn(3, 8)
    expected = model(x)
    merged = PeftModel.from_pretrained(base, tmp_path).merge_and_unload()
    assert type(merged) is Nested
    torch.testing.assert_close(merged(x), expected, rtol=1e-4, atol=1e-5)
