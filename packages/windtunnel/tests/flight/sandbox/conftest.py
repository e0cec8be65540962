"""A range for hostile repositories: what they are after lies there for the taking, and is all made for the test."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.flight.limits import Limits
from windtunnel.flight.process import Outcome, run_watched
from windtunnel.flight.sandbox import Bubblewrap, Mounts, Sandbox, Unsandboxed, environment_mounts
from windtunnel.flight.tree import adopting_orphans
from windtunnel.flight.workspace import MARKER, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE = Path(__file__).parents[1] / "hostile"
SECRET = "a secret key"
RUN = "hostile"


@dataclass
class Flown:
    """A command as a test looks at it."""

    outcome: Outcome
    output: str

    @property
    def attempts(self) -> list[dict[str, str]]:
        lines = [line for line in self.output.splitlines() if line.startswith('{"tried"')]
        return [json.loads(line) for line in lines]

    @property
    def reached(self) -> list[dict[str, str]]:
        return [attempt for attempt in self.attempts if "reached" in attempt]

    def reason(self, tried: str) -> str:
        return next(attempt["failed"] for attempt in self.attempts if attempt["tried"] == tried and "failed" in attempt)


@dataclass
class Range:
    """A user's home, a repository, a results folder with a flight under way, an environment, and bystanders."""

    folder: Path
    targets: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.folder / "results")
        self.home = self.folder / "user"
        self.original = self.folder / "original"
        self.environment = self.folder / "environment"
        self.editable = self.folder / "editable"
        self.token = secrets.token_hex(16)
        for path, text in {
            self.home / ".ssh" / "id_ed25519": SECRET,
            self.home / "victim.txt": "as it was",
            self.original / "src" / "main.py": "print('mine')",
            self.original / ".git" / "hooks" / "post-commit": "",
            self.environment / "lib" / "module.py": "",
            self.editable / "package.py": "",
            self.workspace.report: '{"status": "running"}',
            self.workspace.database: "rows",
            self.results / "earlier" / "report.json": "{}",
            self.results / ".windtunnel.lock": f"{os.getpid()}\n",
        }.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.tmp = self.workspace.prepare()
        self.workspace.hub_store.mkdir()
        (self.workspace.hub_store / "model.bin").write_text("weights")
        self.targets |= {
            "key": str(self.home / ".ssh" / "id_ed25519"),
            "victim": str(self.home / "victim.txt"),
            "original": str(self.original),
            "module": str(self.environment / "lib" / "module.py"),
            "editable": str(self.editable),
            "token": self.token,
            "reviewer": os.getpid(),
            "group": os.getpgid(0),
        }

    @property
    def results(self) -> Path:
        return self.workspace.results_dir

    def mounts(self, **changes: Any) -> Mounts:
        workspace = self.workspace
        given: dict[str, Any] = {
            "prefix": Path(sys.prefix),
            "base_prefix": Path(sys.base_prefix),
            "read_only": [self.environment, self.editable],
            "writable": [workspace.results_dir, workspace.repository, workspace.home, self.tmp],
            "hidden": [workspace.flight, workspace.results_dir / "earlier"],
            "guarded": [workspace.results_dir / ".windtunnel.lock"],
        }
        return environment_mounts(Path(sys.executable), **{**given, **changes})

    def sandbox(self, **changes: Any) -> Bubblewrap:
        return Bubblewrap(self.mounts(), **changes)

    def unsandboxed(self) -> Unsandboxed:
        workspace = self.workspace
        return Unsandboxed(tuple(self.mounts().writable), (workspace.flight, workspace.results_dir / "earlier"))

    def write(self, code: str) -> None:
        """Make the copy of the repository that is flown."""
        repository = self.workspace.repository
        for path, text in {
            "src/main.py": code,
            "src/attempts.py": (HOSTILE / "attempts.py").read_text(),
            f"config/run/{RUN}.yaml": json.dumps({"run_id": RUN, "targets": self.targets}),
            "config/config.yaml": "mode: ???\n",
        }.items():
            target = repository / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)

    def fly(self, name_or_code: str, sandbox: Sandbox | None = None, **changes: Any) -> Flown:
        """Fly a hostile repository by its name, or a few lines of code, by the contract's command line."""
        named = HOSTILE / f"{name_or_code}.py" if name_or_code.isidentifier() else None
        self.write(named.read_text() if named else name_or_code)
        log = self.folder / "log"
        given: dict[str, Any] = {
            "folder": self.workspace.repository,
            "environment": self.variables(),
            "log": log,
            "timeout_seconds": 120,
            "interrupted": lambda: False,
            "urgent": lambda: False,
            "observe": lambda _sample: None,
            "sandbox": sandbox or self.sandbox(),
            "limits": Limits(),
        }
        overrides = (f"run={RUN}", f"results_dir={self.results}", "mode=trial")
        with adopting_orphans():
            outcome = run_watched([sys.executable, "-u", "-m", "src.main", *overrides], **{**given, **changes})
        return Flown(outcome, log.read_text(errors="replace"))

    def variables(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.workspace.home),
            "TMPDIR": str(self.tmp),
            MARKER: str(self.results),
        }

    @contextmanager
    def bystander(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process of the user's that has nothing to do with the flight, with a token in its environment."""
        environment = {"TOKEN": self.token}
        process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=environment)
        self.targets["bystander"] = process.pid
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    @contextmanager
    def listeners(self) -> Iterator[list[bytes]]:
        """Servers on every address of the machine and on unix sockets; yields what they were sent."""
        heard: list[bytes] = []
        abstract, path = f"windtunnel-test-{self.token}", self.home / "s"
        with ExitStack() as stack:
            tcp = stack.enter_context(socket.create_server(("0.0.0.0", 0)))  # noqa: S104
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.bind(("0.0.0.0", 0))  # noqa: S104
            for address in (f"\0{abstract}", str(path)):
                unix = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                unix.bind(address)
                unix.listen()
                threading.Thread(target=_hear, args=(unix, heard), daemon=True).start()
            threading.Thread(target=_hear, args=(tcp, heard), daemon=True).start()
            threading.Thread(target=_answer, args=(udp, heard), daemon=True).start()
            self.targets |= {
                "tcp": tcp.getsockname()[1],
                "udp": udp.getsockname()[1],
                "abstract": abstract,
                "socket": str(path),
                "address": _own_address(),
            }
            yield heard


def _own_address() -> str:
    """The machine's address on its first network, or another address of its loopback device."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.9"


def _hear(listener: socket.socket, heard: list[bytes]) -> None:
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        with connection:
            connection.settimeout(2)
            try:
                heard.append(connection.recv(64))
            except OSError:
                heard.append(b"")


def _answer(listener: socket.socket, heard: list[bytes]) -> None:
    while True:
        try:
            message, sender = listener.recvfrom(512)
            listener.sendto(b"heard", sender)
        except OSError:
            return
        heard.append(message)


@pytest.fixture(name="range_")
def hostile_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Range]:
    made = Range(tmp_path)
    monkeypatch.setenv("WANDB_API_KEY", made.token)
    yield made
    made.workspace.discard()
