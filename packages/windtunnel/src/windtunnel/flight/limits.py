"""What a command may take of the machine, and the watch that says when it takes more.

Memory is the resident size of its processes together, not their address space. Pages that processes share count once
for each, so before that ends a command its share of each page is added up instead (``Pss``, proc_pid_smaps(5)). What
lies in memory outside of any process, such as a segment that nothing has attached, is caught by the floor under what
the machine has left. Disk is what was written below the folders that a command may write to.
"""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import psutil

from windtunnel.flight.written import Written
from windtunnel.report.table import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from windtunnel.flight.tree import Seen

LimitName = Literal["", "memory", "processes", "disk", "output", "time"]

_GIB = 2**30
_PART_OF_MEMORY = 0.75
_HELD_PART = 10
_FEWER = "start fewer workers, and wait for those that were started"


def _memory_bytes() -> int:
    return min(12 * _GIB, int(_PART_OF_MEMORY * psutil.virtual_memory().total))


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits of one command; ``None`` is no limit. The numbers are chosen by us.

    Attributes:
        memory_bytes: resident size of its processes together.
        free_memory_bytes: what it must leave of the machine's memory, whoever takes it.
        processes: how many it may have at a time.
        threads: how many its processes may have together.
        disk_bytes: what it may add to the folders that it can write to.
        free_disk_bytes: what it must leave of their disks, whoever fills them; at most half of what is free at first.
        file_bytes: size of one file; writing more of it fails.
        output_bytes: what it may print, of which the log keeps less.
        seconds: wall-clock time.
    """

    memory_bytes: int | None = None
    free_memory_bytes: int | None = 256 * 2**20
    processes: int | None = 512
    threads: int | None = 8192
    disk_bytes: int | None = 20 * _GIB
    free_disk_bytes: int | None = _GIB
    file_bytes: int | None = 20 * _GIB
    output_bytes: int | None = _GIB
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} of the limits is {value}; give a number above 0, or None for no limit")

    @classmethod
    def of_this_machine(cls, *, memory_bytes: int | None = None) -> Self:
        """Return the limits of a sandboxed command here.

        Args:
            memory_bytes: left out, 12 GiB, or three quarters of the machine's memory if that is less.
        """
        return cls(memory_bytes=memory_bytes or _memory_bytes())

    def resources(self) -> dict[str, int]:
        """Return what the kernel can hold a process to, by the names of :mod:`resource`."""
        files = {} if self.file_bytes is None else {"RLIMIT_FSIZE": self.file_bytes}
        return {"RLIMIT_CORE": 0, **files}


UNLIMITED = Limits(
    free_memory_bytes=None,
    processes=None,
    threads=None,
    disk_bytes=None,
    free_disk_bytes=None,
    file_bytes=None,
    output_bytes=None,
)


@dataclass(frozen=True, slots=True)
class Exceeded:
    """A limit that a command did not keep.

    Attributes:
        limit: which.
        reason: what was seen, and what to do.
    """

    limit: LimitName
    reason: str


class LimitWatch:
    """Hold a command to its limits; a context manager, since the disk is looked at by a thread of its own.

    Args:
        limits: the limits.
        writable: the folders that the command may write to.
        hidden: folders below those that do not count, unless they hold a writable one.
    """

    def __init__(self, limits: Limits, *, writable: Iterable[Path] = (), hidden: Iterable[Path] = ()) -> None:
        self._limits = limits
        self._written = Written(writable, hidden=hidden)
        self._floors = {root: self._floor(root) for root in self._written.roots}
        self._next_held = 0.0

    def look(self, seen: Seen, *, output_bytes: int, seconds: float) -> Exceeded | None:
        """Say which limit is not kept, if one is not.

        Args:
            seen: the command's processes.
            output_bytes: what it printed so far.
            seconds: how long it runs.
        """
        return (
            self._processes(seen)
            or self._memory(seen)
            or self._disk()
            or self._output(output_bytes)
            or self._time(seconds)
        )

    def too_many(self, processes: int) -> Exceeded:
        """Return what there is to say of so many processes."""
        text = f"it had {processes} processes at a time, of the {self._limits.processes} that it may have"
        return Exceeded("processes", f"{text}; {_FEWER}")

    def _processes(self, seen: Seen) -> Exceeded | None:
        limits = self._limits
        if limits.processes is not None and seen.processes > limits.processes:
            return self.too_many(seen.processes)
        if limits.threads is not None and seen.threads > limits.threads:
            text = f"it had {seen.threads} threads at a time, of the {limits.threads} that it may have; {_FEWER}"
            return Exceeded("processes", text)
        return None

    def _memory(self, seen: Seen) -> Exceeded | None:
        most, floor = self._limits.memory_bytes, self._limits.free_memory_bytes
        remedy = "hold less at a time: a smaller model or batch, fewer workers, no copies of the data"
        if most is not None and seen.memory_bytes > most and (held := self._held(seen)) > most:
            text = f"its processes held {format_bytes(held)} of memory, of {format_bytes(most)} that they may; {remedy}"
            return Exceeded("memory", text)
        if floor is not None and (left := psutil.virtual_memory().available) < floor:
            text = (
                f"the machine had {format_bytes(left)} of memory left, while its processes held "
                f"{format_bytes(seen.memory_bytes)}; {remedy}, or give the machine more"
            )
            return Exceeded("memory", text)
        return None

    def _held(self, seen: Seen) -> int:
        """Return what the processes hold, or 0 where to look again would cost more than a small part of a core."""
        started = time.monotonic()
        if started < self._next_held:
            return 0
        held = seen.own_memory_bytes
        now = time.monotonic()
        self._next_held = now + _HELD_PART * (now - started)
        return held

    def _disk(self) -> Exceeded | None:
        most, written = self._limits.disk_bytes, self._written.bytes_written
        remedy = "write less: fewer checkpoints, no copies of the data"
        if most is not None and written > most:
            text = f"it wrote {format_bytes(written)} to the disk, of the {format_bytes(most)} that it may; {remedy}"
            return Exceeded("disk", text)
        for root, floor in self._floors.items():
            with suppress(OSError):
                if (left := shutil.disk_usage(root).free) < floor:
                    text = f"the disk of {root} had {format_bytes(left)} left; {remedy}, or free some of it"
                    return Exceeded("disk", text)
        return None

    def _output(self, output_bytes: int) -> Exceeded | None:
        most = self._limits.output_bytes
        if most is None or output_bytes <= most:
            return None
        return Exceeded("output", f"it printed more than {format_bytes(most)}; print less, and not in an endless loop")

    def _time(self, seconds: float) -> Exceeded | None:
        most = self._limits.seconds
        return Exceeded("time", f"still running after {most:g} s") if most is not None and seconds > most else None

    def _floor(self, root: Path) -> int:
        floor = self._limits.free_disk_bytes
        return 0 if floor is None else min(floor, shutil.disk_usage(root).free // 2)

    def __enter__(self) -> Self:
        if self._limits.disk_bytes is not None:
            self._written.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._written.stop()
