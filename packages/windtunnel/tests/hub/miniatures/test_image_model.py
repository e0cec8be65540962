from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.mark.slow
def test_image_models_have_the_real_names_widths_and_processors(
    run_client: Callable[[Hub, str], Any], store: Path
) -> None:
    code = """
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification
for name in ("google/vit-base-patch16-224", "facebook/deit-tiny-patch16-224",
             "facebook/deit-base-distilled-patch16-224", "microsoft/resnet-18", "microsoft/resnet-50"):
    processor = AutoImageProcessor.from_pretrained(name)
    model = AutoModelForImageClassification.from_pretrained(name)
    ten = AutoModelForImageClassification.from_pretrained(name, num_labels=10, ignore_mismatched_sizes=True)
    shown = processor(Image.new("RGB", (40, 30)), return_tensors="pt")
    answer[name] = [type(model).__name__, list(shown["pixel_values"].shape), model.config.num_labels,
                    list(ten(**shown).logits.shape), float(model(**shown).logits.std()) > 0]
    answer[name + " names"] = [part for part, _ in model.named_modules()]
"""
    with Hub(store=store) as hub:
        answer = run_client(hub, code)
    names = {name.removesuffix(" names"): answer.pop(name) for name in list(answer) if name.endswith(" names")}
    kinds = {name: answer[name].pop(0) for name in answer}
    assert set(kinds.values()) == {
        "ViTForImageClassification",
        "DeiTForImageClassificationWithTeacher",
        "ResNetForImageClassification",
    }
    assert all(found == [[1, 3, 224, 224], 1000, [1, 10], True] for found in answer.values())
    assert "resnet.encoder.stages.3.layers.0.layer.1.convolution" in names["microsoft/resnet-18"]
    assert "resnet.encoder.stages.3.layers.0.layer.2.convolution" in names["microsoft/resnet-50"]
    assert any(
        name.endswith("layer.1.attention.attention.query") or "q_proj" in name
        for name in names["google/vit-base-patch16-224"]
    )


@pytest.mark.slow
def test_the_same_id_gets_the_same_weights(run_client: Callable[[Hub, str], Any], tmp_path: Path) -> None:
    code = """
from huggingface_hub import HfApi
answer["commit"] = HfApi().model_info("microsoft/resnet-18").sha
"""
    commits = []
    for place in ("one", "two"):
        with Hub(store=tmp_path / place) as hub:
            commits.append(run_client(hub, code)["commit"])
    assert commits[0] == commits[1]
