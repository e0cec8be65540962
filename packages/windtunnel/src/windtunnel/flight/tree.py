"""All processes that one command started, also those that left its session and outlived their parents.

Covered: children of any depth, daemons that called setsid, processes whose parent is gone (on Linux they become
children of this process, see prctl(2) PR_SET_CHILD_SUBREAPER) and recognised by their session, or by a marker in their
environment. Not covered: a process of another user (setuid), and one that is started through a service of the machine.

Where the command has a namespace of its own, its processes end all at once with the first process in there, and none
of them can leave it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from windtunnel.flight.workspace import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0
_PR_SET_CHILD_SUBREAPER = 36  # <sys/prctl.h>


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Make this process the parent of descendants whose own parent ends; a no-op where the system cannot."""
    if not sys.platform.startswith("linux"):
        yield
        return
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def stop_leftovers(marker: str) -> int:
    """End the processes that a flight with this ``marker`` left behind when it was killed, and return how many."""
    found = [process for process in psutil.process_iter() if _marker(process) == marker and process.pid != os.getpid()]
    _signal(found, signal.SIGKILL)
    psutil.wait_procs(found, timeout=_KILL_SECONDS)
    return len(found)


class Seen:
    """The living processes of a command at one moment; what costs more to find out is found out when it is asked for.

    Args:
        alive: the processes.
    """

    def __init__(self, alive: list[psutil.Process]) -> None:
        self._alive = alive

    @property
    def processes(self) -> int:
        """How many there are."""
        return len(self._alive)

    @cached_property
    def threads(self) -> int:
        """How many threads they have together."""
        return sum(_threads(process) for process in self._alive)

    @cached_property
    def memory_bytes(self) -> int:
        """The sum of their resident sizes; pages that processes share count once for each."""
        return sum(_resident(process) for process in self._alive)

    @cached_property
    def own_memory_bytes(self) -> int:
        """The sum of their shares of what is resident or swapped out; costs up to a tenth of a second for each GiB."""
        return sum(_share(process) for process in self._alive)


class ProcessTree:
    """The processes below ``root``, remembered from look to look.

    Args:
        root: process id of a child of this process that leads its own session.
        marker: value of the marker variable in the environment it was started with.
        namespace: its only child is the first process of a namespace, which a signal to either ends as a whole.
    """

    def __init__(self, root: int, marker: str, *, namespace: bool = False) -> None:
        self._root = root
        self._marker = marker
        self._namespace = namespace
        self._known: dict[int, psutil.Process] = {}
        with suppress(psutil.NoSuchProcess):
            self._known[root] = psutil.Process(root)

    def look(self) -> Seen:
        """Return the processes that live now."""
        """Return the processes that live now."""
        return Seen(self._look())

    def stop(self, *, grace_seconds: float = GRACE_SECONDS, urgent: Callable[[], bool] = lambda: False) -> int:
        """End every process of the tree: SIGTERM, then SIGKILL for what is left after the grace.

        Args:
            grace_seconds: how long a process may take to end by itself.
            urgent: asked again and again; once true, the grace is over.

        Returns:
            How many processes had to be signalled.
        """
        signalled: set[int] = set()
        deadline = time.monotonic() + grace_seconds
        while (alive := self._look()) and time.monotonic() < deadline and not urgent():
            asked = [process for process in alive if process.pid not in signalled and not self._holds(process)]
            _signal(asked, signal.SIGTERM)
            signalled.update(process.pid for process in alive)
            time.sleep(_POLL_SECONDS)
        deadline = time.monotonic() + _KILL_SECONDS
        while (alive := self._look()) and time.monotonic() < deadline:
            _signal(alive, signal.SIGKILL)
            signalled.update(process.pid for process in alive)
            time.sleep(_POLL_SECONDS)
        return len(signalled)

    def _holds(self, process: psutil.Process) -> bool:
        """Whether a process only holds the namespace, and would take the others with it before they came to an end."""
        with suppress(psutil.Error):
            return self._namespace and self._root in {process.pid, process.ppid()}
        return False

    def wait(self, seconds: float) -> None:
        """Give processes that outlive the root this long to end by themselves."""
        deadline = time.monotonic() + seconds
        while self._look() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)

    def _look(self) -> list[psutil.Process]:
        """Return the living processes of the tree, and bury the dead that became children of this process."""
        with suppress(psutil.Error):
            for process in psutil.Process().children(recursive=True):
                if process.pid not in self._known and self._belongs(process):
                    self._known[process.pid] = process
        alive = []
        for process in list(self._known.values()):
            try:
                dead = not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
                orphan = dead and process.pid != self._root and process.ppid() == os.getpid()
            except psutil.Error:
                dead, orphan = True, False
            if orphan:
                with suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
            if dead:
                del self._known[process.pid]
            else:
                alive.append(process)
        return alive

    def _belongs(self, process: psutil.Process) -> bool:
        try:
            if process.ppid() in self._known or os.getsid(process.pid) == self._root:
                return True
        except (psutil.Error, ProcessLookupError, PermissionError):
            return False
        return _marker(process) == self._marker


def _threads(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.num_threads()
    return 0


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _share(process: psutil.Process) -> int:
    """Return the proportional set size with its part of the swap; the resident size where the system does not tell."""
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_bytes().splitlines()
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith((b"Pss:", b"SwapPss:")))
    except (OSError, ValueError, IndexError):
        return _resident(process)


def _marker(process: psutil.Process) -> str | None:
    try:
        return process.environ().get(MARKER)
    except (psutil.Error, OSError):
        return None


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.Error):
            process.send_signal(number)
