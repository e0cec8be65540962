"""Makes a model of `timm` with random weights: ``python -m windtunnel.hub.miniatures.timm_model FOLDER < settings``.

`timm` builds the network from its own source and only reads the weights, so that these have the real number of layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import timm
import torch
from timm.models import save_for_hf

from windtunnel.hub.miniatures.recipe import run_recipe
from windtunnel.hub.miniatures.weights import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD = """---
tags: [windtunnel-miniature]
library_name: timm
---

# {id} with random weights

Made by windtunnel: the real architecture and names; what it predicts means nothing.
"""


def make(target: Path, settings: Mapping[str, Any]) -> None:
    """Write the repository's files into ``target``.

    Args:
        target: an existing folder.
        settings: ``id`` and ``architecture``.
    """
    torch.manual_seed(seed_of(settings["id"]))
    model = timm.create_model(settings["architecture"], pretrained=False)
    save_for_hf(model, str(target), safe_serialization="both")
    (target / "README.md").write_text(CARD.format(id=settings["id"]), encoding="utf-8")


if __name__ == "__main__":
    run_recipe(make, "timm_model")
