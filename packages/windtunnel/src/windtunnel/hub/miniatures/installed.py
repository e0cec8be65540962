"""Model files that an ordinary Python distribution carries."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import MiniatureError

if TYPE_CHECKING:
    from windtunnel.hub.catalog import Installed


def installed_folder(model_id: str, source: Installed) -> Path:
    """Return the folder of a model that ``source`` carries.

    Raises:
        MiniatureError: the distribution is not installed, or the folder it names holds no ``config.json``.
    """
    try:
        importlib.metadata.distribution(source.distribution)
        module = importlib.import_module(source.module)
    except ImportError as error:  # PackageNotFoundError is one
        raise MiniatureError(
            f"{model_id} is served from the distribution {source.distribution}, which is not installed here ({error}); "
            f"run: pip install {source.distribution}"
        ) from error
    folder = Path(getattr(module, source.function)())
    if not (folder / "config.json").is_file():
        raise MiniatureError(
            f"{model_id} should lie in {folder}, where {source.distribution} says it is, but there is no config.json; "
            f"run: pip install --force-reinstall {source.distribution}"
        )
    return folder
