from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from torch import nn

from glora import AdapterFileError, ExportError, RankPlan, export_uniform
from glora.resize import resize_adapters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Tagger(nn.Module):
    """An embedding, a convolution and two matrices of different width."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.conv = nn.Conv2d(1, 3, 3, padding=1)
        self.up, self.down = nn.Linear(18, 24), nn.Linear(24, 5)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        image = torch.tanh(self.conv(self.embed(ids)[:, None]))  # (batch, 3, tokens, 6)
        return self.down(torch.tanh(self.up(image.transpose(1, 2).flatten(2))))


IDS = torch.arange(20).reshape(4, 5) % 11


@pytest.fixture
def base() -> Tagger:
    return Tagger()


def saved(base: nn.Module, folder: Path, ranks: dict[str, int] | None = None, **lora: Any) -> torch.Tensor:
    """Save a resized adapter of random weights and return PEFT's logits."""
    options = {"r": 4, "lora_alpha": 6, "target_modules": ["embed", "conv", "up", "down"]} | lora
    model = get_peft_model(copy.deepcopy(base), LoraConfig(**options))
    for parameter in model.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.4)
    resize_adapters(model, "default", ranks or {"embed": 2, "conv": 3, "up": 9, "down": 1})
    model.save_pretrained(folder, save_embedding_layers=False)
    return PeftModel.from_pretrained(copy.deepcopy(base), folder).eval()(IDS).detach()


def served(base: Tagger, folder: Path, scale: Callable[[dict[str, Any], torch.Tensor], float]) -> torch.Tensor:
    """Compute the logits from the files alone, with a server's own rule for the factor of B A."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    served = copy.deepcopy(base)
    for key, a in tensors.items():
        name, _, ending = key.removeprefix("base_model.model.").partition(".lora_")
        if ending not in {"A.weight", "embedding_A"}:
            continue
        b = tensors[key.replace("lora_A", "lora_B").replace("embedding_A", "embedding_B")]
        delta = scale(config, b) * (b.flatten(1) @ a.flatten(1))
        weight = getattr(served, name).weight
        weight.data += (delta.T if "embedding" in ending else delta).reshape(weight.shape)
    return served.eval()(IDS).detach()


def vllm(config: dict[str, Any], _b: torch.Tensor) -> float:
    return config["lora_alpha"] / config["r"]


def llama_cpp(config: dict[str, Any], b: torch.Tensor) -> float:
    return config["lora_alpha"] / b.shape[1]


@pytest.mark.parametrize(
    "lora",
    [
        {},
        {"use_rslora": True},
        {"alpha_pattern": {"up": 20}},
        {"alpha_pattern": {"down": 1}, "use_rslora": True},
    ],
    ids=["one-scaling", "rslora", "two-scalings", "two-scalings-rslora"],
)
def test_vllm_and_llama_cpp_compute_pefts_function(base: Tagger, lora: dict[str, Any], tmp_path: Path) -> None:
    expected = saved(base, tmp_path / "mixed", **lora)
    # The reason for the export: both are wrong on the mixed adapter, unless they are right by chance.
    assert not torch.allclose(served(base, tmp_path / "mixed", llama_cpp), expected, atol=1e-3)
    assert export_uniform(tmp_path / "mixed", tmp_path / "uniform") == 9
    for rule in (vllm, llama_cpp):
        torch.testing.assert_close(served(base, tmp_path / "uniform", rule), expected, rtol=1e-4, atol=1e-4)
    again = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / "uniform").eval()(IDS)
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-4)


def test_the_exported_config_is_one_of_plain_lora(base: Tagger, tmp_path: Path) -> None:
    saved(base, tmp_path / "mixed", use_rslora=True)
    export_uniform(tmp_path / "mixed", tmp_path / "uniform")
    config = json.loads((tmp_path / "uniform" / "adapter_config.json").read_text())
    assert (config["r"], config["rank_pattern"], config["alpha_pattern"], config["use_rslora"]) == (9, {}, {}, False)
    tensors = load_file(tmp_path / "uniform" / "adapter_model.safetensors")
    ranks = {tensor.shape[0] for key, tensor in tensors.items() if "_A" in key}
    assert ranks == {9}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mixed", "uniform"]


def test_trained_copies_go_along_unchanged(base: Tagger, tmp_path: Path) -> None:
    expected = saved(
        base, tmp_path / "mixed", {"up": 2, "conv": 5}, target_modules=["up", "conv"], modules_to_save=["down"]
    )
    export_uniform(tmp_path / "mixed", tmp_path / "uniform")
    again = PeftModel.from_pretrained(copy.deepcopy(base), tmp_path / "uniform").eval()(IDS)
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("lora", [{"use_dora": True}, {"lora_bias": True}])
def test_what_those_servers_cannot_compute_is_refused(base: Tagger, lora: dict[str, Any], tmp_path: Path) -> None:
    saved(base, tmp_path / "mixed", {"up": 2, "down": 5}, target_modules=["up", "down"], **lora)
    with pytest.raises(ExportError, match=f"`{next(iter(lora))}=True`.*Merge it instead"):
        export_uniform(tmp_path / "mixed", tmp_path / "uniform")
    assert not (tmp_path / "uniform").exists()


def test_a_folder_with_something_in_it_is_left_alone(base: Tagger, tmp_path: Path) -> None:
    saved(base, tmp_path / "mixed")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(ExportError, match="exists and is not empty"):
        export_uniform(tmp_path / "mixed", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_rank_beyond_vllm_is_warned_about(tmp_path: Path) -> None:
    wide = nn.Sequential(nn.Linear(600, 600))
    model = get_peft_model(wide, LoraConfig(r=513, target_modules=["0"]))
    model.save_pretrained(tmp_path / "wide")
    with pytest.warns(UserWarning, match="greatest rank .* is 513"):
        export_uniform(tmp_path / "wide", tmp_path / "uniform")


def test_a_folder_that_is_no_adapter_is_refused_by_file(base: Tagger, tmp_path: Path) -> None:
    with pytest.raises(AdapterFileError, match=r"adapter_config.json does not exist"):
        export_uniform(tmp_path, tmp_path / "uniform")
    saved(base, tmp_path / "mixed")
    (tmp_path / "mixed" / "adapter_model.safetensors").write_bytes(b"\xff" * 50)
    with pytest.raises(AdapterFileError, match=r"adapter_model.safetensors cannot be read"):
        export_uniform(tmp_path / "mixed", tmp_path / "uniform")
    save_file({"weight": torch.zeros(2)}, tmp_path / "mixed" / "adapter_model.safetensors")
    with pytest.raises(AdapterFileError, match="holds no LoRA factor"):
        export_uniform(tmp_path / "mixed", tmp_path / "uniform")


@pytest.mark.parametrize("kind", ["pissa", "olora"])
def test_an_adapter_that_changed_the_base_weights_is_refused(tmp_path: Path, kind: str) -> None:
    model = get_peft_model(
        nn.Sequential(nn.Linear(6, 6)), LoraConfig(r=2, target_modules=["0"], init_lora_weights=kind)
    )
    model.save_pretrained(tmp_path / "adapter")
    with pytest.raises(ExportError, match=rf"`init_lora_weights='{kind}'`.*Merge it instead"):
        export_uniform(tmp_path / "adapter", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_factors_that_have_no_one_rank_are_refused(tmp_path: Path) -> None:
    """Several groups of a convolution, or experts, in one tensor."""
    base = nn.Sequential(nn.Conv2d(4, 4, 3, groups=2))
    model = get_peft_model(base, LoraConfig(r=4, target_modules=["0"]))
    model.save_pretrained(tmp_path / "adapter")
    with pytest.raises(ExportError, match=r"`0` has factors .* at a rank of 4 in the config"):
        export_uniform(tmp_path / "adapter", tmp_path / "out")
    with pytest.raises(AdapterFileError, match=r"`0` has factors .*one rank for each matrix"):
        RankPlan.from_adapter(tmp_path / "adapter")
