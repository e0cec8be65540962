"""What the catalogue says of a model: where its files come from.

A model that an installed distribution carries has a file in ``models/``. Every other one is a miniature made from its
line in the knowledge table, ``knowledge/data/models.jsonl``: the line's ``repository`` says in what it differs from its
family (``families/``), which tokenizer it has (``tokenizers/``) and which files. Adding a model is adding one line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from windtunnel.hub.catalog.files import catalogue_file, catalogue_files
from windtunnel.hub.catalog.image_repository import image_settings, timm_settings
from windtunnel.hub.catalog.model_repository import family_names, text_settings
from windtunnel.knowledge.hub import table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Installed:
    """A model whose files an ordinary Python distribution carries: ``module.function()`` is their folder."""

    distribution: str
    module: str
    function: str


@dataclass(frozen=True)
class Miniature:
    """A model made on demand: ``windtunnel.hub.miniatures.<recipe>`` is run with ``settings``.

    Attributes:
        recipe: the module.
        settings: what it reads.
        widths: key of the configuration → the real width and that of the miniature, for those that differ.
    """

    recipe: str
    settings: Mapping[str, Any]
    widths: Mapping[str, tuple[int, int]] | None = None


@dataclass(frozen=True)
class ModelEntry:
    """A model repository.

    Attributes:
        id: with its namespace, as the hub shows it today.
        source: where its files come from.
    """

    id: str
    source: Installed | Miniature

    @property
    def note(self) -> str:
        """What of a miniature's width is not the real one, in one line; "" if all of it is."""
        widths = self.source.widths if isinstance(self.source, Miniature) else None
        if not widths:
            return ""
        return f"{self.id}: " + ", ".join(f"{key} {real} -> {made}" for key, (real, made) in widths.items())


# the recipes that are no text models, and what collects their settings from a line
_OTHER_SETTINGS = {"image_model": image_settings, "timm_model": timm_settings}


class Models(Mapping[str, ModelEntry]):
    """The models of the catalogue by their id; an entry is made when it is asked for.

    Args:
        installed: those with a file of their own.
        lines: the lines of the others, by id.
    """

    def __init__(self, installed: Mapping[str, ModelEntry], lines: Mapping[str, Mapping[str, Any]]) -> None:
        self._entries = dict(installed)
        self._lines = lines

    def __getitem__(self, model_id: str) -> ModelEntry:
        if model_id not in self._entries:
            self._entries[model_id] = miniature_entry(self._lines[model_id])
        return self._entries[model_id]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys([*self._entries, *self._lines]))

    def __len__(self) -> int:
        return len({*self._entries, *self._lines})


@cache
def models() -> Models:
    """Every model of the catalogue by its id."""
    named = {entry["id"]: _model(entry) for entry in catalogue_files("models")}
    families = family_names()
    made = {
        line["id"]: line
        for line in table_lines("models").values()
        if line.get("family") in families and "repository" in line and line["id"] not in named
    }
    return Models(named, made)


def miniature_entry(line: Mapping[str, Any]) -> ModelEntry:
    """The entry of a model that is made from its line in the knowledge table, by the recipe that its family names.

    Raises:
        LookupError: the line lacks a key, or names a family or tokenizer that the catalogue does not have.
    """
    recipe = catalogue_file("families", line["family"]).get("recipe", "text_model")
    if recipe in _OTHER_SETTINGS:
        return ModelEntry(line["id"], Miniature(recipe, _OTHER_SETTINGS[recipe](line)))
    settings, widths = text_settings(line)
    return ModelEntry(line["id"], Miniature("text_model", settings, widths))


def _model(data: dict[str, Any]) -> ModelEntry:
    if "installed" in data:
        return ModelEntry(data["id"], Installed(**data["installed"]))
    settings = dict(data["miniature"])
    return ModelEntry(data["id"], Miniature(settings.pop("recipe"), settings))
