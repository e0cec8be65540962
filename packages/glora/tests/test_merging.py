"""What PEFT makes of resized adapters when it merges them: the same function, or a refusal."""

from __future__ import annotations

import copy
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest
import torch
from packaging.version import Version
from peft import LoraConfig, PeftModel
from torch import nn

from glora.resize import resize_adapters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "bias": {"lora_bias": True},
}


@pytest.fixture
def mixed(make_model: Callable[..., Any]) -> Callable[..., Any]:
    """Build a learned adapter of mixed ranks, in which `up` has none."""

    def build(**lora: Any) -> Any:
        model = make_model(learned=True, **lora)
        resize_adapters(model, "default", {"up": 0, "mid": 6, "down": 2})
        return model

    return build


@pytest.mark.parametrize("variant", VARIANTS)
def test_merging_a_resized_adapter_keeps_the_function(mixed: Callable[..., Any], batch: Any, variant: str) -> None:
    model = mixed(**VARIANTS[variant])
    expected = model(batch[0])
    merged = model.merge_and_unload()
    assert not any("lora" in name for name, _ in merged.named_modules())
    torch.testing.assert_close(merged(batch[0]), expected, rtol=1e-4, atol=1e-5)


def test_merging_and_unmerging_in_place_comes_back(mixed: Callable[..., Any], batch: Any) -> None:
    model = mixed()
    expected = model(batch[0])
    model.merge_adapter()
    torch.testing.assert_close(model(batch[0]), expected, rtol=1e-4, atol=1e-5)
    model.unmerge_adapter()
    torch.testing.assert_close(model(batch[0]), expected, rtol=1e-4, atol=1e-5)


def changes(model: Any) -> dict[str, torch.Tensor]:
    """The change of every base weight under the active adapters."""
    base = dict(model.get_base_model().named_modules())
    layers = {name: base[name] for name in ("up", "mid", "down")}
    return {
        name: sum((layer.get_delta_weight(a) for a in layer.active_adapters if a in layer.r), start=torch.zeros(()))
        if hasattr(layer, "lora_A")
        else torch.zeros(())
        for name, layer in layers.items()
    }


def second(model: Any) -> None:
    """Add a learned adapter of another rank, on other matrices."""
    model.add_adapter("second", LoraConfig(r=3, lora_alpha=9, target_modules=["up", "mid"]))
    for name, parameter in model.named_parameters():
        if ".second." in name:
            nn.init.normal_(parameter, std=0.2)


def expected_mixture(model: Any) -> dict[str, torch.Tensor]:
    found = {}
    for adapter in ("default", "second"):
        model.set_adapter(adapter)
        found[adapter] = changes(model)
    return {name: 0.7 * found["default"][name] + 0.4 * found["second"][name] for name in ("up", "mid", "down")}


SVD = pytest.param(
    "svd",
    marks=pytest.mark.skipif(
        Version(version("peft")) < Version("0.21"), reason="until 0.20 PEFT applies every adapter's scaling twice there"
    ),
)


@pytest.mark.parametrize("kind", ["cat", SVD])
def test_the_exact_ways_of_mixing_adapters_are_exact_for_a_resized_one(mixed: Callable[..., Any], kind: str) -> None:
    model = mixed()
    second(model)
    expected = expected_mixture(model)
    # `svd` needs room for both: 6 + 3.
    options = {"svd_rank": 9} if kind == "svd" else {}
    model.add_weighted_adapter(["default", "second"], [0.7, 0.4], "both", combination_type=kind, **options)
    model.set_adapter("both")
    for name, change in changes(model).items():
        torch.testing.assert_close(change, expected[name], rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("kind", ["linear", "ties", "dare_linear", "magnitude_prune"])
def test_the_ways_of_mixing_that_need_one_rank_are_refused_by_peft(mixed: Callable[..., Any], kind: str) -> None:
    model = mixed()
    second(model)
    with pytest.raises(ValueError, match=r"same r|same rank|must have the same"):
        model.add_weighted_adapter(["default", "second"], [0.7, 0.4], "both", combination_type=kind, density=0.5)
    assert "both" not in model.peft_config


@pytest.mark.parametrize("kind", ["cat", "svd"])
def test_an_exact_mixture_survives_saving(
    mixed: Callable[..., Any], make_model: Callable[..., Any], kind: str, batch: Any, tmp_path: Path
) -> None:
    model = mixed()
    second(model)
    base = copy.deepcopy(make_model()).unload()
    options = {"svd_rank": 9} if kind == "svd" else {}
    model.add_weighted_adapter(["default", "second"], [0.7, 0.4], "both", combination_type=kind, **options)
    model.set_adapter("both")
    model.save_pretrained(tmp_path, selected_adapters=["both"])
    loaded = PeftModel.from_pretrained(base, tmp_path / "both")
    torch.testing.assert_close(loaded(batch[0]), model(batch[0]), rtol=1e-4, atol=1e-5)


def test_a_linear_mixture_of_mixed_ranks_computes_and_peft_cannot_load_it(
    mixed: Callable[..., Any], make_model: Callable[..., Any], batch: Any, tmp_path: Path
) -> None:
    """PEFT keeps the ranks in the tensors and drops the config's patterns: loading refuses, nothing is silent."""
    model = mixed()
    expected = model(batch[0])
    base = copy.deepcopy(make_model()).unload()
    model.add_weighted_adapter(["default"], [1.0], "copy", combination_type="linear")
    model.set_adapter("copy")
    torch.testing.assert_close(model(batch[0]), expected, rtol=1e-4, atol=1e-5)
    model.save_pretrained(tmp_path, selected_adapters=["copy"])
    with pytest.raises(RuntimeError, match="size mismatch"):
        PeftModel.from_pretrained(base, tmp_path / "copy")


def test_a_merged_model_is_the_one_that_peft_merges_from_the_file(
    mixed: Callable[..., Any], make_model: Callable[..., Any], batch: Any, tmp_path: Path
) -> None:
    model = mixed()
    base = copy.deepcopy(make_model()).unload()
    model.save_pretrained(tmp_path)
    merged = PeftModel.from_pretrained(base, tmp_path).merge_and_unload()
    torch.testing.assert_close(merged(batch[0]), model(batch[0]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["cat", "svd"])
@pytest.mark.parametrize("resized", [False, True])
@pytest.mark.parametrize("variant", ["rslora", "dora", "bias"])
def test_peft_mixes_variants_into_another_function_resized_or_not(
    make_model: Callable[..., Any], batch: Any, variant: str, resized: bool, kind: str
) -> None:
    """Why the documentation says to merge variants, not to mix them: the day this fails, PEFT has mended it."""
    model = make_model(learned=True, **VARIANTS[variant])
    if variant == "dora":
        for name, parameter in model.named_parameters():
            if "magnitude" in name:
                parameter.data *= 1.5  # as training does; at the start it is that of the base weight
    for name, parameter in model.named_parameters():
        if name.endswith("lora_B.default.bias"):
            nn.init.normal_(parameter)
    if resized:
        resize_adapters(model, "default", {"up": 3, "mid": 6, "down": 2})
    expected = model(batch[0])
    model.add_weighted_adapter(["default"], [1.0], "mixed", combination_type=kind)
    model.set_adapter("mixed")
    assert (model(batch[0]) - expected).abs().max() > 0.01
