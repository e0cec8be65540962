"""The loopback hub: unmodified `datasets`, `transformers` and `huggingface_hub` clients read from it, offline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from windtunnel.hub.catalog import Catalogue
from windtunnel.hub.protocol import HubRequest, Told, hub_application
from windtunnel.hub.served import read_served_folder
from windtunnel.hub.shelf import Shelf
from windtunnel.hub.store import Store
from windtunnel.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from windtunnel.evidence import UnknownId

CLIENT_TIMEOUT_SECONDS = 180  # the first request for a miniature waits until it is made
TOKEN = "hf_windtunnel"  # noqa: S105 - of an account that does not exist; any will do


class Hub:
    """Serve the catalogue's models and datasets on 127.0.0.1; usable as a context manager.

    Args:
        store: the folder that keeps the files of made repositories, miniatures and datasets, for this hub and later
            ones; it may be shared by hubs that run at the same time.
        serve: dataset id → folder with ``<config>/<split>.parquet``. Such a dataset has the configs and splits that lie
            there and no generated ones.
        catalog: files with further ids, JSON Lines in the form of the knowledge tables.
        permute_labels: left out, the rows are learnable; a number decides how the targets of the training splits are
            permuted among their rows, so that a learner must do worse and a leak does not.
        terms_accepted: whether clients act for an account that has accepted the terms of every gated repository.
        port: the port to bind; 0 takes a free one.

    Attributes:
        url: the address, known before :meth:`start`.
        notes: one line for each file in a served folder that is left out, and for each model that was made narrower
            than the real one.
        requests: what was asked for, in the order of the answers.
        unknown: the ids that were asked for and that the catalogue does not have, or too little of, each with the lines
            that add it. An id that cannot exist on the real hub is not among them.
        failures: one line for each time a repository should have been there but could not be made. The clients
            show such a line at best inside a traceback, so whoever runs the hub should repeat it.

    Raises:
        ServeError: a folder in ``serve`` cannot be served as the id it is given for.
        CatalogError: a file in ``catalog`` cannot be used.
        PortTakenError: another process holds ``port``.

    Example:
        >>> with Hub(store=Path(".windtunnel/store")) as hub:  # doctest: +SKIP
        ...     environment = os.environ | hub.environment(Path(".windtunnel/home"))
        ...     subprocess.run([sys.executable, "train.py"], env=environment, check=True)
    """

    def __init__(
        self,
        *,
        store: Path,
        serve: Mapping[str, Path] | None = None,
        catalog: Sequence[Path] = (),
        permute_labels: int | None = None,
        terms_accepted: bool = False,
        port: int = 0,
    ) -> None:
        catalogue = Catalogue(catalog)
        served = {
            dataset_id: read_served_folder(dataset_id, folder, catalogue)
            for dataset_id, folder in (serve or {}).items()
        }
        told = Told()
        self.requests: list[HubRequest] = told.requests
        self.failures: list[str] = told.failures
        self.unknown: list[UnknownId] = told.unknown
        self._terms_accepted = terms_accepted
        self._shelf = Shelf(Store(store.absolute()), catalogue, served, permute=permute_labels)
        self.notes: list[str] = self._shelf.notes
        self.notes += [note for folder in served.values() for note in folder.notes]
        application = hub_application(self._shelf, told, terms_accepted=terms_accepted)
        self._server = LoopbackServer(application, name="hub", port=port)
        self.url: str = self._server.url
        self.port: int = self._server.port

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables that make the clients of a child process use this hub, and ``home`` for all they keep.

        They replace what the user may have set: another endpoint, caches, tokens, offline modes, a proxy.

        Args:
            home: the client's ``HF_HOME``; nothing outside it is read or written.
        """
        home = home.absolute()
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(home / "hub"),
            "HUGGINGFACE_HUB_CACHE": str(home / "hub"),
            "HF_ASSETS_CACHE": str(home / "assets"),
            "HF_XET_CACHE": str(home / "xet"),
            "HF_DATASETS_CACHE": str(home / "datasets"),
            "HF_MODULES_CACHE": str(home / "modules"),
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
            "HF_TOKEN": TOKEN if self._terms_accepted else "",
            "HUGGING_FACE_HUB_TOKEN": "",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0" if self._terms_accepted else "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": str(CLIENT_TIMEOUT_SECONDS),
            "HF_HUB_ETAG_TIMEOUT": str(CLIENT_TIMEOUT_SECONDS),
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "DISABLE_SAFETENSORS_CONVERSION": "1",
            "NO_PROXY": _without_proxy(os.environ.get("NO_PROXY", "")),
            "no_proxy": _without_proxy(os.environ.get("no_proxy", "")),
        }

    def listen_on(self, path: Path) -> None:
        """Also answer on a unix socket, by which a sandbox reaches this server; see :class:`LoopbackServer`."""
        self._server.listen_on(path)

    def origin(self, dataset_id: str) -> str | None:
        """Say where the rows of a dataset come from.

        Returns:
            "generated", "served from <folder>", or None if this hub does not have the dataset.
        """
        return self._shelf.origin(dataset_id)

    def start(self) -> Self:
        """Answer requests from now on."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop answering and making; what is half made is not kept. Safe to call twice."""
        self._shelf.close()
        self._server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _without_proxy(hosts: str) -> str:
    return ",".join(dict.fromkeys([host for host in hosts.split(",") if host] + ["127.0.0.1", "localhost"]))
