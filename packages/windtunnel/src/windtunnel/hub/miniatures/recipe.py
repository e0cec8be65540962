"""How every recipe is run: ``python -m windtunnel.hub.miniatures.RECIPE FOLDER < settings``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def run_recipe(make: Callable[[Path, Mapping[str, Any]], None], name: str) -> None:
    """Read the settings as JSON from standard input and make the files in the folder named on the command line.

    Args:
        make: writes the files into an existing folder, by the settings.
        name: of the recipe's module.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m windtunnel.hub.miniatures.{name}",
        description="Make a repository from settings, JSON on standard input.",
    )
    parser.add_argument("folder", type=Path, help="an existing folder that gets the files")
    make(parser.parse_args().folder, json.load(sys.stdin))
