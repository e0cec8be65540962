"""What the catalogue says of a model: where its files come from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from windtunnel.hub.catalog.files import catalogue_files

if TYPE_CHECKING:
    from collections.abc import Mapping


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
def models() -> dict[str, ModelEntry]:
    """Every model of the catalogue by its id."""
    return {entry["id"]: _model(entry) for entry in catalogue_files("models")}


def _model(data: dict[str, Any]) -> ModelEntry:
    if "installed" in data:
        return ModelEntry(data["id"], Installed(**data["installed"]))
    settings = dict(data["miniature"])
    return ModelEntry(data["id"], Miniature(settings.pop("recipe"), settings))
