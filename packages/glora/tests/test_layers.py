"""Every kind of layer and every variant of LoRA across a resize, and the same adapter loaded by PEFT alone."""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn
from transformers.pytorch_utils import Conv1D

from glora import GLoRAConfig, RankAllocator, UnsupportedModelError
from glora.adapters import adapted_matrices
from glora.resize import resize_adapters

if TYPE_CHECKING:
    from pathlib import Path

    from glora.layers import Matrix


class Net(nn.Module):
    """Two layers of one kind after each other, so that one can lose its adapter."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        if kind == "linear":
            self.one, self.two = nn.Linear(8, 8), nn.Linear(8, 8)
        elif kind == "conv1d-of-transformers":
            self.one, self.two = Conv1D(8, 8), Conv1D(8, 8)
        elif kind == "embedding":
            self.one, self.two = nn.Embedding(11, 8, padding_idx=0), nn.Embedding(11, 8)
        else:
            convolution = getattr(nn, kind)
            self.one, self.two = convolution(2, 4, 3, padding=1), convolution(4, 3, 3, padding=1)
        self.out = nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.kind == "embedding":
            return torch.tanh(self.one(x)) * self.two(x)
        return self.two(torch.tanh(self.one(x)))

    def example(self) -> torch.Tensor:
        generator = torch.Generator().manual_seed(3)
        if self.kind == "embedding":
            return torch.randint(0, 11, (5, 6), generator=generator)
        shape = {"Conv1d": (2, 2, 7), "Conv2d": (2, 2, 7, 7), "Conv3d": (2, 2, 5, 5, 5)}.get(self.kind, (5, 6, 8))
        return torch.randn(shape, generator=generator)


KINDS = ("linear", "conv1d-of-transformers", "embedding", "Conv1d", "Conv2d", "Conv3d")
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "bias": {"lora_bias": True},
    "dropout": {"lora_dropout": 0.3},
    "gaussian": {"init_lora_weights": "gaussian"},
    "random": {"init_lora_weights": False},
}
CASES = [
    pytest.param(kind, variant, id=f"{kind}-{variant}")
    for kind, variant in itertools.product(KINDS, VARIANTS)
    if (kind, variant) != ("embedding", "bias")  # PEFT refuses it
]


def build(kind: str, variant: str = "plain", *, learned: bool = True, **lora: Any) -> Any:
    torch.manual_seed(1)
    options = {"r": 4, "lora_alpha": 6, "target_modules": ["one", "two"]} | VARIANTS[variant] | lora
    if kind == "conv1d-of-transformers":
        options["fan_in_fan_out"] = True
    model = get_peft_model(Net(kind), LoraConfig(**options))
    if learned:
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                shift = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)) * 0.2
                parameter.data += parameter.data * shift if "magnitude" in name else shift
    return model


def matrices(model: Any) -> dict[str, Matrix]:
    return adapted_matrices(model, "default")


def train(model: Any, steps: int, allocator: Any = None, optimizer: Any = None) -> Any:
    x = model.get_base_model().example()
    optimizer = optimizer or torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(steps):
        model(x).square().mean().backward()
        if allocator is not None:
            allocator.step(optimizer)
        optimizer.step()
        optimizer.zero_grad()
    return optimizer


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_growing_keeps_the_function_and_the_scaling(kind: str, variant: str) -> None:
    model = build(kind, variant).eval()
    x = model.get_base_model().example()
    before, scalings = model(x), [m.scaling for m in matrices(model).values()]
    resize_adapters(model, "default", {"one": 7, "two": 5})
    torch.testing.assert_close(model(x), before, rtol=1e-5, atol=1e-5)
    assert [m.rank for m in matrices(model).values()] == [7, 5]
    assert [m.scaling for m in matrices(model).values()] == pytest.approx(scalings, rel=1e-12)


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_a_resized_adapter_loads_with_peft_alone_bit_for_bit(kind: str, variant: str, tmp_path: Path) -> None:
    model = build(kind, variant)
    base = copy.deepcopy(model).unload()
    resize_adapters(model, "default", {"one": 2, "two": 6})
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    loaded = PeftModel.from_pretrained(base, tmp_path)
    x = base.example() if hasattr(base, "example") else loaded.get_base_model().example()
    assert torch.equal(loaded.eval()(x), model.eval()(x))


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_at_rank_zero_the_layer_is_its_base_layer_again(kind: str, variant: str, tmp_path: Path) -> None:
    model = build(kind, variant)
    base_layer = model.get_base_model().one.get_base_layer()
    base = copy.deepcopy(model).unload()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad])
    resize_adapters(model, "default", {"one": 0, "two": 3}, optimizer=optimizer)
    assert model.get_base_model().one is base_layer
    assert model.peft_config["default"].target_modules == {"two"}
    # Whatever the variant trains beside the factors goes too, and the optimizer lets it go.
    trained = [p for p in model.parameters() if p.requires_grad]
    assert [id(p) for group in optimizer.param_groups for p in group["params"]] == list(map(id, trained))
    assert not any(".one." in name for name, p in model.named_parameters() if p.requires_grad)
    train(model, 1, optimizer=optimizer)
    model.save_pretrained(tmp_path, save_embedding_layers=False)
    loaded = PeftModel.from_pretrained(base, tmp_path).eval()
    assert torch.equal(loaded(model.get_base_model().example()), model.eval()(model.get_base_model().example()))


@pytest.mark.parametrize(("kind", "variant"), CASES)
def test_the_allocator_trains_through_and_min_rank_one_keeps_every_adapter(kind: str, variant: str) -> None:
    model = build(kind, variant, learned=variant == "random")
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=3, min_rank=1))
    before = {name: p.clone() for name, p in model.named_parameters() if not p.requires_grad}
    train(model, 5, allocator)
    assert allocator.reallocated
    assert sum(allocator.ranks.values()) == 8
    assert min(allocator.ranks.values()) >= 1
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters() if name in before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keep", ["magnitude", "first", "svd"])
def test_shrinking_keeps_what_the_rule_says(kind: str, keep: Any) -> None:
    model = build(kind)
    old = {name: (m.b.detach().flatten(1) @ m.a.detach().flatten(1)) * m.scaling for name, m in matrices(model).items()}
    factors = {name: (m.a.detach().flatten(1), m.b.detach().flatten(1)) for name, m in matrices(model).items()}
    resize_adapters(model, "default", {"one": 2, "two": 3}, keep=keep)
    for name, matrix in matrices(model).items():
        new = (matrix.b.detach().flatten(1) @ matrix.a.detach().flatten(1)) * matrix.scaling
        a, b = factors[name]
        sizes = b.norm(dim=0) * a.norm(dim=1)
        if keep == "svd":
            u, s, v = torch.linalg.svd(old[name])
            expected = u[:, : matrix.rank] @ torch.diag(s[: matrix.rank]) @ v[: matrix.rank]
        else:
            chosen = sizes.argsort(descending=True)[: matrix.rank] if keep == "magnitude" else range(matrix.rank)
            chosen = sorted(int(k) for k in chosen)
            expected = matrix.scaling * b[:, chosen] @ a[chosen]
        torch.testing.assert_close(new, expected, rtol=1e-4, atol=1e-5)


def test_doras_magnitude_is_kept() -> None:
    model = build("linear", "dora")
    magnitude = model.get_base_model().one.lora_magnitude_vector["default"].weight
    values = magnitude.detach().clone()
    resize_adapters(model, "default", {"one": 2, "two": 6})
    assert model.get_base_model().one.lora_magnitude_vector["default"].weight is magnitude
    assert torch.equal(magnitude, values)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_half_precision_base_keeps_its_float32_adapters(dtype: torch.dtype) -> None:
    torch.manual_seed(1)
    model = get_peft_model(Net("linear").to(dtype), LoraConfig(r=4, target_modules=["one", "two"]))
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2, min_rank=1, total_rank=9))
    x = model.get_base_model().example().to(dtype)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(4):
        model(x).float().square().mean().backward()
        allocator.step(optimizer)
        optimizer.step()
        optimizer.zero_grad()
    assert sum(allocator.ranks.values()) == 9
    for matrix in matrices(model).values():
        assert (matrix.a.dtype, matrix.b.dtype) == (torch.float32, torch.float32)
        assert matrix.layer.get_base_layer().weight.dtype == dtype


def test_half_precision_adapters_stay_half_precision() -> None:
    model = get_peft_model(
        Net("linear").bfloat16(), LoraConfig(r=4, target_modules=["one", "two"]), autocast_adapter_dtype=False
    )
    resize_adapters(model, "default", {"one": 2, "two": 6}, keep="svd")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_only_the_named_adapter_changes() -> None:
    model = build("linear", "dora")
    model.add_adapter("other", LoraConfig(r=3, target_modules=["one", "two"]))
    others = {name: (id(p), p.detach().clone()) for name, p in model.named_parameters() if ".other" in name}
    config = model.peft_config["other"]
    resize_adapters(model, "default", {"one": 0, "two": 6})
    now = dict(model.named_parameters())
    assert all(id(now[name]) == key and torch.equal(now[name], value) for name, (key, value) in others.items())
    assert model.peft_config["other"] is config
    assert (config.r, config.rank_pattern, config.target_modules) == (3, {}, {"one", "two"})
    layer = model.get_base_model().one
    # The layer has lost the one adapter and does not use the other instead of it.
    assert (list(layer.r), list(layer.lora_A), list(layer.lora_magnitude_vector)) == (["other"], ["other"], [])
    x = model.get_base_model().example()
    assert torch.equal(layer(x), layer.get_base_layer()(x))
    assert model.peft_config["default"].target_modules == {"two"}
    model.set_adapter("other")
    assert all(p.requires_grad == (".other" in name) for name, p in model.named_parameters() if "lora" in name)


def test_an_adapter_beside_another_loads_with_peft_alone(tmp_path: Path) -> None:
    model = build("linear")
    base = copy.deepcopy(model).unload()
    model.add_adapter("other", LoraConfig(r=3, target_modules=["one", "two"]))
    resize_adapters(model, "default", {"one": 0, "two": 6})
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(base, tmp_path)
    x = model.get_base_model().example()
    assert torch.equal(loaded.eval()(x), model.eval()(x))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(11, 8), nn.Linear(8, 11, bias=False)
        self.head.weight = self.embed.weight


@pytest.mark.parametrize(
    ("base", "lora", "text"),
    [
        (Attention(), {"target_modules": ["attention"]}, "`attention` is an nn.MultiheadAttention"),
        (nn.Sequential(nn.Conv2d(4, 4, 3, groups=4)), {"target_modules": ["0"]}, "`0` is a convolution in 4 groups"),
        (
            nn.Sequential(nn.Embedding(5, 4, sparse=True)),
            {"target_modules": ["0"]},
            "`0` is an embedding with sparse gradients",
        ),
        (Tied(), {"target_modules": ["embed"]}, "`embed` shares its base weight with `head`"),
        (Tied(), {"target_modules": ["embed", "head"]}, "`embed` shares its base weight with `head`"),
        (Net("linear").to("meta"), {"target_modules": ["one"]}, "`one` has a lora_A on the meta device"),
        (Net("linear"), {"target_modules": ["one"], "init_lora_weights": "pissa"}, "`init_lora_weights='pissa'`"),
        (Net("linear"), {"target_modules": ["one"], "init_lora_weights": "olora"}, "`init_lora_weights='olora'`"),
        (Net("linear"), {"target_modules": ["one"], "init_lora_weights": "orthogonal"}, "'orthogonal'"),
        (Net("linear"), {"target_modules": ["one"], "bias": "lora_only"}, "`bias='lora_only'`"),
        (
            Net("linear"),
            {"target_modules": [], "target_parameters": ["one.weight"]},
            "`target_parameters=",
        ),
    ],
)
def test_what_cannot_be_resized_is_refused_with_its_name(base: nn.Module, lora: dict[str, Any], text: str) -> None:
    model = get_peft_model(copy.deepcopy(base), LoraConfig(r=4, **lora))
    with pytest.raises(UnsupportedModelError, match=text):
        RankAllocator(model)


@pytest.mark.parametrize("init", ["pissa", "olora"])
def test_a_refused_initialisation_leaves_the_base_weights_as_they_are(init: Any) -> None:
    model = get_peft_model(Net("linear"), LoraConfig(r=4, target_modules=["one"], init_lora_weights=init))
    weight = model.get_base_model().one.get_base_layer().weight.detach().clone()
    with pytest.raises(UnsupportedModelError):
        resize_adapters(model, "default", {"one": 2})
    assert torch.equal(model.get_base_model().one.get_base_layer().weight, weight)


def test_copies_that_peft_trains_beside_the_adapter_are_no_matrices() -> None:
    model = get_peft_model(Net("linear"), LoraConfig(r=4, target_modules=["one", "two"], modules_to_save=["two"]))
    assert list(matrices(model)) == ["one"]


def test_the_signal_of_an_embedding_is_read_from_the_factor_that_starts_at_zero() -> None:
    """By the chain rule ‖∂L/∂A‖ = s ‖Bᵀ G‖, and with an isotropic B the corrected norm is that of G."""
    torch.manual_seed(0)
    base = nn.Sequential(nn.Embedding(50, 300))
    model = get_peft_model(base, LoraConfig(r=64, lora_alpha=32, target_modules=["0"]))
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=10, beta=0.0))
    ids = torch.arange(50)
    target = torch.randn(50, 300)
    (model(ids) * target).sum().backward()  # G is the target's transpose
    allocator.step(torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1))
    assert allocator.signal["0"] == pytest.approx(float(target.norm()), rel=0.1)
