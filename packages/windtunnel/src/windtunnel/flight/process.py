"""One command, run in a session of its own and watched until nothing of it is left."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError
from windtunnel.flight.limits import UNLIMITED, Exceeded, LimitWatch
from windtunnel.flight.log import LOG_LIMIT_BYTES, Log
from windtunnel.flight.sandbox.unsandboxed import Unsandboxed
from windtunnel.flight.tree import GRACE_SECONDS, ProcessTree
from windtunnel.flight.workspace import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from windtunnel.flight.limits import LimitName, Limits
    from windtunnel.flight.sandbox.launch import Launch, Sandbox

_POLL_SECONDS = 1.0  # a look costs milliseconds of a core that the flown code trains on
_LIMITED_POLL_SECONDS = 0.2  # in which a core fills half a GiB of memory, or starts some hundred processes
_FIRST_POLL_SECONDS = 0.02  # doubled until it is the other one, so that short commands are seen at all
# wandb's service process ends a moment after the process that it served
_SETTLE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What a running command looks like from outside.

    Attributes:
        seconds: since its start.
        memory_bytes: resident memory of its process tree now.
        last_line: the last line it wrote that is not empty.
    """

    seconds: float
    memory_bytes: int
    last_line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a command ended.

    Attributes:
        exit_code: what it returned; ``None`` if a signal ended it.
        signal: the signal that ended it, of its own or another's making; ``None`` if it returned.
        timed_out: the flight ended it at its time limit.
        interrupted: the flight ended it because the user asked.
        disk_full: its log could not be written any more.
        seconds: wall-clock time.
        peak_memory_bytes: highest resident memory of its process tree.
        leftover_processes: processes that outlived it and were ended.
        limit: the limit at which the flight ended it; empty if it kept them all.
        exceeded: what was seen of it then, and what to do; empty likewise.
    """

    exit_code: int | None
    signal: int | None
    timed_out: bool
    interrupted: bool
    disk_full: bool
    seconds: float
    peak_memory_bytes: int
    leftover_processes: int
    limit: LimitName = ""
    exceeded: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the command did its work, as far as its exit code says."""
        return self.exit_code == 0 and not (self.limit or self.timed_out or self.interrupted or self.disk_full)


def run_watched(
    argv: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    log: Path,
    timeout_seconds: float | None,
    interrupted: Callable[[], bool],
    urgent: Callable[[], bool],
    observe: Callable[[Sample], None],
    log_limit_bytes: int = LOG_LIMIT_BYTES,
    sandbox: Sandbox | None = None,
    limits: Limits = UNLIMITED,
) -> Outcome:
    """Run a command to its end, a limit or the user's interruption, and leave no process of it behind.

    Args:
        argv: program and arguments; no shell is involved.
        folder: working directory.
        environment: the whole environment, with the flight's marker in it.
        log: file for what it writes to stdout and stderr; overwritten.
        timeout_seconds: time limit; ``None`` is none but that of ``limits``.
        interrupted: asked about once a second; once true, the command is ended.
        urgent: once true, ended processes get no grace.
        observe: called about once a second with what the command looks like.
        log_limit_bytes: what is written beyond this is not logged.
        sandbox: what keeps it away from the machine; ``None`` is nothing.
        limits: what it may take of the machine.

    Raises:
        FlightError: the command could not be started.
    """
    started = time.monotonic()
    sandbox = sandbox or Unsandboxed()
    if timeout_seconds is not None:
        limits = replace(limits, seconds=min(timeout_seconds, limits.seconds or timeout_seconds))
    poll_limit = _POLL_SECONDS if limits == replace(UNLIMITED, seconds=limits.seconds) else _LIMITED_POLL_SECONDS
    with (
        sandbox.wrap(argv, folder=folder, environment=environment, limits=limits) as launch,
        LimitWatch(limits, writable=sandbox.writable, hidden=sandbox.hidden) as watch,
    ):
        child, output = _start(launch, argv[0], folder=folder, log=log, log_limit_bytes=log_limit_bytes)
        if not launch.namespace:
            _hold(child.pid, limits)
        tree = ProcessTree(child.pid, environment[MARKER], namespace=launch.namespace)
        peak = leftover = 0
        poll = _FIRST_POLL_SECONDS
        stopped = False
        exceeded: Exceeded | None = None
        observed = started
        try:
            while True:
                try:
                    child.wait(poll)
                    break
                except subprocess.TimeoutExpired:
                    now = time.monotonic()
                poll = min(2 * poll, poll_limit)
                seen = tree.look()
                exceeded = watch.look(seen, output_bytes=output.written, seconds=now - started)
                if exceeded is not None and exceeded.limit == "processes":
                    break  # before they are more
                peak = max(peak, seen.memory_bytes)
                if now - observed >= min(now - started, _POLL_SECONDS) / 2:
                    observe(Sample(now - started, seen.memory_bytes, output.last_line))
                    observed = now
                stopped = interrupted()
                if stopped or exceeded or output.disk_full:
                    break
        finally:
            if child.poll() is None:
                at_once = exceeded is not None and exceeded.limit != "time"
                tree.stop(grace_seconds=0 if at_once else GRACE_SECONDS, urgent=urgent)
            else:
                tree.wait(_SETTLE_SECONDS)
                leftover = tree.stop(urgent=urgent)
            child.wait()
            output.close()
        ended = launch.ended(child.returncode)
        if ended.processes and exceeded is None:
            exceeded = watch.too_many(ended.processes)
    if ended.trouble and not (stopped or exceeded):
        raise FlightError(f"{argv[0]} could not be started: {output.last_line or ended.trouble}")
    return Outcome(
        exit_code=ended.exit_code,
        signal=ended.signal,
        timed_out=exceeded is not None and exceeded.limit == "time",
        interrupted=stopped,
        disk_full=output.disk_full,
        seconds=time.monotonic() - started,
        peak_memory_bytes=peak,
        leftover_processes=leftover + ended.leftover,
        limit=exceeded.limit if exceeded else "",
        exceeded=exceeded.reason if exceeded else "",
    )


def _start(
    launch: Launch, name: str, *, folder: Path, log: Path, log_limit_bytes: int
) -> tuple[subprocess.Popen[bytes], Log]:
    try:
        output = Log(log, limit_bytes=log_limit_bytes)
        child = subprocess.Popen(
            launch.argv,
            cwd=folder,
            env=launch.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=launch.pass_fds,
        )
    except OSError as error:
        raise FlightError(f"{name} could not be started: {error.strerror} ({error.filename})") from error
    launch.started()
    if child.stdout is not None:
        output.follow(child.stdout)
    return child, output


def _hold(pid: int, limits: Limits) -> None:
    """Let the kernel hold a process and its children to what it can; only Linux does so from outside."""
    if limits.file_bytes is None or not sys.platform.startswith("linux"):
        return
    for name, value in limits.resources().items():
        number = getattr(resource, name)
        with suppress(OSError, ValueError):  # it has ended, or its limit is lower already
            resource.prlimit(pid, number, (value, value))
