"""Finds the repository that a client asks for: served, generated, installed, or made at its first request."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING

from windtunnel.errors import WindtunnelError
from windtunnel.hub import catalog
from windtunnel.hub.dataset_files import write_generated, write_served
from windtunnel.hub.miniatures import MiniatureWorkshop, installed_folder
from windtunnel.hub.repository import Repository
from windtunnel.hub.store import recipe_digest
from windtunnel.hub.tables import TableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from windtunnel.hub.catalog import ModelEntry
    from windtunnel.hub.served import ServedFolder
    from windtunnel.hub.store import Store


class UnknownRepositoryError(LookupError):
    """No such repository here; the text says why and what could be asked for instead."""


class Shelf:
    """The repositories of one hub.

    Args:
        store: keeps the files of those that are made.
        served: dataset id → the folder it is served from.
    """

    def __init__(self, store: Store, served: Mapping[str, ServedFolder]) -> None:
        self._store = store
        self._served = served
        self._workshop = MiniatureWorkshop()
        self._repositories: dict[tuple[str, str], Repository] = {}
        self._failed: dict[tuple[str, str], WindtunnelError] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def find(self, repo_type: str, repo_id: str) -> Repository:
        """Return the repository, after making its files if this is the first request for it.

        Raises:
            UnknownRepositoryError: it is not in the catalogue, or can only be served and is not.
            MiniatureError: a model could not be made.
            WindtunnelError: the store cannot be written, or a served file is no longer what it was at the start.
                Like the one above it is raised again at every later request, without another attempt.
        """
        key = (repo_type, repo_id)
        with self._guard:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key in self._failed:
                raise self._failed[key]
            if key not in self._repositories:
                try:
                    self._repositories[key] = self._read(repo_type, repo_id)
                except WindtunnelError as error:
                    self._failed[key] = error
                    raise
            return self._repositories[key]

    def origin(self, dataset_id: str) -> str | None:
        """Say where the rows of a dataset come from, None if the hub does not have it."""
        if dataset_id in self._served:
            return f"served from {self._served[dataset_id].folder}"
        entry = catalog.datasets().get(dataset_id)
        return "generated" if entry and entry.generated_configs else None

    def close(self) -> None:
        """Stop what is being made."""
        self._workshop.close()

    def _read(self, repo_type: str, repo_id: str) -> Repository:
        try:
            folder = self._dataset(repo_id) if repo_type == "dataset" else self._model(repo_type, repo_id)
            return Repository.read(repo_type, repo_id, folder)
        except (TableError, OSError) as error:
            raise WindtunnelError(
                f"the files of {repo_id} cannot be read any more ({error}); put them back and start the hub again"
            ) from error

    def _dataset(self, repo_id: str) -> Path:
        served = self._served.get(repo_id)
        if served:
            made_from = _digest(recipe_digest(), str(served.folder), json.dumps(served.states()))
            return self._store.folder(
                "datasets", repo_id, made_from=made_from, make=lambda target: write_served(served, target)
            )
        entry = catalog.datasets().get(repo_id)
        if entry is None:
            raise UnknownRepositoryError(_not_known("dataset", repo_id))
        if not entry.generated_configs:
            raise UnknownRepositoryError(
                f"the dataset {repo_id!r} is in windtunnel's catalogue, but it cannot be generated; serve a copy with "
                f"--serve {repo_id}=DIR"
            )
        return self._store.folder(
            "datasets", repo_id, made_from=recipe_digest(), make=lambda target: write_generated(entry, target)
        )

    def _model(self, repo_type: str, repo_id: str) -> Path:
        entry = catalog.models().get(repo_id) if repo_type == "model" else None
        if entry is None:
            raise UnknownRepositoryError(_not_known(repo_type, repo_id))
        return self._model_folder(entry)

    def _model_folder(self, entry: ModelEntry) -> Path:
        if isinstance(entry.source, catalog.Installed):
            return installed_folder(entry.id, entry.source)
        miniature = entry.source
        return self._store.folder(
            "models",
            entry.id,
            made_from=recipe_digest(),
            make=lambda target: self._workshop.make(entry.id, miniature, target),
        )


def _not_known(repo_type: str, repo_id: str) -> str:
    known = {"dataset": list(catalog.datasets()), "model": list(catalog.models())}.get(repo_type, [])
    return f"the {repo_type} {repo_id!r} is not in windtunnel's catalogue; it has {', '.join(known) or 'none'}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
