"""A sandbox made by bubblewrap (https://github.com/containers/bubblewrap), with or without root's rights.

Covered: files (the same paths as outside, of which only those of :class:`Mounts` and the system's programs exist),
the network (a loopback device of its own, on which two ports lead to the servers), other processes (neither seen nor
signalled), the user's environment and keyrings, capabilities, further namespaces, the kernel's settings, and all
processes end with the command. Not covered: :attr:`Bubblewrap.uncovered`. GPUs are handed through where there are any,
which is untested.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError
from windtunnel.flight.sandbox import launcher
from windtunnel.flight.sandbox.launch import Launch
from windtunnel.flight.sandbox.mounts import Place, places
from windtunnel.flight.sandbox.namespaces import ids, namespaces
from windtunnel.flight.sandbox.seccomp import seccomp_filter
from windtunnel.flight.sandbox.system import TMPFS_BYTES, gpu_devices, system_arguments, system_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windtunnel.flight.limits import Limits
    from windtunnel.flight.sandbox.mounts import Mounts

SETTLE_SECONDS = 2.0  # wandb's service process ends a moment after the process that it served
_LAUNCHER = "/run/windtunnel/launcher.py"
_COUNTED_BY_NAMESPACE = (5, 14)  # the first kernel in which RLIMIT_NPROC is, see user_namespaces(7)
_HIDDEN_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """Start commands in namespaces of their own.

    Attributes:
        mounts: what they see of the file system.
        relays: port on 127.0.0.1, inside as outside, to the unix socket on which the same server listens.
        settle_seconds: how long processes may outlive the command; then they end with the sandbox.
        tmpfs_bytes: size of /tmp and of /dev/shm, each.
    """

    mounts: Mounts
    relays: Mapping[int, Path] = field(default_factory=dict)
    settle_seconds: float = SETTLE_SECONDS
    tmpfs_bytes: int = TMPFS_BYTES

    @property
    def name(self) -> str:
        """``bubblewrap``."""
        return "bubblewrap"

    @property
    def writable(self) -> tuple[Path, ...]:
        """Where a command may leave files."""
        return self.mounts.writable

    @property
    def hidden(self) -> tuple[Path, ...]:
        """What it does not see of those."""
        return self.mounts.hidden

    @property
    def uncovered(self) -> tuple[str, ...]:
        """What this sandbox does not keep a command from."""
        sentences = [
            "faults of the kernel, which it shares with the machine",
            "side channels: caches, timing, the load and the hardware of the machine, which it can measure",
            "processor time and the bandwidth of memory and disk, which it takes from its neighbours",
            "memory, processes and disk are looked at several times a second: what is quicker is seen late",
            "faults of the two servers, with which it talks",
            "what lies in the interpreter, the environment, the editable sources and /usr can be read",
        ]
        if gpu_devices():
            sentences.append("the GPUs are handed through, with their drivers and their memory, which is untested")
        if os.geteuid() == 0:
            sentences.append("windtunnel runs as root, so the kernel takes its files for root's")
        if not seccomp_filter():
            sentences.append("system calls are not filtered on this kind of machine")
        return tuple(sentences)

    def wrap(self, argv: Sequence[str], *, folder: Path, environment: Mapping[str, str], limits: Limits) -> Launch:
        """Make a command ready to be started in the sandbox.

        Raises:
            FlightError: bubblewrap is not there, or a path of the mounts cannot be shown.
        """
        program = shutil.which("bwrap")
        if program is None:
            raise FlightError("bubblewrap is not installed here; install it with: apt-get install bubblewrap")
        steps = places(self.mounts)
        launch = Launch((), dict(environment), namespace=True)
        try:
            says = _way_back(launch)
            launch.argv = (
                program,
                *namespaces(program),
                "--as-pid-1",
                *system_arguments(tmpfs_bytes=self.tmpfs_bytes),
                *_made_files(launch, environment.get("HOME", "/")),
                *(word for port, path in self.relays.items() for word in ("--ro-bind", str(path), _inside(port))),
                *(word for place in steps for word in _place(place, launch)),
                *(word for place in steps if place.kind == "hidden" for word in ("--remount-ro", str(place.path))),
                *("--remount-ro", "/dev", "--remount-ro", "/"),
                *(("--seccomp", _file(launch, calls)) if (calls := seccomp_filter()) else ()),
                *("--chdir", str(folder), "--", str(self.mounts.python), "-I", "-S", _LAUNCHER),
                str(says),
                _list(_resources(limits)),
                str(limits.processes or 0),
                _list({str(port): _inside(port) for port in self.relays}),
                str(self.settle_seconds),
                *argv,
            )
        except BaseException:
            launch.__exit__()
            raise
        return launch


def _inside(port: int) -> str:
    """Return where the socket that a port leads to is inside: a short path, wherever it is outside."""
    return f"/run/windtunnel/{port}"


def _made_files(launch: Launch, home: str) -> list[str]:
    files = {**system_files(*ids(), home), _LAUNCHER: Path(launcher.__file__).read_text(encoding="utf-8")}
    return [word for path, text in files.items() for word in ("--ro-bind-data", _file(launch, text), path)]


def _resources(limits: Limits) -> dict[str, int]:
    resources = limits.resources()
    # root is not held to it, and older kernels count what the user runs outside of the namespace too
    if limits.threads is not None and os.geteuid() != 0 and _kernel() >= _COUNTED_BY_NAMESPACE:
        resources["RLIMIT_NPROC"] = limits.threads
    return resources


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", platform.release())[:2])


def _place(place: Place, launch: Launch) -> list[str]:
    path = str(place.path)
    if place.kind == "link":
        return ["--symlink", place.target, path]
    if place.kind == "read-only":
        return ["--ro-bind", path, path]
    if place.kind == "writable":
        return ["--bind", path, path]
    if not place.path.exists():
        # bubblewrap would make it, and leave it behind
        place.path.mkdir()
        launch.made.append(place.path)
    return ["--size", str(_HIDDEN_BYTES), "--perms", "0555", "--tmpfs", path]


def _file(launch: Launch, content: str | bytes) -> str:
    """Return the number of a file descriptor from which the started process reads ``content``."""
    descriptor = os.memfd_create("windtunnel")
    launch.pass_fds += (descriptor,)
    os.write(descriptor, content.encode() if isinstance(content, str) else content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return str(descriptor)


def _way_back(launch: Launch) -> int:
    """Return the file descriptor on which the started process can tell something."""
    launch.says, write = os.pipe()
    launch.pass_fds += (write,)
    return write


def _list(pairs: Mapping[str, object]) -> str:
    return ",".join(f"{name}={value}" for name, value in pairs.items()) or "-"
