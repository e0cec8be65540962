from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.errors import FlightError
from windtunnel.flight.limits import Limits
from windtunnel.flight.process import Outcome, Sample, run_watched
from windtunnel.flight.tree import adopting_orphans, stop_leftovers
from windtunnel.flight.workspace import MARKER

if TYPE_CHECKING:
    from collections.abc import Callable

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
while not os.path.exists(sys.argv[1]) or not open(sys.argv[1]).read():
    time.sleep(0.01)
"""


def watch(tmp_path: Path, code: str, *arguments: str, **changes: Any) -> Outcome:
    given: dict[str, Any] = {
        "folder": tmp_path,
        "environment": {"PATH": os.environ["PATH"], MARKER: str(tmp_path)},
        "log": tmp_path / "log",
        "timeout_seconds": None,
        "interrupted": lambda: False,
        "urgent": lambda: False,
        "observe": lambda _sample: None,
    }
    with adopting_orphans():
        return run_watched([sys.executable, "-u", "-c", code, *arguments], **{**given, **changes})


def test_output_and_exit_code_are_kept(tmp_path: Path) -> None:
    outcome = watch(tmp_path, "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (outcome.exit_code, outcome.signal, outcome.succeeded) == (3, None, False)
    assert (tmp_path / "log").read_text() == "out\nerr\n"


def test_a_signal_is_told_from_an_exit_code(tmp_path: Path) -> None:
    outcome = watch(tmp_path, "import os; os.kill(os.getpid(), 11)")
    assert (outcome.exit_code, outcome.signal) == (None, signal.SIGSEGV)


def test_memory_of_the_whole_tree_counts(tmp_path: Path) -> None:
    hungry = "x = bytearray(60_000_000); import time; time.sleep(1.5)"
    code = f"import subprocess, sys\np = subprocess.Popen([sys.executable, '-c', {hungry!r}])\n{hungry}\np.wait()"
    samples: list[Sample] = []
    outcome = watch(tmp_path, code, observe=samples.append)
    assert outcome.peak_memory_bytes > 120_000_000
    assert max(sample.memory_bytes for sample in samples) == outcome.peak_memory_bytes


def test_the_last_line_is_seen_while_it_runs_progress_bars_included(tmp_path: Path) -> None:
    samples: list[Sample] = []
    watch(tmp_path, "import time; print('one\\n 10%\\r 20%', end=''); time.sleep(0.6)", observe=samples.append)
    assert samples[-1].last_line == "20%"


def test_warnings_are_passed_over(tmp_path: Path) -> None:
    code = """
import sys, time
print("epoch 1", flush=True)
print("/x/modeling.py:33: FutureWarning: old\\n  warnings.warn(", flush=True)
time.sleep(1.5)
"""
    samples: list[Sample] = []
    watch(tmp_path, code, observe=samples.append)
    assert samples[-1].last_line == "epoch 1"


def test_a_timeout_ends_the_tree(tmp_path: Path, gone: Callable[[int], bool]) -> None:
    code = "import os, time; print(os.getpid()); time.sleep(300)"
    outcome = watch(tmp_path, code, timeout_seconds=0.5)
    assert outcome.timed_out
    assert not outcome.succeeded
    assert gone(int((tmp_path / "log").read_text()))


def test_the_lower_of_two_time_limits_counts(tmp_path: Path) -> None:
    outcome = watch(tmp_path, "import time; time.sleep(300)", timeout_seconds=60, limits=Limits(seconds=0.5))
    assert (outcome.limit, outcome.timed_out, outcome.exceeded) == ("time", True, "still running after 0.5 s")


def test_too_much_memory_ends_the_command_at_once(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); x = bytearray(b'x') * 200_000_000; time.sleep(300)"
    outcome = watch(tmp_path, code, limits=Limits(memory_bytes=100 * 2**20))
    assert (outcome.limit, outcome.signal, outcome.succeeded) == ("memory", signal.SIGKILL, False)
    assert outcome.peak_memory_bytes > 100 * 2**20
    assert outcome.seconds < 8, "there is no grace for what goes on taking"


def test_memory_that_forked_processes_share_is_counted_once(tmp_path: Path) -> None:
    code = """
import gc, os, time
gc.freeze()
x = bytearray(b"x") * 150_000_000
children = [os.fork() for _ in range(2)]
time.sleep(1.5)
"""
    outcome = watch(tmp_path, code, limits=Limits(memory_bytes=300 * 2**20))
    assert outcome.succeeded, outcome.exceeded
    assert outcome.peak_memory_bytes > 500_000_000


def test_too_many_processes_end_the_command(tmp_path: Path, gone: Callable[[int], bool]) -> None:
    code = """
import subprocess, sys, time
sleepers = [subprocess.Popen(["sleep", "300"]) for _ in range(12)]
print(*[sleeper.pid for sleeper in sleepers])
time.sleep(300)
"""
    outcome = watch(tmp_path, code, limits=Limits(processes=10))
    assert outcome.limit == "processes"
    assert all(gone(int(pid)) for pid in (tmp_path / "log").read_text().split())


def test_too_much_output_ends_the_command(tmp_path: Path) -> None:
    code = "while True: print('x' * 9999)"
    outcome = watch(tmp_path, code, limits=Limits(output_bytes=20 * 2**20), log_limit_bytes=10_000)
    assert outcome.limit == "output"
    assert (tmp_path / "log").stat().st_size < 10_100


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere a limit cannot be set from outside")
def test_a_file_cannot_grow_beyond_its_limit_without_a_sandbox(tmp_path: Path) -> None:
    code = "import time; time.sleep(0.5); open('big', 'wb').write(bytes(20_000_000))"
    outcome = watch(tmp_path, code, limits=Limits(file_bytes=10_000_000))
    assert outcome.exit_code == 1
    assert "File too large" in (tmp_path / "log").read_text()


def test_a_command_is_looked_at_more_often_than_it_is_told_of(tmp_path: Path) -> None:
    samples: list[Sample] = []
    outcome = watch(tmp_path, "import time; time.sleep(4)", limits=Limits(), observe=samples.append)
    assert outcome.succeeded
    assert 4 <= len(samples) <= 15


def test_what_ignores_sigterm_is_killed_at_once_when_it_is_urgent(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(300)"
    started = time.monotonic()
    outcome = watch(tmp_path, code, timeout_seconds=0.5, urgent=lambda: True)
    assert outcome.signal == signal.SIGKILL
    assert time.monotonic() - started < 5


def test_a_daemon_that_left_its_session_does_not_outlive_the_command(
    tmp_path: Path, gone: Callable[[int], bool]
) -> None:
    outcome = watch(tmp_path, DAEMON, str(tmp_path / "pid"))
    assert outcome.exit_code == 0
    assert outcome.leftover_processes == 1
    assert gone(int((tmp_path / "pid").read_text()))


def test_an_interruption_ends_the_command(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()
    outcome = watch(tmp_path, "import time; time.sleep(300)", interrupted=stop.is_set)
    assert outcome.interrupted
    assert outcome.signal == signal.SIGTERM


def test_a_log_stops_growing_and_says_so(tmp_path: Path) -> None:
    outcome = watch(tmp_path, "for i in range(100_000): print('x' * 99)", log_limit_bytes=10_000)
    text = (tmp_path / "log").read_text()
    assert outcome.exit_code == 0
    assert text.endswith("[windtunnel: the log ends here, at 10000 bytes]\n")
    assert len(text) < 10_100


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full here")
def test_a_full_disk_ends_the_command(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    outcome = watch(tmp_path, "import time; print('x'); time.sleep(300)")
    assert outcome.disk_full
    assert not outcome.succeeded


def test_a_program_that_is_not_there_is_an_error_of_the_flight(tmp_path: Path) -> None:
    with pytest.raises(FlightError, match="could not be started"):
        watch(tmp_path, "", folder=tmp_path / "nowhere")


def test_leftovers_of_a_killed_flight_are_found_by_their_environment(
    tmp_path: Path, gone: Callable[[int], bool]
) -> None:
    pid = os.posix_spawn(
        sys.executable, [sys.executable, "-c", "import time; time.sleep(300)"], {MARKER: str(tmp_path)}
    )
    while Path(f"/proc/{pid}/environ").read_bytes().find(MARKER.encode()) < 0:
        time.sleep(0.01)
    assert stop_leftovers(str(tmp_path / "another")) == 0
    assert stop_leftovers(str(tmp_path)) == 1
    assert gone(pid)
