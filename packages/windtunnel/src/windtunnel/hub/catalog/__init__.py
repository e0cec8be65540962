"""What the loopback hub knows: one data file per dataset and per model, named by its id with ``--`` for ``/``.

Adding an id is adding one file; the classes here say what such a file may hold. Column names, label order, split
names and configuration values are facts of the real repositories, so that code written against those runs here.
"""

from __future__ import annotations

from windtunnel.hub.catalog.dataset_entries import Column, DatasetConfig, DatasetEntry, Generated, datasets
from windtunnel.hub.catalog.model_entries import Installed, Miniature, ModelEntry, models

__all__ = [
    "Column",
    "DatasetConfig",
    "DatasetEntry",
    "Generated",
    "Installed",
    "Miniature",
    "ModelEntry",
    "datasets",
    "models",
]
