"""What the loopback hub knows: columns, label order, split names and configuration values of the real repositories.

The facts are those of the knowledge tables (``windtunnel.knowledge``), so that what a static rule says of an id and
what the hub serves under it are the same. Adding an id is adding one line to a table, or to a file of one's own.
"""

from __future__ import annotations

from windtunnel.hub.catalog.catalogue import Catalogue
from windtunnel.hub.catalog.dataset_entries import (
    DEFAULT_CONFIG,
    DatasetConfig,
    DatasetEntry,
    Datasets,
    Generated,
    datasets,
)
from windtunnel.hub.catalog.model_entries import Installed, Miniature, ModelEntry, models
from windtunnel.knowledge.datasets import Column

__all__ = [
    "DEFAULT_CONFIG",
    "Catalogue",
    "Column",
    "DatasetConfig",
    "DatasetEntry",
    "Datasets",
    "Generated",
    "Installed",
    "Miniature",
    "ModelEntry",
    "datasets",
    "models",
]
