"""All that one hub knows of ids: the catalogue with the additions that its owner gives."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from windtunnel.hub.catalog.additions import KINDS, read_additions
from windtunnel.hub.catalog.dataset_entries import DatasetEntry, dataset_entry, datasets
from windtunnel.hub.catalog.model_entries import ModelEntry, miniature_entry, models
from windtunnel.knowledge.hub import table_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Catalogue:
    """Datasets and models by their id.

    Args:
        files: with further ids, as ``--catalog`` takes them.

    Raises:
        CatalogError: a file cannot be used.
    """

    def __init__(self, files: Sequence[Path] = ()) -> None:
        self._added = read_additions(files)
        self._aliases = {
            kind: {
                name.lower(): line["id"] for line in lines.values() for name in (line["id"], *line.get("aliases", ()))
            }
            for kind, lines in self._added.items()
        }

    def dataset(self, dataset_id: str) -> DatasetEntry | None:
        """A dataset by its canonical id, None if it is not known."""
        added = self._added["datasets"].get(dataset_id)
        return dataset_entry(added) if added else datasets().get(dataset_id)

    def model(self, model_id: str) -> ModelEntry | None:
        """A model by its canonical id, None if it is not known or too little of it is."""
        added = self._added["models"].get(model_id)
        if added is not None:
            return miniature_entry(added) if "repository" in added else None
        return models().get(model_id)

    def line(self, repo_type: str, repo_id: str) -> Mapping[str, Any] | None:
        """What is known of a dataset or a model as a line of the table, None if nothing is."""
        if repo_type not in KINDS:
            return None
        kind = KINDS[repo_type]
        return self._added[kind].get(repo_id) or table_lines(kind).get(repo_id.lower())

    def canonical(self, repo_type: str, repo_id: str) -> str:
        """The id under which the hub shows a repository today; the given one if nothing else is known."""
        if repo_type not in KINDS:
            return repo_id
        kind, name = KINDS[repo_type], repo_id.lower()
        added = self._aliases[kind].get(name)
        line = table_lines(kind).get(name)
        return added or (str(line["id"]) if line else repo_id)

    def digest(self, repo_type: str, repo_id: str) -> str:
        """Of all that is known of a repository: another one means that it must be made anew."""
        line = self.line(repo_type, repo_id)
        return hashlib.sha256(json.dumps(line, sort_keys=True).encode()).hexdigest()
