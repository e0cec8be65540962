"""Makes the weights that `torchvision` downloads from its own address, with random numbers.

``python -m windtunnel.hub.miniatures.torchvision_weights FOLDER < settings``; the file gets the name that the address
ends in.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torchvision import models

from windtunnel.hub.miniatures.weights import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def main() -> None:
    """Read the settings as JSON from standard input and make the file in the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m windtunnel.hub.miniatures.torchvision_weights", description=main.__doc__
    )
    parser.add_argument("folder", type=Path, help="an existing folder that gets the file")
    make(parser.parse_args().folder, json.load(sys.stdin))


if __name__ == "__main__":
    main()
