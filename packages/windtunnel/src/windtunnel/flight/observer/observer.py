"""The observer of a flight: what flown processes need to tell of themselves, and what they told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from windtunnel.flight.observer.listener import Listener

if TYPE_CHECKING:
    from windtunnel.evidence import ProcessSeen

INSIDE = Path(__file__).with_name("inside")
SHIMS = Path(__file__).parents[1] / "shims"


class Observer:
    """Listens to flown processes while the context is open.

    Args:
        socket: path for the unix socket on which they tell; its folder exists.
        repository: the copy of the repository that is flown.

    Attributes:
        socket: see above; the sandbox lets processes connect to it.
    """

    def __init__(self, socket: Path, *, repository: Path) -> None:
        self.socket = socket
        self._repository = repository
        self._listener = Listener(socket)

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.__exit__()

    @property
    def folders(self) -> tuple[Path, ...]:
        """What flown processes import, to be shown to them read-only."""
        return tuple(folder for folder in (INSIDE, SHIMS) if folder.is_dir())

    def environment(self, *, hub_url: str) -> dict[str, str]:
        """Return the variables that make a Python process tell.

        Args:
            hub_url: address of the hub, which shims send downloads to.
        """
        shims = sorted(path.stem for path in SHIMS.glob("*.py") if not path.stem.startswith("_"))
        return {
            "PYTHONPATH": os.pathsep.join(str(folder) for folder in self.folders),
            "WINDTUNNEL_OBSERVER": str(self.socket),
            "WINDTUNNEL_REPOSITORY": str(self._repository),
            "WINDTUNNEL_HUB": hub_url,
            "WINDTUNNEL_SHIMS": ":".join(shims),
            "WINDTUNNEL_SHIMS_FOLDER": str(SHIMS),
        }

    def take(self) -> tuple[ProcessSeen, ...]:
        """Return what processes told since the last call, in the order in which they started, and forget it."""
        return self._listener.take()
