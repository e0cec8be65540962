"""What flights keep from one to the next, in the user's cache: miniatures and environments."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return windtunnel's folder in the user's cache (XDG Base Directory Specification), made when it is needed."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".cache"
    return base / "windtunnel"


def hub_store() -> Path:
    """Return where the hub keeps the miniatures and the rows that it makes; deleting it costs making them again."""
    return cache_folder() / "hub"
