from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from windtunnel.flight.limits import UNLIMITED, Exceeded, Limits, LimitWatch

if TYPE_CHECKING:
    from pathlib import Path

MIB = 2**20


@dataclass
class Processes:
    """As much of a look at a command's processes as a watch reads."""

    processes: int = 1
    threads: int = 1
    memory_bytes: int = MIB
    own_memory_bytes: int = MIB


def look(limits: Limits, *, output_bytes: int = 0, seconds: float = 0.0, **seen: int) -> Exceeded | None:
    with LimitWatch(limits) as watch:
        return watch.look(Processes(**seen), output_bytes=output_bytes, seconds=seconds)  # type: ignore[arg-type]


def written(limits: Limits, write: Any, folder: Path, **given: Any) -> Exceeded | None:
    """Look at the disk until something is seen, or twice as long as a look should take."""
    with LimitWatch(limits, writable=[folder], **given) as watch:
        write()
        deadline = time.monotonic() + 3
        exceeded = None
        while exceeded is None and time.monotonic() < deadline:
            exceeded = watch.look(Processes(), output_bytes=0, seconds=0.0)  # type: ignore[arg-type]
            time.sleep(0.05)
    return exceeded


def test_what_keeps_its_limits_is_left_alone() -> None:
    assert look(Limits.of_this_machine()) is None


@pytest.mark.parametrize(
    ("limits", "seen", "name", "reason"),
    [
        ({"processes": 4}, {"processes": 5}, "processes", "it had 5 processes at a time, of the 4"),
        ({"threads": 4}, {"threads": 5}, "processes", "it had 5 threads at a time, of the 4"),
        (
            {"memory_bytes": MIB},
            {"memory_bytes": 3 * MIB, "own_memory_bytes": 2 * MIB},
            "memory",
            "its processes held 2 MiB of memory, of 1 MiB that they may",
        ),
        ({"output_bytes": MIB}, {"output_bytes": MIB + 1}, "output", "it printed more than 1 MiB"),
        ({"seconds": 1.5}, {"seconds": 1.6}, "time", "still running after 1.5 s"),
    ],
)
def test_each_limit_says_what_was_seen(limits: Any, seen: Any, name: str, reason: str) -> None:
    exceeded = look(Limits(**limits), **seen)
    assert exceeded is not None
    assert exceeded.limit == name
    assert exceeded.reason.startswith(reason)


def test_memory_that_processes_share_counts_once() -> None:
    assert look(Limits(memory_bytes=2 * MIB), memory_bytes=8 * MIB, own_memory_bytes=MIB) is None


def test_a_machine_without_memory_is_left_some() -> None:
    exceeded = look(Limits(free_memory_bytes=2 * psutil.virtual_memory().total))
    assert exceeded is not None
    assert exceeded.limit == "memory"
    assert exceeded.reason.startswith("the machine had ")


def test_what_was_there_before_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(os.urandom(4 * MIB))
    limits = Limits(disk_bytes=2 * MIB)
    assert written(limits, lambda: None, tmp_path) is None
    exceeded = written(limits, lambda: (tmp_path / "new").write_bytes(os.urandom(3 * MIB)), tmp_path)
    assert exceeded is not None
    assert exceeded.limit == "disk"
    assert exceeded.reason.startswith("it wrote 3 MiB to the disk, of the 2 MiB that it may; write less")


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    def write() -> None:
        (tmp_path / "one").write_bytes(os.urandom(MIB))
        (tmp_path / "two").hardlink_to(tmp_path / "one")

    assert written(Limits(disk_bytes=MIB + MIB // 2), write, tmp_path) is None


def test_links_are_not_followed_and_hidden_folders_do_not_count(tmp_path: Path) -> None:
    results, outside = tmp_path / "results", tmp_path / "outside"
    (results / "flight").mkdir(parents=True)
    outside.mkdir()

    def write() -> None:
        (results / "flight" / "recorder.sqlite").write_bytes(os.urandom(2 * MIB))
        (outside / "file").write_bytes(os.urandom(2 * MIB))
        (results / "link").symlink_to(outside)

    assert written(Limits(disk_bytes=MIB), write, results, hidden=[results / "flight"]) is None


def test_a_writable_folder_below_a_hidden_one_counts(tmp_path: Path) -> None:
    copy = tmp_path / "flight" / "work"
    copy.mkdir(parents=True)
    limits = Limits(disk_bytes=MIB)
    with LimitWatch(limits, writable=[tmp_path, copy], hidden=[tmp_path / "flight"]) as watch:
        (copy / "file").write_bytes(os.urandom(2 * MIB))
        deadline = time.monotonic() + 10
        while not (exceeded := watch.look(Processes(), output_bytes=0, seconds=0.0)):  # type: ignore[arg-type]
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert exceeded.reason.startswith("it wrote 2 MiB")


def test_a_disk_that_fills_is_left_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from windtunnel.flight import limits as module

    free = [100 * MIB]
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: type("Usage", (), {"free": free[0]}))
    with LimitWatch(Limits(), writable=[tmp_path]) as watch:
        assert watch.look(Processes(), output_bytes=0, seconds=0.0) is None  # type: ignore[arg-type]
        free[0] = 49 * MIB
        exceeded = watch.look(Processes(), output_bytes=0, seconds=0.0)  # type: ignore[arg-type]
    assert exceeded == Exceeded(
        "disk",
        f"the disk of {tmp_path} had 49 MiB left; write less: fewer checkpoints, no copies of the data, "
        "or free some of it",
    )


def test_a_limit_below_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="processes of the limits is 0"):
        Limits(processes=0)


def test_the_memory_of_this_machine_bounds_the_default() -> None:
    most = Limits.of_this_machine().memory_bytes
    assert most == min(12 * 2**30, int(0.75 * psutil.virtual_memory().total))


def test_no_limits_hold_nothing() -> None:
    seen = {"processes": 10**6, "threads": 10**6, "memory_bytes": 2**50, "own_memory_bytes": 2**50}
    assert look(UNLIMITED, output_bytes=2**50, seconds=1e9, **seen) is None
    assert "RLIMIT_FSIZE" not in UNLIMITED.resources()
