"""No sandbox: the command runs with the user's rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.flight.sandbox.launch import Launch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from windtunnel.flight.limits import Limits


@dataclass(frozen=True, slots=True)
class Unsandboxed:
    """Start commands as they are.

    Attributes:
        writable: the folders in which a command is expected to leave files; it may write elsewhere.
        hidden: folders below those that do not count.
    """

    writable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """``none``."""
        return "none"

    @property
    def uncovered(self) -> tuple[str, ...]:
        """Everything."""
        return (
            "it could read, change and delete every file of the user",
            "it could reach the network, and every service and process of this machine",
        )

    def wrap(
        self,
        argv: Sequence[str],
        *,
        folder: Path,  # noqa: ARG002
        environment: Mapping[str, str],
        limits: Limits,  # noqa: ARG002
    ) -> Launch:
        """Return the command unchanged."""
        return Launch(tuple(argv), dict(environment))
