"""Finds the repository that a client asks for: served, generated, installed, or made at its first request."""

from __future__ import annotations

import hashlib
import json
import threading
from functools import partial
from typing import TYPE_CHECKING

from windtunnel.errors import WindtunnelError
from windtunnel.hub import catalog
from windtunnel.hub.dataset_files import CONVERTED, MAIN, write_generated, write_served
from windtunnel.hub.downloads import find_download, write_download
from windtunnel.hub.metrics import metric_source, unknown_metric, write_metric
from windtunnel.hub.miniatures import MiniatureWorkshop, installed_folder
from windtunnel.hub.repository import Repository
from windtunnel.hub.store import recipe_digest
from windtunnel.hub.tables import TableError
from windtunnel.hub.unknown import unknown_dataset, unknown_download, unknown_model
from windtunnel.knowledge.hub import BareName, bare_name_verdict, id_problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from windtunnel.evidence import UnknownId
    from windtunnel.hub.catalog import Catalogue, ModelEntry
    from windtunnel.hub.served import ServedFolder
    from windtunnel.hub.store import Store

MOST_DOWNLOADS = 30  # whoever asks for more addresses is trying them out
DISABLED = "Access to this resource is disabled."  # the words by which the clients tell such an answer


class MissingRepositoryError(LookupError):
    """No such repository here; the text says why.

    Args:
        message: why.
        unknown: the id, if it may exist on the real hub and only the catalogue lacks it.
    """

    def __init__(self, message: str, unknown: UnknownId | None = None) -> None:
        super().__init__(message)
        self.unknown = unknown


class DisabledRepositoryError(LookupError):
    """The real hub has the repository and refuses it to everybody; the text says why."""


class Shelf:
    """The repositories of one hub.

    Args:
        store: keeps the files of those that are made.
        catalogue: what is known of ids.
        served: dataset id → the folder it is served from.
        permute: left out, targets are as they are; a number decides how those of training splits are permuted.

    Attributes:
        notes: one line for each model that was made narrower than the real one.
    """

    def __init__(
        self,
        store: Store,
        catalogue: Catalogue,
        served: Mapping[str, ServedFolder],
        *,
        permute: int | None = None,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._served = served
        self._permute = permute
        self.notes: list[str] = []
        self._workshop = MiniatureWorkshop()
        self._repositories: dict[tuple[str, str], Repository] = {}
        self._failed: dict[tuple[str, str], WindtunnelError] = {}
        self._downloads: set[str] = set()
        self._locks: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def canonical(self, repo_type: str, repo_id: str) -> str:
        """The id to which the real hub redirects requests for ``repo_id``; the same if it does not."""
        return self._catalogue.canonical(repo_type, repo_id)

    def find(self, repo_type: str, repo_id: str) -> Repository:
        """Return the repository, after making its files if this is the first request for it.

        Raises:
            MissingRepositoryError: it cannot be had: there is none, or the catalogue lacks it.
            DisabledRepositoryError: the real hub gives it to nobody.
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

    def download(self, url: str) -> Path:
        """Return the file that `torchvision` looks for at an address of its own, made at the first request.

        Raises:
            MissingRepositoryError: nothing is known of the address.
            MiniatureError: weights could not be made.
            WindtunnelError: the store cannot be written.
        """
        found = find_download(url)
        with self._guard:
            lock = self._locks.setdefault(("download", ""), threading.Lock())
            if len(self._downloads) < MOST_DOWNLOADS:
                self._downloads.add(url)
        if url not in self._downloads:
            raise MissingRepositoryError(f"windtunnel's hub answers {MOST_DOWNLOADS} addresses, and {url} is one more")
        if found is None:
            raise MissingRepositoryError(f"windtunnel's hub has nothing for {url}", unknown_download(url))
        name = url.rpartition("/")[2]
        digests = [recipe_digest(), url]
        if isinstance(found, catalog.Miniature):
            make: Callable[[Path], None] = partial(self._workshop.make, url, found)
        else:
            entry = self._catalogue.dataset(found.dataset)
            if entry is None:
                raise MissingRepositoryError(f"the catalogue lacks {found.dataset}, which {url} is made of")
            digests += [self._catalogue.digest("dataset", found.dataset), str(self._permute)]
            make = partial(write_download, found, entry, name=name, permute=self._permute)

        kept_as = f"{_digest(url)[:8]}-{name}"
        with lock:  # one at a time: the addresses are the flown code's to choose
            if ("download", url) in self._failed:
                raise self._failed["download", url]
            try:
                return self._store.folder("downloads", kept_as, made_from=_digest(*digests), make=make) / name
            except WindtunnelError as error:
                self._failed["download", url] = error
                raise

    def origin(self, dataset_id: str) -> str | None:
        """Say where the rows of a dataset come from, None if the hub does not have it."""
        name = self.canonical("dataset", dataset_id)
        if name in self._served:
            return f"served from {self._served[name].folder}"
        entry = self._catalogue.dataset(name)
        return "generated" if entry and entry.generated_configs else None

    def close(self) -> None:
        """Stop what is being made."""
        self._workshop.close()

    def _read(self, repo_type: str, repo_id: str) -> Repository:
        try:
            if repo_type == "dataset":
                return self._dataset(repo_id)
            if repo_type == "model":
                return self._model(repo_id)
            if repo_type == "space":
                return self._space(repo_id)
        except (TableError, OSError) as error:
            raise WindtunnelError(
                f"the files of {repo_id} cannot be read any more ({error}); put them back and start the hub again"
            ) from error
        raise MissingRepositoryError(f"windtunnel's hub has no {repo_type} {repo_id!r}")

    def _dataset(self, repo_id: str) -> Repository:
        served = self._served.get(repo_id)
        if served:
            made_from = _digest(recipe_digest(), str(served.folder), json.dumps(served.states()), str(self._permute))
            folder = self._store.folder(
                "datasets", repo_id, made_from=made_from, make=partial(write_served, served, permute=self._permute)
            )
            return Repository.read("dataset", repo_id, folder / MAIN, converted=folder / CONVERTED)
        entry = self._catalogue.dataset(repo_id)
        if entry is not None and entry.removed:
            if "disabled" in entry.removed:
                raise DisabledRepositoryError(f"the dataset {repo_id!r}: {entry.removed}")
            raise MissingRepositoryError(f"the dataset {repo_id!r}: {entry.removed}")
        if entry is None or not entry.generated_configs:
            if entry is not None and entry.gated:
                return Repository.closed("dataset", repo_id)
            raise self._missing("dataset", repo_id)
        made_from = _digest(recipe_digest(), self._catalogue.digest("dataset", repo_id), str(self._permute))
        folder = self._store.folder(
            "datasets", repo_id, made_from=made_from, make=partial(write_generated, entry, permute=self._permute)
        )
        return Repository.read("dataset", repo_id, folder / MAIN, converted=folder / CONVERTED, gated=entry.gated)

    def _model(self, repo_id: str) -> Repository:
        line = self._catalogue.line("model", repo_id) or {}
        entry = self._catalogue.model(repo_id)
        gated = bool(line.get("gated"))
        if entry is None:
            if gated:
                return Repository.closed("model", repo_id)
            raise self._missing("model", repo_id)
        folder = self._model_folder(entry)
        if entry.note:
            self.notes.append(entry.note)
        return Repository.read("model", repo_id, folder, gated=gated)

    def _model_folder(self, entry: ModelEntry) -> Path:
        if isinstance(entry.source, catalog.Installed):
            return installed_folder(entry.id, entry.source)
        miniature = entry.source
        return self._store.folder(
            "models",
            entry.id,
            made_from=_digest(recipe_digest(), self._catalogue.digest("model", entry.id)),
            make=lambda target: self._workshop.make(entry.id, miniature, target),
        )

    def _space(self, repo_id: str) -> Repository:
        """A metric of `evaluate`, the one kind of space that experiments read."""
        source = metric_source(repo_id)
        if source is None:
            raise MissingRepositoryError(f"there is no space {repo_id!r} here", unknown_metric(repo_id))
        folder = self._store.folder(
            "spaces",
            repo_id,
            made_from=_digest(recipe_digest()),
            make=lambda target: write_metric(repo_id, source, target),
        )
        return Repository.read("space", repo_id, folder)

    def _missing(self, repo_type: str, repo_id: str) -> MissingRepositoryError:
        """The error for an id that is not served: it may exist on the real hub, unless its name says that it cannot."""
        if problem := id_problem(repo_id):
            return MissingRepositoryError(f"there is no {repo_type} {repo_id!r} on the hub: the id {problem}")
        if bare_name_verdict(repo_id) is BareName.NOT_AN_ID:
            return MissingRepositoryError(
                f"there is no {repo_type} {repo_id!r} on the hub: it lives under an organisation"
            )
        line = self._catalogue.line(repo_type, repo_id)
        unknown = (unknown_dataset if repo_type == "dataset" else unknown_model)(repo_id, line)
        if line is None:
            return MissingRepositoryError(f"the {repo_type} {repo_id!r} is not in windtunnel's catalogue", unknown)
        return MissingRepositoryError(
            f"the {repo_type} {repo_id!r} is in windtunnel's catalogue, but too little of it to make it"
            + (f"; serve a copy with --serve {repo_id}=DIR" if repo_type == "dataset" else ""),
            unknown,
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
