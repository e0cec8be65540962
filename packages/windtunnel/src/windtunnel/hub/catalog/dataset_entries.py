"""What the catalogue says of a dataset: its configs, columns and splits, and how its rows are made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from windtunnel.hub.catalog.files import catalogue_files

if TYPE_CHECKING:
    from collections.abc import Mapping


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


@cache
def datasets() -> dict[str, DatasetEntry]:
    """Every dataset of the catalogue by its id."""
    return {entry["id"]: _dataset(entry) for entry in catalogue_files("datasets")}


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
