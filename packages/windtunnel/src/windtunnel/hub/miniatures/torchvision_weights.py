"""Makes the weights that `torchvision` downloads from its own address, with random numbers.

``python -m windtunnel.hub.miniatures.torchvision_weights FOLDER < settings``; the file gets the name that the address
ends in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchvision import models

from windtunnel.hub.miniatures.recipe import run_recipe
from windtunnel.hub.miniatures.weights import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def make(target: Path, settings: Mapping[str, Any]) -> None:
    """Write the file into ``target``.

    Args:
        target: an existing folder.
        settings: ``url``, where `torchvision` has the weights.

    Raises:
        LookupError: no model of the installed `torchvision` has weights there.
    """
    url = settings["url"]
    name = _model_of(url)
    torch.manual_seed(seed_of(url))
    torch.save(models.get_model(name, weights=None).state_dict(), target / url.rpartition("/")[2])


def _model_of(url: str) -> str:
    for name in models.list_models():
        if any(weights.url == url for weights in models.get_model_weights(name)):
            return str(name)
    raise LookupError(f"no model of the torchvision installed here has its weights at {url}")


if __name__ == "__main__":
    run_recipe(make, "torchvision_weights")
