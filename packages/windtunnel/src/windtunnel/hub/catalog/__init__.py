"""What the loopback hub knows: one data file per dataset and per model, named by its id with ``--`` for ``/``.

Adding an id is adding one file; the classes here say what such a file may hold. Column names, label order, split
names and configuration values are facts of the real repositories, so that code written against those runs here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@dataclass(frozen=True)
class Column:
    """One column of a dataset.

    Attributes:
        name: its name.
        dtype: "string", "int32", "float32", or "int64" for a class label.
        labels: the names of a class label in their order, empty for any other column.
    """

    name: str
    dtype: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Generated:
    """How the rows of a config are made: a grammar, rows per split, and the splits whose labels stay hidden."""

    grammar: str
    rows: Mapping[str, int]
    unlabelled: tuple[str, ...] = ()


@dataclass(frozen=True)
class DatasetConfig:
    """One config (subset) of a dataset.

    Attributes:
        name: as ``load_dataset`` takes it.
        columns: in the order of the real files.
        splits: in the order of the real card.
        folders: the names under which a served folder may hold it, its own first.
        generated: how the hub makes it, None if it can only be served.
    """

    name: str
    columns: tuple[Column, ...]
    splits: tuple[str, ...]
    folders: tuple[str, ...]
    generated: Generated | None = None


@dataclass(frozen=True)
class DatasetEntry:
    """A dataset repository."""

    id: str
    configs: Mapping[str, DatasetConfig]
    card: Mapping[str, Any]  # the card's own metadata: pretty_name, language, task_categories

    @property
    def generated_configs(self) -> tuple[DatasetConfig, ...]:
        """The configs that the hub can make itself."""
        return tuple(config for config in self.configs.values() if config.generated)


@dataclass(frozen=True)
class Installed:
    """A model whose files an ordinary Python distribution carries: ``module.function()`` is their folder."""

    distribution: str
    module: str
    function: str


@dataclass(frozen=True)
class Miniature:
    """A model made on demand: ``windtunnel.hub.miniatures.<recipe>`` is run with ``settings``."""

    recipe: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class ModelEntry:
    """A model repository."""

    id: str
    source: Installed | Miniature


@cache
def datasets() -> dict[str, DatasetEntry]:
    """Every dataset of the catalogue by its id."""
    return {entry["id"]: _dataset(entry) for entry in _files("datasets")}


@cache
def models() -> dict[str, ModelEntry]:
    """Every model of the catalogue by its id."""
    return {entry["id"]: _model(entry) for entry in _files("models")}


def _files(kind: str) -> list[dict[str, Any]]:
    folder = resources.files(__name__) / kind
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".yaml")), key=lambda file: file.name)
    return [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]


def _dataset(data: dict[str, Any]) -> DatasetEntry:
    configs = {name: _config(name, config) for name, config in data["configs"].items()}
    card = {key: value for key, value in data.items() if key not in {"id", "configs"}}
    return DatasetEntry(id=data["id"], configs=configs, card=card)


def _config(name: str, data: dict[str, Any]) -> DatasetConfig:
    made = data.get("generated")
    return DatasetConfig(
        name=name,
        columns=tuple(
            Column(column, "int64", tuple(dtype)) if isinstance(dtype, list) else Column(column, dtype)
            for column, dtype in data["columns"].items()
        ),
        splits=tuple(data["splits"]),
        folders=(name, data["folder"]) if "folder" in data else (name,),
        generated=Generated(made["grammar"], made["rows"], tuple(made.get("unlabelled", ()))) if made else None,
    )


def _model(data: dict[str, Any]) -> ModelEntry:
    if "installed" in data:
        return ModelEntry(data["id"], Installed(**data["installed"]))
    settings = dict(data["miniature"])
    return ModelEntry(data["id"], Miniature(settings.pop("recipe"), settings))
