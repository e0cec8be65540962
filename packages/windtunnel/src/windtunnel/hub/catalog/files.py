"""The catalogue's data files: one per dataset and per model, named by its id with ``--`` for ``/``."""

from __future__ import annotations

from importlib import resources
from typing import Any

import yaml


def catalogue_files(kind: str) -> list[dict[str, Any]]:
    """Read every file of a kind, "datasets" or "models", in the order of their names."""
    folder = resources.files(__name__.rpartition(".")[0]) / kind
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
