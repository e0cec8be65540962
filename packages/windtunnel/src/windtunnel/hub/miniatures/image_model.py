"""Makes an image model in miniature: ``python -m windtunnel.hub.miniatures.image_model FOLDER < settings``.

Faithful: the configuration but for the number of layers, module and tensor names, widths, the image processor. Not
faithful: few layers, random weights, classes without their names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch
import transformers

from windtunnel.hub.miniatures.recipe import run_recipe
from windtunnel.hub.miniatures.weights import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD = """---
tags: [windtunnel-miniature]
---

# A miniature of {id}

Made by windtunnel: {shortened}random weights, {parameters:.1f} million parameters. It has the real names, widths and
image processor, so that code runs as it would on the real model; what it predicts means nothing.
"""


def make(target: Path, settings: Mapping[str, Any]) -> None:
    """Write the repository's files into ``target``.

    Args:
        target: an existing folder.
        settings: what :func:`windtunnel.hub.catalog.image_repository.image_settings` returns.
    """
    torch.manual_seed(seed_of(settings["id"]))
    given = settings["config"]
    config = transformers.CONFIG_MAPPING[given["model_type"]].from_dict(dict(given))
    # the model's own start: without trained weights a residual network needs its scaled convolutions
    model = getattr(transformers, settings["weights_class"])(config)
    model.save_pretrained(target, max_shard_size="100GB")
    names = {str(place): f"LABEL_{place}" for place in range(given.get("num_labels", 2))}
    written = {key: value for key, value in given.items() if key != "num_labels"} | {
        "id2label": names,
        "label2id": {name: int(place) for place, name in names.items()},
    }
    (target / "config.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    processor = json.dumps(settings["preprocessor"], indent=2) + "\n"
    (target / "preprocessor_config.json").write_text(processor, encoding="utf-8")
    shortened = "".join(f"{key} {real} -> {made}, " for key, (real, made) in settings["shortened"].items())
    parameters = sum(tensor.numel() for tensor in model.parameters()) / 1e6
    card = CARD.format(id=settings["id"], shortened=shortened, parameters=parameters)
    (target / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    run_recipe(make, "image_model")
