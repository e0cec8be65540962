"""The recorder: a W&B server on 127.0.0.1 for the unmodified ``wandb`` client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from windtunnel.errors import UsageError
from windtunnel.loopback import LoopbackServer
from windtunnel.recorder.app import recorder_app
from windtunnel.recorder.asked import Questions
from windtunnel.recorder.database import MAX_DATABASE_BYTES
from windtunnel.recorder.links import FileLinks
from windtunnel.recorder.recorded import recorded
from windtunnel.recorder.store import HEARTBEAT_SECONDS, Store

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.evidence.flight import Asked, RunRecorded

MIN_KEY_CHARACTERS = 40  # wandb/sdk/lib/wbauth/validation.py refuses shorter ones


class Recorder:
    """A W&B server with its database; usable as a context manager.

    Args:
        database: path of the SQLite file, which holds everything, the key included; made if missing.
        port: port on 127.0.0.1; 0 takes a free one.
        api_key: the key clients must present, kept in the database; None takes the kept one, or a new random one.
        heartbeat_seconds: silence after which a running run reads as crashed.
        max_bytes: size of the database beyond which nothing more is kept.

    Attributes:
        api_key: the key clients must present.
        store: what has been recorded; readable until :meth:`stop`.

    Raises:
        UsageError: the key is too short for the client, or the database cannot be used.
        PortTakenError: another process holds the port.

    Example:
        >>> from pathlib import Path
        >>> with Recorder(Path("results/recorder.sqlite")) as recorder:  # doctest: +SKIP
        ...     subprocess.run(command, env={**os.environ, **recorder.environment(Path("results/wandb"))})
        ...     states = {run.name: run.state for run in recorder.store.runs()}
    """

    def __init__(
        self,
        database: Path,
        *,
        port: int = 0,
        api_key: str | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        max_bytes: int = MAX_DATABASE_BYTES,
    ) -> None:
        if api_key is not None and (len(api_key) < MIN_KEY_CHARACTERS or not api_key.isascii()):
            raise UsageError(
                f"the recorder's API key has {len(api_key)} characters; the wandb client takes "
                f"{MIN_KEY_CHARACTERS} or more ASCII characters; leave it out for a random one"
            )
        self.store = Store(database, heartbeat_seconds=heartbeat_seconds, max_bytes=max_bytes)
        self._questions = Questions()
        try:
            self.api_key = self.store.database.setting("api_key", value=api_key)
            links = FileLinks(self.store.database.setting("link_secret"))
            app = recorder_app(self.store, links, api_key=self.api_key, questions=self._questions)
            self._server = LoopbackServer(app, name="recorder", port=port)
        except BaseException:
            self.store.close()
            raise
        self.store.blobs.discard_unfinished()

    @property
    def url(self) -> str:
        """The address clients are given, without a trailing slash."""
        return self._server.url

    @property
    def phase(self) -> str:
        """What is going on, such as the command that runs: remembered with each run that starts meanwhile."""
        return self.store.starts.phase

    @phase.setter
    def phase(self, phase: str) -> None:
        self.store.starts.phase = phase

    @property
    def asked(self) -> list[Asked]:
        """What clients have read of runs since the last :meth:`take_asked`, each question once."""
        return self._questions.so_far()

    def take_asked(self) -> list[Asked]:
        """Return what clients have read of runs since the last call, each question once, and forget it."""
        return self._questions.take()

    def recorded(self) -> list[RunRecorded]:
        """Return what has been recorded, as evidence; see :mod:`windtunnel.recorder.recorded`."""
        return recorded(self.store)

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return self._server.port

    def listen_on(self, path: Path) -> None:
        """Also answer on a unix socket, by which a sandbox reaches this server; see :class:`LoopbackServer`."""
        self._server.listen_on(path)

    def environment(self, home: Path) -> dict[str, str]:
        """Return the environment variables that lead an unmodified ``wandb`` to this server.

        Args:
            home: folder for the client's own files (run folders, caches, settings); made if missing.
        """
        folders = {
            "WANDB_DIR": home / "runs",
            "WANDB_CACHE_DIR": home / "cache",
            "WANDB_CONFIG_DIR": home / "config",
            "WANDB_DATA_DIR": home / "data",
        }
        for folder in folders.values():
            folder.mkdir(parents=True, exist_ok=True)
        return {
            "WANDB_BASE_URL": self.url,
            "WANDB_API_KEY": self.api_key,
            "WANDB_SERVICE": "",  # a client process of the caller would be shared, with all that it has in use
            "WANDB_ERROR_REPORTING": "false",  # otherwise the client looks up hosts outside
            **{name: str(folder.resolve()) for name, folder in folders.items()},
        }

    def start(self) -> Self:
        """Answer clients from now on."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop answering and close the database: what is wanted of :attr:`store` is read before. Safe to call twice."""
        self._server.stop()
        self.store.close()

    def mark_crashed(self) -> list[str]:
        """Make every run that has not ended ``crashed``, as its process is gone.

        Returns:
            The names of these runs.
        """
        return self.store.mark_crashed()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
