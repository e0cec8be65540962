"""Every repository of tests/flight/hostile is contained.

Where it is safe, the same repository is also flown unsandboxed, to show that it does get at what it is after when
nothing keeps it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windtunnel.flight.limits import Limits
from windtunnel.flight.sandbox import bubblewrap_trouble
from windtunnel.report.failure import explain

if TYPE_CHECKING:
    from .conftest import Flown, Range

pytestmark = pytest.mark.skipif(bool(bubblewrap_trouble()), reason=bubblewrap_trouble())

MIB = 2**20


def reached(flown: Flown) -> set[str]:
    return {attempt["tried"] for attempt in flown.reached}


def assert_contained(flown: Flown, *, attempts: int, exit_code: int | None = 0) -> None:
    """It came to its end and tried what it should, and nothing of that went well."""
    assert flown.reached == []
    assert len(flown.attempts) >= attempts, flown.output
    assert flown.outcome.exit_code == exit_code, flown.output
    assert "Traceback" not in flown.output


def explained(flown: Flown, range_: Range) -> str:
    return explain(flown.outcome, range_.folder / "log", timeout_seconds=None)


# limits


def test_a_fork_bomb_is_ended_by_the_number_of_processes(range_: Range) -> None:
    flown = range_.fly("fork_bomb", limits=Limits(processes=100))
    assert flown.outcome.limit == "processes"
    assert flown.outcome.seconds < 30
    assert "of the 100 that it may have; start fewer workers" in explained(flown, range_)


def test_a_thread_bomb_is_ended_by_the_number_of_threads(range_: Range) -> None:
    flown = range_.fly("thread_bomb", limits=Limits(threads=300))
    assert flown.outcome.limit == "processes" or "can't start new thread" in flown.output
    assert "all started" not in flown.output


def test_a_huge_allocation_is_ended_by_the_memory_of_all_processes_together(range_: Range) -> None:
    flown = range_.fly("huge_allocation", limits=Limits(memory_bytes=400 * MIB))
    assert flown.outcome.limit == "memory"
    assert flown.outcome.signal == 9
    assert "of 400 MiB that they may; hold less at a time" in explained(flown, range_)
    assert "all held" not in flown.output


def test_files_in_memory_have_a_size_and_no_other_folder_takes_any(range_: Range) -> None:
    flown = range_.fly("memory_files", range_.sandbox(tmpfs_bytes=32 * MIB))
    assert_contained(flown, attempts=9)
    assert "No space left" in flown.reason("/dev/shm")  # noqa: S108
    assert "No space left" in flown.reason("/tmp")  # noqa: S108
    assert all("No space left" not in flown.reason(folder) for folder in ("/", "/dev", "/run", "/root", "/etc"))


def test_a_full_disk_is_ended_by_what_was_written(range_: Range) -> None:
    flown = range_.fly("disk_filler", limits=Limits(disk_bytes=60 * MIB))
    assert flown.outcome.limit == "disk"
    assert "of the 60 MiB that it may; write less" in explained(flown, range_)
    assert "all written" not in flown.output


def test_a_file_cannot_grow_beyond_its_limit(range_: Range) -> None:
    flown = range_.fly("huge_file", limits=Limits(file_bytes=20 * MIB))
    assert_contained(flown, attempts=3)
    assert all("File too large" in attempt["failed"] for attempt in flown.attempts)
    assert sum(path.stat().st_size for path in range_.results.glob("*") if path.is_file()) < 41 * MIB


def test_endless_output_is_ended_and_the_log_is_short(range_: Range) -> None:
    flown = range_.fly("endless_output", limits=Limits(output_bytes=100 * MIB), log_limit_bytes=MIB)
    assert flown.outcome.limit == "output"
    assert len(flown.output) < 1.1 * MIB
    assert "printed more than 100 MiB" in explained(flown, range_)


def test_a_daemon_does_not_outlive_the_command(range_: Range) -> None:
    flown = range_.fly("daemon")
    assert flown.outcome.exit_code == 0
    assert flown.outcome.leftover_processes == 1
    last = (range_.results / "heartbeat").read_text()
    time.sleep(0.3)
    assert (range_.results / "heartbeat").read_text() == last


# network


def test_nothing_leaves_over_tcp_udp_or_dns(range_: Range) -> None:
    with range_.listeners() as heard:
        flown = range_.fly("egress")
        assert_contained(flown, attempts=25)
        assert heard == []
        address = range_.targets["address"]
        assert {f"TCP to {address}", f"DNS at {address}"} <= reached(range_.fly("egress", range_.unsandboxed()))
    assert flown.outcome.seconds < 20, "a name or an address that cannot be reached should fail at once"


def test_the_machines_own_servers_are_out_of_reach(range_: Range) -> None:
    with range_.listeners() as heard:
        flown = range_.fly("host_loopback")
        assert_contained(flown, attempts=14)
        assert heard == []
        unsandboxed = range_.fly("host_loopback", range_.unsandboxed())
    expected = {"TCP to localhost", "UDP to 127.0.0.1", "abstract unix socket", "unix socket"}
    assert expected <= reached(unsandboxed)


# files


def test_keys_are_not_there(range_: Range) -> None:
    assert_contained(range_.fly("reads_keys"), attempts=15)
    assert {"the user's key", "the folder of keys"} <= reached(range_.fly("reads_keys", range_.unsandboxed()))


def test_tokens_are_in_no_environment(range_: Range) -> None:
    with range_.bystander():
        assert_contained(range_.fly("reads_environment"), attempts=4)
        unsandboxed = range_.fly("reads_environment", range_.unsandboxed())
        assert f"process {range_.targets['bystander']}" in reached(unsandboxed)


def test_links_lead_nowhere(range_: Range) -> None:
    flown = range_.fly("symlink_escape")
    overwriting = "write through a link"
    # where there is no such folder inside, there is no file to overwrite
    assert "No such file" in flown.reason(overwriting)
    assert_contained(flown, attempts=8)
    assert Path(range_.targets["victim"]).read_text() == "as it was"
    assert (range_.results / "earlier" / "report.json").exists()
    for link in range_.results.iterdir():
        if link.is_symlink():
            link.unlink()
    unsandboxed = reached(range_.fly("symlink_escape", range_.unsandboxed()))
    assert {"read through a link", overwriting, "the same, renamed"} <= unsandboxed


def test_no_second_name_is_given_to_a_file_outside(range_: Range) -> None:
    assert_contained(range_.fly("hardlink_escape"), attempts=8)
    assert all(path.stat().st_nlink == 1 for path in range_.results.rglob("*") if path.is_file())
    unsandboxed = reached(range_.fly("hardlink_escape", range_.unsandboxed()))
    assert {"the victim", "a module of the environment", "the reviewer's report"} <= unsandboxed


def test_the_original_repository_stays_as_it_is(range_: Range) -> None:
    def tree() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in range_.original.rglob("*") if path.is_file()}

    before = tree()
    range_.targets["original"] = str(range_.original)
    assert_contained(range_.fly("writes_original"), attempts=7)
    assert tree() == before
    assert range_.fly("writes_original", range_.unsandboxed()).reached
    assert tree() != before


def test_the_reviewers_files_are_neither_seen_nor_changed(range_: Range) -> None:
    kept = [range_.workspace.report, range_.workspace.database, range_.results / "earlier" / "report.json"]
    kept.append(range_.results / ".windtunnel.lock")
    before = [path.read_bytes() for path in kept]
    assert_contained(range_.fly("forges_results"), attempts=20)
    assert [path.read_bytes() for path in kept] == before
    assert sorted(path.name for path in range_.workspace.work.iterdir()) == ["home", "hub", "repository", "tmp"]
    assert len(range_.fly("forges_results", range_.unsandboxed()).reached) > 10
    assert not range_.workspace.report.exists()


def test_nothing_is_left_for_the_next_time(range_: Range) -> None:
    assert_contained(range_.fly("persists"), attempts=26)
    unsandboxed = reached(range_.fly("persists", range_.unsandboxed()))
    assert {"the environment", "a module of the environment", "an editable source"} <= unsandboxed


# processes and the kernel


def test_processes_outside_are_neither_traced_nor_signalled(range_: Range) -> None:
    with range_.bystander() as bystander:
        assert_contained(range_.fly("ptrace_outside"), attempts=7)
        assert bystander.poll() is None
        unsandboxed = reached(range_.fly("ptrace_outside", range_.unsandboxed()))
        assert {"look for the bystander", "signal the bystander", "list the reviewer's files"} <= unsandboxed
        bystander.wait(20)


def test_nobody_outside_is_killed(range_: Range) -> None:
    with range_.bystander() as bystander, range_.listeners():
        relays = {range_.targets["tcp"]: Path(range_.targets["socket"])}
        flown = range_.fly("kills_everyone", range_.sandbox(relays=relays))
        assert_contained(flown, attempts=5)
        assert "still here" in flown.output
        assert bystander.poll() is None


def test_no_further_namespace_or_mount_is_made(range_: Range) -> None:
    assert_contained(range_.fly("unshares"), attempts=18)


def test_proc_leads_nowhere_and_the_kernel_keeps_its_settings(range_: Range) -> None:
    with range_.bystander():
        flown = range_.fly("proc_escape")
        assert_contained(flown, attempts=18)
        unsandboxed = reached(range_.fly("proc_escape", range_.unsandboxed()))
    bystander = range_.targets["bystander"]
    assert {f"files of {bystander}", f"environment of {bystander}", "more processes than its own"} <= unsandboxed


def test_devices_and_rare_system_calls_are_refused(range_: Range) -> None:
    flown = range_.fly("devices")
    assert_contained(flown, attempts=20)
    assert "Address family not supported" in flown.reason("vsock to the host")
    assert "Function not implemented" in flown.reason("io_uring")


def test_a_command_cannot_say_how_it_went_in_the_sandboxs_name(range_: Range) -> None:
    assert_contained(range_.fly("forges_status"), attempts=38, exit_code=3)


@pytest.mark.parametrize("name", sorted(path.stem for path in Path(__file__).parents[1].glob("hostile/*.py")))
def test_every_hostile_repository_has_its_test(name: str) -> None:
    assert name == "attempts" or f'fly("{name}"' in Path(__file__).read_text()
