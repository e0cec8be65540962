"""Which sandbox a flight gets: bubblewrap where it works, none for one's own code or by consent, else no flight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from windtunnel.errors import FlightError
from windtunnel.flight.options import is_own_code
from windtunnel.flight.sandbox import Bubblewrap, Unsandboxed, bubblewrap_trouble, environment_mounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from windtunnel.flight.environment import Environment
    from windtunnel.flight.options import Options
    from windtunnel.flight.sandbox import Sandbox
    from windtunnel.flight.workspace import Workspace

Containment = Literal["bubblewrap", "none"]


def choose_containment(options: Options) -> tuple[Containment, str]:
    """Return what the flight is kept in, and why there is no sandbox where there is none.

    Raises:
        FlightError: it would need a sandbox and cannot have one.
    """
    if options.unsandboxed:
        return "none", "as --sandbox none asks"
    trouble = bubblewrap_trouble()
    if not trouble:
        return "bubblewrap", ""
    if is_own_code(options):
        return "none", trouble
    raise FlightError(
        f"{options.named} is not part of the workspace that this windtunnel belongs to, so it is flown in a sandbox "
        f"alone: {trouble}. --sandbox none flies it all the same: its code then runs with your rights, sees your files "
        "and reaches the network; only your environment variables are withheld"
    )


def sandbox_of(
    containment: Containment,
    workspace: Workspace,
    environment: Environment,
    *,
    tmp: Path,
    relays: Mapping[int, Path],
    sockets: Sequence[Path],
    shown: Sequence[Path],
) -> Sandbox:
    """Return the sandbox of the commands of one flight.

    Args:
        containment: what :func:`choose_containment` chose.
        workspace: the flight's folders.
        environment: what the commands run with.
        tmp: their TMPDIR.
        relays: port of a server on 127.0.0.1 to the unix socket on which it listens too.
        sockets: further unix sockets that they may connect to.
        shown: further folders that they may read.
    """
    writable = (workspace.results_dir, workspace.repository, workspace.home, tmp)
    hidden = (workspace.flight, workspace.results_dir / "earlier")
    if containment == "none":
        return Unsandboxed(writable, hidden)
    mounts = environment_mounts(
        environment.python,
        prefix=environment.prefix,
        base_prefix=environment.base_prefix,
        read_only=shown,
        writable=writable,
        hidden=hidden,
        guarded=(workspace.lock,),
        sockets=sockets,
    )
    return Bubblewrap(mounts, relays)
