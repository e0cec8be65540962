from __future__ import annotations

import copy
import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import Linear as LoraLinear
from torch import nn

from glora import UnsupportedModelError
from glora.resize import resize_adapters
from glora.seeding import leading_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("up", "mid", "down")


def ranks_of(model: Any) -> dict[str, int]:
    return {name: m.r["default"] for name, m in model.get_base_model().named_modules() if isinstance(m, LoraLinear)}


def update_of(layer: Any, components: list[int] | slice = slice(None)) -> torch.Tensor:
    """Return Δ = s B A of the chosen components, (out, in)."""
    a, b = layer.lora_A["default"].weight.detach(), layer.lora_B["default"].weight.detach()
    return layer.scaling["default"] * b[:, components] @ a[components]


class Tower(nn.Module):
    """Module names of which one is the ending of another: `layers.0.q` and `tower.layers.0.q`."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([self.block(), self.block()])
        self.tower = nn.Module()
        self.tower.layers = nn.ModuleList([self.block()])

    @staticmethod
    def block() -> nn.Module:
        block = nn.Module()
        block.q = nn.Linear(8, 8)
        return block

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in (*self.layers, *self.tower.layers):
            x = torch.tanh(block.q(x))
        return x


@pytest.mark.parametrize("init", [True, False, "gaussian"])
def test_growing_keeps_the_function(make_model: Callable[..., Any], batch: Any, init: Any) -> None:
    model = make_model(learned=True, init_lora_weights=init)
    before = model(batch[0])
    resize_adapters(model, "default", {"up": 9, "mid": 5, "down": 16})
    assert ranks_of(model) == {"up": 9, "mid": 5, "down": 16}
    torch.testing.assert_close(model(batch[0]), before, rtol=1e-5, atol=1e-6)


def test_new_rows_of_a_are_drawn_as_peft_draws_them_and_new_columns_of_b_are_zero() -> None:
    base = nn.Sequential(nn.Linear(400, 300))
    for init, spread in ((True, 1 / math.sqrt(3 * 400)), ("gaussian", 1 / 4)):
        config = LoraConfig(r=4, lora_alpha=4, target_modules=["0"], init_lora_weights=init)
        model = get_peft_model(copy.deepcopy(base), config)
        resize_adapters(model, "default", {"0": 54})
        layer = model.get_base_model()[0]
        new = layer.lora_A["default"].weight.detach()[4:]
        assert new.shape == (50, 400)
        assert float(new.std()) == pytest.approx(spread, rel=0.03)
        assert float(new.abs().max()) <= 1 / math.sqrt(400) or init == "gaussian"
        assert not layer.lora_B["default"].weight[:, 4:].any()


def test_new_rows_may_point_along_what_the_optimizer_remembers_of_the_gradient(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model(learned=True)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    for _ in range(3):
        train_step(model, optimizer, batch)
    layer = model.get_base_model().mid
    a = layer.lora_A["default"].weight
    expected = leading_rows(optimizer.state[a]["exp_avg"], a.detach(), 2)
    before = model(batch[0])
    resize_adapters(model, "default", {"up": 4, "mid": 6, "down": 12}, growth="gradient", seed=3, optimizer=optimizer)
    torch.testing.assert_close(model(batch[0]), before, rtol=1e-5, atol=1e-6)
    assert torch.equal(layer.lora_A["default"].weight[4:], expected)
    drawn = make_model()
    resize_adapters(drawn, "default", {"up": 4, "mid": 4, "down": 12}, seed=3)
    rest = [m.get_base_model().down.lora_A["default"].weight[8:] for m in (model, drawn)]
    assert torch.equal(*rest)  # more than the gradient has directions for


def test_without_an_average_the_gradient_itself_points_the_way(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    a = model.get_base_model().up.lora_A["default"].weight
    expected = leading_rows(a.grad, a.detach(), 1)
    resize_adapters(model, "default", {"up": 5, "mid": 4, "down": 3}, growth="gradient")
    assert torch.equal(model.get_base_model().up.lora_A["default"].weight[4:], expected)


def test_an_embedding_grows_along_the_gradient_of_the_factor_that_is_drawn() -> None:
    model = get_peft_model(nn.Sequential(nn.Embedding(9, 12)), LoraConfig(r=2, target_modules=["0"]))
    layer = model.get_base_model()[0]
    nn.init.normal_(layer.lora_embedding_A["default"])
    (model(torch.tensor([[1, 4, 4]])) * torch.randn(1, 3, 12)).sum().backward()
    b = layer.lora_embedding_B["default"]
    expected = leading_rows(b.grad.T, b.detach().T, 2)
    before = model(torch.arange(9))
    resize_adapters(model, "default", {"0": 4}, growth="gradient")
    assert torch.equal(layer.lora_embedding_B["default"][:, 2:].T, expected)
    torch.testing.assert_close(model(torch.arange(9)), before)


def test_new_rows_depend_on_the_seed_and_the_name_alone(make_model: Callable[..., Any]) -> None:
    def rows(seed: int) -> list[torch.Tensor]:
        model = make_model(seed=seed * 100)  # another model and another state of torch's own generator
        resize_adapters(model, "default", dict.fromkeys(NAMES, 6), seed=5 if seed else 4)
        return [getattr(model.get_base_model(), name).lora_A["default"].weight[4:, :12] for name in NAMES]

    first, again, other = rows(1), rows(2), rows(0)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    alike = get_peft_model(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), LoraConfig(r=2, target_modules=["0", "1"]))
    resize_adapters(alike, "default", {"0": 5, "1": 5})
    one, two = (layer.lora_A["default"].weight[2:] for layer in alike.get_base_model())
    assert not torch.equal(one, two)


def test_resizing_does_not_advance_torchs_own_generator(make_model: Callable[..., Any]) -> None:
    model = make_model()
    state = torch.get_rng_state()
    resize_adapters(model, "default", {"up": 8, "mid": 2, "down": 0})
    assert torch.equal(torch.get_rng_state(), state)


def test_shrinking_keeps_the_largest_components_in_their_order(make_model: Callable[..., Any]) -> None:
    model = make_model(learned=True)
    layer = model.get_base_model().mid
    a, b = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    with torch.no_grad():
        a /= a.norm(dim=1, keepdim=True)
        b *= torch.tensor([1.0, 3.0, 2.0, 4.0]) / b.norm(dim=0)
    expected = update_of(layer, [1, 3])
    expected_a = a[[1, 3]].clone()
    resize_adapters(model, "default", {"up": 4, "mid": 2, "down": 4}, keep="magnitude")
    torch.testing.assert_close(update_of(layer), expected)
    assert torch.equal(layer.lora_A["default"].weight, expected_a)


def test_keep_first_keeps_the_first_components(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    reference = make_model(learned=True)
    with torch.no_grad():
        for name in NAMES:
            getattr(reference.get_base_model(), name).lora_B["default"].weight[:, 3:] = 0
    resize_adapters(model, "default", dict.fromkeys(NAMES, 3), keep="first")
    torch.testing.assert_close(model(batch[0]), reference(batch[0]))


def test_untrained_components_tie_and_the_first_stay(make_model: Callable[..., Any]) -> None:
    model = make_model()
    expected = model.get_base_model().up.lora_A["default"].weight[:2].clone()
    resize_adapters(model, "default", dict.fromkeys(NAMES, 2))
    assert torch.equal(model.get_base_model().up.lora_A["default"].weight, expected)


def test_alpha_over_r_is_constant(make_model: Callable[..., Any]) -> None:
    model = make_model(r=4, lora_alpha=6, alpha_pattern={"mid": 4})
    ratio = {"up": 1.5, "mid": 1.0, "down": 1.5}
    resize_adapters(model, "default", {"up": 3, "mid": 7, "down": 2})
    for name in NAMES:
        layer = getattr(model.get_base_model(), name)
        assert layer.scaling["default"] == ratio[name]
        assert layer.lora_alpha["default"] / layer.r["default"] == ratio[name]


def test_a_matrix_whose_rank_stays_is_untouched(make_model: Callable[..., Any]) -> None:
    model = make_model(learned=True)
    before = model.get_base_model().mid.lora_A["default"].weight
    resize_adapters(model, "default", {"up": 6, "mid": 4, "down": 2})
    assert model.get_base_model().mid.lora_A["default"].weight is before


def test_type_device_and_trainability_are_kept() -> None:
    base = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)).bfloat16()
    model = get_peft_model(base, LoraConfig(r=4, target_modules=["0", "1"]))  # PEFT keeps these adapters in float32
    resize_adapters(model, "default", {"0": 7, "1": 2})
    for layer in model.get_base_model():
        for factor in (layer.lora_A["default"], layer.lora_B["default"]):
            assert factor.weight.dtype == torch.float32
            assert factor.weight.requires_grad
            assert factor.weight.shape == (factor.out_features, factor.in_features)
            assert factor.weight.is_contiguous()
    model(torch.randn(2, 8, dtype=torch.bfloat16)).sum().backward()


def test_rank_zero_makes_the_layer_its_base_layer_again(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    base_weight = model.get_base_model().mid.get_base_layer().weight
    resize_adapters(model, "default", {"up": 4, "mid": 0, "down": 4})
    assert type(model.get_base_model().mid) is nn.Linear
    assert model.get_base_model().mid.weight is base_weight
    assert not any("mid" in name for name, p in model.named_parameters() if p.requires_grad)
    assert model.peft_config["default"].target_modules == {"up", "down"}
    assert model.targeted_module_names == ["up", "down"]
    model(batch[0]).sum().backward()


def test_gradients_follow_the_components(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    model(batch[0]).square().sum().backward()
    base = model.get_base_model()
    grads = {
        n: (getattr(base, n).lora_A["default"].weight.grad, getattr(base, n).lora_B["default"].weight.grad)
        for n in NAMES
    }
    resize_adapters(model, "default", {"up": 6, "mid": 3, "down": 4}, keep="first")
    assert torch.equal(base.up.lora_A["default"].weight.grad[:4], grads["up"][0])
    assert not base.up.lora_A["default"].weight.grad[4:].any()
    assert torch.equal(base.up.lora_B["default"].weight.grad[:, :4], grads["up"][1])
    assert torch.equal(base.mid.lora_A["default"].weight.grad, grads["mid"][0][:3])
    assert torch.equal(base.mid.lora_B["default"].weight.grad, grads["mid"][1][:, :3])


def test_the_config_describes_the_model_with_anchored_names(make_model: Callable[..., Any]) -> None:
    model = make_model(rank_pattern={"up": 2}, alpha_pattern={"mid": 4})
    assert ranks_of(model) == {"up": 2, "mid": 4, "down": 4}
    resize_adapters(model, "default", {"up": 3, "mid": 4, "down": 2})
    config = model.peft_config["default"]
    assert (config.r, config.lora_alpha) == (4, 4)  # the widest is `mid`, whose alpha/r is 1
    assert config.rank_pattern == {"^up$": 3, "^down$": 2}
    assert config.alpha_pattern == {"^up$": 12}  # 3 · 8/2; that of `down`, 2 · 8/4, is the config's


def test_the_users_own_config_object_is_not_changed(make_model: Callable[..., Any]) -> None:
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["up", "mid", "down"])
    model = get_peft_model(make_model().unload(), config)
    resize_adapters(model, "default", {"up": 6, "mid": 0, "down": 2})
    assert (config.r, config.rank_pattern, config.target_modules) == (4, {}, {"up", "mid", "down"})
    assert model.peft_config["default"].r == 6
    assert model.get_base_model().peft_config["default"].r == 6


@pytest.mark.parametrize(
    "ranks",
    [
        {"layers.0.q": 3, "layers.1.q": 2, "tower.layers.0.q": 0},
        {"layers.0.q": 0, "layers.1.q": 5, "tower.layers.0.q": 2},
        {"layers.0.q": 3, "layers.1.q": 2, "tower.layers.0.q": 5},
    ],
)
def test_a_name_that_ends_another_name_survives_saving(ranks: dict[str, int], tmp_path: Path) -> None:
    base = Tower()
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, lora_alpha=4, target_modules=["q"]))
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            nn.init.normal_(parameter)
    resize_adapters(model, "default", ranks)
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path)
    assert ranks_of(loaded) == {name: rank for name, rank in ranks.items() if rank}
    x = torch.randn(3, 8)
    assert torch.equal(loaded(x), model(x))


@pytest.mark.parametrize("lora", [{"layers_to_transform": [0], "layers_pattern": "layers"}, {}])
def test_a_chosen_subset_of_layers_survives_saving(lora: dict[str, Any], tmp_path: Path) -> None:
    base = nn.Module()
    base.encoder = nn.Module()
    base.encoder.layers = nn.ModuleList([nn.ModuleDict({"q": nn.Linear(4, 4), "k": nn.Linear(4, 4)}) for _ in range(2)])
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=2, target_modules=["q", "k"], **lora))
    ranks = dict.fromkeys(ranks_of(model), 3) | {"encoder.layers.0.k": 0}
    resize_adapters(model, "default", ranks)
    model.save_pretrained(tmp_path)
    assert ranks_of(PeftModel.from_pretrained(copy.deepcopy(base), tmp_path)) == {n: r for n, r in ranks.items() if r}


def test_a_pattern_of_names_replaces_a_chosen_subset_of_layers(tmp_path: Path) -> None:
    base = nn.Module()
    base.body = nn.Module()
    base.body.layers = nn.ModuleList([Tower.block(), Tower.block()])
    base.tower = nn.Module()
    base.tower.body = copy.deepcopy(base.body)
    lora = LoraConfig(r=2, target_modules=["q"], layers_to_transform=[0], layers_pattern="layers")
    model = get_peft_model(copy.deepcopy(base), lora)
    ranks = {"body.layers.0.q": 3, "tower.body.layers.0.q": 0}
    resize_adapters(model, "default", ranks)
    model.save_pretrained(tmp_path)
    assert ranks_of(PeftModel.from_pretrained(copy.deepcopy(base), tmp_path)) == {"body.layers.0.q": 3}


def test_the_saved_adapter_loads_with_peft_alone_bit_for_bit(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, num_labels=3
    )
    bert = BertForSequenceClassification(config).eval()
    bert.save_pretrained(tmp_path / "base")
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["query", "value", "dense"], task_type="SEQ_CLS")
    model = get_peft_model(bert, lora).eval()  # the task type trains and saves the classifier too
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and "lora_A" not in name:
            nn.init.normal_(parameter)
    names = list(ranks_of(model))
    ranks = {name: (0, 1, 4, 9)[k % 4] for k, name in enumerate(names)}
    resize_adapters(model, "default", ranks)
    ids = torch.arange(10).reshape(2, 5)
    torch.save({"ids": ids, "logits": model(input_ids=ids).logits.detach()}, tmp_path / "expected.pt")
    model.save_pretrained(tmp_path / "adapter")
    code = """
import importlib.abc, json, sys, torch
class NoGlora(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "glora":
            raise ModuleNotFoundError("glora is not here")
sys.meta_path.insert(0, NoGlora())
from peft import PeftModel
from transformers import BertForSequenceClassification
root = sys.argv[1]
base = BertForSequenceClassification.from_pretrained(root + "/base").eval()
model = PeftModel.from_pretrained(base, root + "/adapter").eval()
expected = torch.load(root + "/expected.pt", weights_only=True)
equal = torch.equal(model(input_ids=expected["ids"]).logits, expected["logits"])
ranks = {n: m.r["default"] for n, m in model.get_base_model().named_modules() if hasattr(m, "lora_A")}
print(json.dumps({"equal": equal, "ranks": ranks, "glora": "glora" in sys.modules}))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result == {"equal": True, "ranks": {n: r for n, r in ranks.items() if r}, "glora": False}


@pytest.mark.parametrize(
    ("ranks", "text"),
    [
        ({"up": 4, "mid": 4}, "down is in only one"),
        ({"up": 4, "mid": 4, "down": 4, "head": 1}, "head is in only one"),
        ({"up": 0, "mid": 0, "down": 0}, "All ranks are 0"),
    ],
)
def test_ranks_that_do_not_fit_are_refused(make_model: Callable[..., Any], ranks: dict[str, int], text: str) -> None:
    with pytest.raises(UnsupportedModelError, match=text):
        resize_adapters(make_model(), "default", ranks)
