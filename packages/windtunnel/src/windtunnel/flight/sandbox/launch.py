"""What is really started for a command, and what it means when that ends."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from windtunnel.flight.limits import Limits

_SAID_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, as its sandbox tells.

    Attributes:
        exit_code: what it returned; ``None`` if a signal ended it.
        signal: the signal that ended it; ``None`` if it returned.
        leftover: processes that outlived it and went with the sandbox.
        trouble: why it was never started; empty if it was.
        processes: how many it had when that was too many and ended it; 0 otherwise.
    """

    exit_code: int | None
    signal: int | None
    leftover: int = 0
    trouble: str = ""
    processes: int = 0

    @classmethod
    def of(cls, returncode: int) -> Self:
        """Read a return code of :mod:`subprocess`, where a signal is a negative number."""
        return cls(returncode, None) if returncode >= 0 else cls(None, -returncode)


@dataclass(slots=True)
class Launch:
    """A command made ready; a context manager that takes back what was made for it.

    Attributes:
        argv: program and arguments that are really started.
        environment: the whole environment.
        namespace: whether all of its processes end with the one that is started, and no signal within reaches that.
        pass_fds: file descriptors that the started process inherits.
        says: file descriptor on which the sandbox tells how the command went.
        made: empty folders that were made as places to mount on.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]
    namespace: bool = False
    pass_fds: tuple[int, ...] = ()
    says: int | None = None
    made: list[Path] = field(default_factory=list)

    def started(self) -> None:
        """Let go of what only the started process needs; to be called once it runs."""
        for descriptor in self.pass_fds:
            os.close(descriptor)
        self.pass_fds = ()

    def ended(self, returncode: int) -> Ended:
        """Say how the command ended once nothing of it runs any more.

        Args:
            returncode: of the process that was started.
        """
        if self.says is None:
            return Ended.of(returncode)
        said = _said(self.says)
        if isinstance(count := said.get("processes"), int):
            return Ended(None, int(signal.SIGKILL), processes=count)
        trouble = "" if "started" in said else "the sandbox did not come to start it"
        trouble = str(said.get("error", trouble))
        status, leftover = said.get("ended"), said.get("leftover")
        if isinstance(status, int) and isinstance(leftover, int):
            with suppress(ValueError):
                ended = Ended.of(os.waitstatus_to_exitcode(status))
                return replace(ended, leftover=leftover, trouble=trouble)
        # the sandbox itself was ended; bubblewrap says by which signal as a shell does
        return replace(Ended.of(128 - returncode if returncode > 128 else returncode), trouble=trouble)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.started()
        if self.says is not None:
            os.close(self.says)
            self.says = None
        for folder in reversed(self.made):
            with suppress(OSError):
                folder.rmdir()


class Sandbox(Protocol):
    """What keeps a command away from the machine.

    Attributes:
        name: how reports call it.
        uncovered: what it does not keep a command from, one sentence each.
        writable: the folders in which a command may leave files.
        hidden: folders below ``writable`` of which it sees nothing.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def uncovered(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def writable(self) -> tuple[Path, ...]: ...  # noqa: D102

    @property
    def hidden(self) -> tuple[Path, ...]: ...  # noqa: D102

    def wrap(self, argv: Sequence[str], *, folder: Path, environment: Mapping[str, str], limits: Limits) -> Launch:
        """Make a command ready.

        Args:
            argv: program and arguments, as they would be started without a sandbox.
            folder: its working directory.
            environment: its whole environment.
            limits: those of them that the kernel can hold it to.
        """
        ...


def _said(descriptor: int) -> dict[str, object]:
    """Read what the sandbox told. The command could reach the other end, so nothing is taken for granted."""
    os.set_blocking(descriptor, False)
    try:
        text = os.read(descriptor, _SAID_BYTES)
    except OSError:
        return {}
    said: dict[str, object] = {}
    for line in text.splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            said.update(content)
    return said
