from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from windtunnel.errors import FlightError
from windtunnel.flight.limits import UNLIMITED
from windtunnel.flight.sandbox import Bubblewrap, bubblewrap_trouble, environment_mounts
from windtunnel.loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from .conftest import Range

pytestmark = pytest.mark.skipif(bool(bubblewrap_trouble()), reason=bubblewrap_trouble())


def told(range_: Range, expression: str, **changes: object) -> object:
    flown = range_.fly(f"import json, os, sys\nprint(json.dumps({expression}))", **changes)  # type: ignore[arg-type]
    assert flown.outcome.succeeded, flown.output
    return json.loads(flown.output)


def echo(name: str) -> LoopbackServer:
    async def answer(request: Request) -> PlainTextResponse:
        return PlainTextResponse(f"{name} {request.url} {len(await request.body())}")

    return LoopbackServer(Starlette(routes=[Route("/", answer, methods=["GET", "PUT"])]), name=name)


def test_paths_folder_and_arguments_are_those_of_outside(range_: Range) -> None:
    expression = "[os.getcwd(), os.environ['HOME'], os.environ['TMPDIR'], sys.executable, sys.prefix, sys.argv[2]]"
    assert told(range_, expression) == [
        str(range_.workspace.repository),
        str(range_.workspace.home),
        str(range_.tmp),
        sys.executable,
        sys.prefix,
        f"results_dir={range_.results}",
    ]


def test_the_environment_is_the_one_that_was_given_and_nothing_else(range_: Range) -> None:
    given = {**range_.variables(), "ONLY": "this = that\n", "LC_ALL": "C.UTF-8"}
    assert told(range_, "dict(os.environ)", environment=given) == given


def test_what_is_written_is_there_outside(range_: Range) -> None:
    range_.fly(
        f"""
        import os, pathlib, tempfile
        for folder in (".", os.environ["HOME"], {str(range_.results)!r}, tempfile.gettempdir()):
            pathlib.Path(folder, "made").write_text(folder)
    """.replace("\n        ", "\n")
    )
    for folder in (range_.workspace.repository, range_.workspace.home, range_.results, range_.tmp):
        assert (folder / "made").exists()


def test_a_short_link_to_the_folder_for_temporary_files_leads_there_inside(range_: Range, tmp_path: Path) -> None:
    link = tmp_path / "t"
    link.symlink_to(range_.workspace.work / "tmp")
    range_.tmp = link
    assert told(range_, "[os.environ['TMPDIR'], os.path.realpath(os.environ['TMPDIR'])]") == [
        str(link),
        str(range_.workspace.work / "tmp"),
    ]


def test_exit_codes_and_signals_are_the_commands_own(range_: Range) -> None:
    assert range_.fly("raise SystemExit(5)").outcome.exit_code == 5
    ended = range_.fly("import os; os.kill(os.getpid(), 11)").outcome
    assert (ended.exit_code, ended.signal) == (None, signal.SIGSEGV)
    # what a shell makes of a signal is an exit code like any other
    assert range_.fly("raise SystemExit(139)").outcome.exit_code == 139


def test_nothing_of_the_machine_shows_that_is_not_named(range_: Range) -> None:
    assert told(range_, "sorted(os.listdir(os.environ['HOME'] + '/../../../..'))") == sorted(
        {path.name for path in range_.folder.iterdir()} - {"user", "original", "log"}
    )
    assert told(range_, "[p for p in os.listdir('/proc') if p.isdigit()]") == ["1", "2"]


def test_the_user_has_a_name_and_the_machine_another(range_: Range) -> None:
    expression = "[__import__('getpass').getuser(), __import__('socket').gethostname(), os.path.expanduser('~')]"
    assert told(range_, expression) == ["flight", "windtunnel", str(range_.workspace.home)]


def test_what_an_experiment_uses_of_the_system_works(range_: Range) -> None:
    code = """
import multiprocessing, pathlib, socket, ssl, subprocess, sys, tempfile, time, zoneinfo
from concurrent.futures import ProcessPoolExecutor

def double(number):
    return 2 * number

if __name__ == "__main__":
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(double, range(4))) == [0, 2, 4, 6]
    with multiprocessing.Manager() as manager:
        assert manager.dict(a=1)["a"] == 1
    assert multiprocessing.cpu_count() >= 1
    assert subprocess.check_output(["sh", "-c", "echo $((1 + 1))"]) == b"2\\n"
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    ssl.create_default_context()
    assert socket.gethostbyname(socket.gethostname()) == "127.0.0.1"
    with socket.create_server(("localhost", 0)) as server, socket.create_connection(server.getsockname()):
        server.accept()[0].close()
    print("all of it")
"""
    flown = range_.fly(code)
    assert flown.output == "all of it\n"


def test_requests_reach_the_servers_at_the_ports_of_outside(range_: Range) -> None:
    code = """
import urllib.request
for url in {urls!r}:
    request = urllib.request.Request(url, data=bytes(3_000_000), method="PUT")
    print(urllib.request.urlopen(request).read().decode())
"""
    hub, recorder = echo("hub"), echo("recorder")
    sockets = [range_.folder / ("a long name of a folder " * 5) / name for name in ("hub", "recorder")]
    sockets[0].parent.mkdir()
    hub.listen_on(sockets[0])
    recorder.listen_on(sockets[1])
    with hub, recorder:
        urls = [f"{hub.url}/", f"{recorder.url}/", f"http://localhost:{hub.port}/"]
        sandbox = range_.sandbox(relays={hub.port: sockets[0], recorder.port: sockets[1]})
        started = time.monotonic()
        flown = range_.fly(code.format(urls=urls), sandbox)
    lines = flown.output.splitlines()
    assert [line.split()[0] for line in lines] == ["hub", "recorder", "hub"]
    assert all(line.endswith(" 3000000") for line in lines)
    assert time.monotonic() - started < 20, "localhost should not wait for an address that is not there"
    assert not sockets[0].exists()


def test_many_connections_at_once_are_passed_on(range_: Range) -> None:
    code = """
import concurrent.futures, http.client
def ask(_):
    connection = http.client.HTTPConnection("127.0.0.1", {port})
    for _ in range(5):
        connection.request("PUT", "/", body=b"x" * 1000)
        assert connection.getresponse().read().endswith(b" 1000")
    connection.close()
with concurrent.futures.ThreadPoolExecutor(16) as pool:
    list(pool.map(ask, range(64)))
print("done")
"""
    server = echo("hub")
    server.listen_on(range_.folder / "s")
    with server:
        flown = range_.fly(code.format(port=server.port), range_.sandbox(relays={server.port: range_.folder / "s"}))
    assert flown.output == "done\n"


def test_a_server_that_is_gone_is_a_connection_that_ends(range_: Range) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(range_.folder / "s"))
    listener.close()
    code = "import socket; print(socket.create_connection(('127.0.0.1', 45671)).recv(1))"
    flown = range_.fly(code, range_.sandbox(relays={45671: range_.folder / "s"}))
    assert "b''" in flown.output or "ConnectionResetError" in flown.output


def test_a_socket_that_is_shown_is_connected_to_by_its_path(range_: Range) -> None:
    path = range_.folder / "observer"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        heard: list[bytes] = []

        def hear() -> None:
            with listener.accept()[0] as connection:
                heard.append(connection.recv(16))

        thread = threading.Thread(target=hear, daemon=True)
        thread.start()
        code = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); s.sendall(b'seen')"
        flown = range_.fly(code, Bubblewrap(range_.mounts(sockets=[path])))
        thread.join(10)
    assert flown.outcome.succeeded, flown.output
    assert heard == [b"seen"]


def test_another_environment_is_flown_with_its_own_interpreter(range_: Range, tmp_path: Path) -> None:
    prefix = tmp_path / "project environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    library = next(prefix.glob("lib/python3*/site-packages"))
    source = tmp_path / "elsewhere"
    source.mkdir()
    (source / "of_the_project.py").write_text("VALUE = 7")
    (library / "project.pth").write_text(f"{source}\n")
    python = prefix / "bin" / "python"
    mounts = environment_mounts(
        python,
        prefix=prefix,
        base_prefix=Path(sys.base_prefix),
        writable=[range_.workspace.repository, range_.results],
        hidden=[range_.workspace.flight],
    )
    range_.write("")
    with Bubblewrap(mounts).wrap(
        [str(python), "-c", "import of_the_project, sys; print(sys.prefix, of_the_project.VALUE)"],
        folder=range_.workspace.repository,
        environment={},
        limits=UNLIMITED,
    ) as launch:
        printed = subprocess.run(
            launch.argv, env={}, pass_fds=launch.pass_fds, capture_output=True, text=True, check=True
        )
    assert printed.stdout == f"{prefix} 7\n"


def test_a_hidden_folder_that_was_not_there_is_not_left_behind(range_: Range) -> None:
    shutil.rmtree(range_.results / "earlier")
    flown = range_.fly("import os, sys; os.mkdir(sys.argv[2].partition('=')[2] + '/earlier/x')")
    assert "Read-only file system" in flown.output or "Permission denied" in flown.output
    assert not (range_.results / "earlier").exists()


def test_a_program_that_is_not_there_is_an_error_of_the_flight(range_: Range) -> None:
    range_.write("")
    sandbox = range_.sandbox()

    class Other(Bubblewrap):
        def wrap(self, argv, **given):  # type: ignore[no-untyped-def]
            return sandbox.wrap(["/nowhere/python"], **given)

    with pytest.raises(FlightError, match=r"could not be started: .*No such file or directory"):
        range_.fly("", Other(range_.mounts()))


def test_what_bubblewrap_cannot_mount_is_an_error_of_the_flight(range_: Range) -> None:
    with pytest.raises(FlightError, match=r"could not be started: bwrap: .*nowhere"):
        range_.fly("", range_.sandbox(relays={45672: Path("/nowhere")}))


def test_a_command_that_is_asked_to_end_may_finish_what_it_does(range_: Range) -> None:
    code = """
import os, pathlib, signal, sys, time
def end(*_):
    time.sleep(0.3)
    print("came to an orderly end", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(300)
"""
    flown = range_.fly(code, timeout_seconds=1.5)
    assert flown.output == "up\ncame to an orderly end\n"
    assert flown.outcome.limit == "time"
    assert flown.outcome.timed_out
    assert not flown.outcome.succeeded


def test_processes_that_end_soon_after_the_command_may_do_so(range_: Range) -> None:
    code = """
import os, sys, time
if os.fork() == 0:
    time.sleep(0.5)
    open(sys.argv[2].partition("=")[2] + "/late", "w").close()
"""
    outcome = range_.fly(code).outcome
    assert (outcome.exit_code, outcome.leftover_processes) == (0, 0)
    assert (range_.results / "late").exists()


KILLED = """
import sys
from pathlib import Path
from windtunnel.flight.limits import Limits
from windtunnel.flight.process import run_watched
from windtunnel.flight.sandbox import Bubblewrap, environment_mounts
folder = Path(sys.argv[1])
mounts = environment_mounts(
    Path(sys.executable), prefix=Path(sys.prefix), base_prefix=Path(sys.base_prefix), writable=[folder]
)
code = "import os, time; os.fork(); open('beat' + str(os.getpid()), 'w'); time.sleep(300)"
run_watched(
    [sys.executable, "-c", code], folder=folder, environment={"WINDTUNNEL_FLIGHT": sys.argv[2]}, log=folder / "log",
    timeout_seconds=None, interrupted=lambda: False, urgent=lambda: False, observe=lambda _: None,
    sandbox=Bubblewrap(mounts), limits=Limits(),
)
"""


def marked(marker: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def wait_for(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_everything_ends_when_the_flight_is_killed(tmp_path: Path) -> None:
    marker = f"marker of {os.getpid()} {time.monotonic_ns()}"
    flight = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), marker])
    try:
        assert wait_for(lambda: len(list(tmp_path.glob("beat*"))) == 2)
        assert len(marked(marker)) >= 3
    finally:
        flight.kill()
        flight.wait()
    assert wait_for(lambda: not marked(marker))


def traces(temporary: Path) -> dict[str, object]:
    """What flights of this process could leave of themselves."""
    own = psutil.Process()
    ports = [connection.laddr for connection in own.net_connections() if connection.status == psutil.CONN_LISTEN]
    return {
        "processes": own.children(recursive=True),
        "descriptors": own.num_fds(),
        "threads": threading.active_count(),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "ports": sorted(ports),
        "temporary files": list(temporary.iterdir()),
    }


@pytest.mark.slow
def test_a_hundred_commands_in_a_row_leave_nothing_behind(
    range_: Range, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    server = echo("hub")
    path = range_.folder / "s"
    server.listen_on(path)
    with server:
        sandbox = range_.sandbox(relays={server.port: path})
        code = f"import urllib.request; print(urllib.request.urlopen({server.url + '/'!r}).status)"
        assert range_.fly(code, sandbox).output == "200\n"
        before, files = traces(temporary), sorted(range_.folder.rglob("*"))
        for _ in range(100):
            assert range_.fly(code, sandbox).outcome.succeeded
        assert traces(temporary) == before
        assert sorted(range_.folder.rglob("*")) == files
        assert not marked(str(range_.results))
    assert not path.exists()
