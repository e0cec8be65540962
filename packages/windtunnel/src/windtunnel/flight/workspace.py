"""The flight's folder: what is kept of a flight, and the working files that go away with it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError
from windtunnel.flight.programs import write_programs

if TYPE_CHECKING:
    from collections.abc import Mapping

MARKER = "WINDTUNNEL_FLIGHT"
LOCK_NAME = ".windtunnel.lock"

_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"

# an AF_UNIX address has 107 bytes, and wandb and multiprocessing put theirs up to 45 below TMPDIR
_LONGEST_TMPDIR = 60
_LINK_PREFIX = "windtunnel-"
_LINK_BYTES = len(f"/{_LINK_PREFIX}8letters/t")

_INHERITED = frozenset(
    {
        "GOMP_SPINCOUNT",
        "LANG",
        "LANGUAGE",
        "LD_LIBRARY_PATH",
        "MKL_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OMP_WAIT_POLICY",
        "OPENBLAS_NUM_THREADS",
        "TZ",
        "VIRTUAL_ENV",
    }
)
_INHERITED_PREFIXES = ("CUDA_", "LC_", "MKL_", "NVIDIA_", "OPENBLAS_")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The paths of one flight below ``{results_dir}/flight``.

    ``work`` is this flight's alone and goes when it ends; the rest stays.
    """

    results_dir: Path

    @property
    def flight(self) -> Path:
        """All that is the flight's own."""
        return self.results_dir / "flight"

    @property
    def work(self) -> Path:
        """Everything that goes away with the flight."""
        return self.flight / "work"

    @property
    def repository(self) -> Path:
        """The copy that is flown."""
        return self.work / "repository"

    @property
    def home(self) -> Path:
        """HOME of the flown commands, with their caches below it."""
        return self.work / "home"

    @property
    def programs(self) -> Path:
        """Programs that stand in for others, before all else on the PATH of the flown commands."""
        return self.home / ".local" / "bin"

    @property
    def hub_store(self) -> Path:
        """Where the loopback hub keeps what it serves."""
        return self.work / "hub"

    @property
    def database(self) -> Path:
        """The recorder's SQLite file."""
        return self.flight / "recorder.sqlite"

    @property
    def report(self) -> Path:
        """``report.json`` of the flight."""
        return self.flight / "report.json"

    @property
    def evidence(self) -> Path:
        """``evidence.json``: what the rules look at, so that the flight can be judged again."""
        return self.flight / "evidence.json"

    @property
    def probes(self) -> Path:
        """What further flights of single runs write."""
        return self.work / "probes"

    def log(self, name: str) -> Path:
        """Return the log file of the command ``name``."""
        return self.flight / "logs" / f"{name}.log"

    def prepare(self) -> Path:
        """Make the folders, drop working files of a flight that was killed, and return the TMPDIR to use.

        Raises:
            FlightError: the folders cannot be made.
        """
        try:
            self.discard()
            tmp = self.work / "tmp"
            for folder in (tmp, self.home, self.log("any").parent):
                folder.mkdir(parents=True, exist_ok=True)
            write_programs(self.programs)
            if len(os.fsencode(tmp)) <= _LONGEST_TMPDIR:
                return tmp
            link = Path(tempfile.mkdtemp(prefix=_LINK_PREFIX, dir=socket_folder())) / "t"
            link.symlink_to(tmp)
        except OSError as error:
            raise FlightError(f"{self.flight} cannot be prepared: {error.strerror} ({error.filename})") from error
        return link

    def discard(self) -> None:
        """Remove the working files, a killed flight's included; what cannot be removed stays behind without ado."""
        for folder in socket_folder().glob(f"{_LINK_PREFIX}*"):
            with suppress(OSError):
                if (folder / "t").readlink() == self.work / "tmp":
                    shutil.rmtree(folder, ignore_errors=True)
        _open_folders(self.work)
        shutil.rmtree(self.work, ignore_errors=True)

    @property
    def lock(self) -> Path:
        """The file by which a flight holds the results folder."""
        return self.results_dir / LOCK_NAME

    def environment(
        self, tmp: Path, servers: Mapping[str, str], *, prefix: Path | None = None, contained: bool = False
    ) -> dict[str, str]:
        """Return the whole environment of the flown commands: nothing of the user's that is not on a short list.

        Args:
            tmp: the TMPDIR that :meth:`prepare` returned.
            servers: what the clients need to find the loopback servers.
            prefix: of the environment that they run with; this windtunnel's own if left out.
            contained: whether they run in a sandbox, where the folders of the user's PATH are not there.
        """
        prefix = prefix or Path(sys.prefix)
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.startswith(_INHERITED_PREFIXES)
        }
        programs = _SYSTEM_PATH if contained else os.environ.get("PATH", os.defpath)
        if "VIRTUAL_ENV" in inherited:
            inherited["VIRTUAL_ENV"] = str(prefix)
        return {
            # OpenMP's threads wait for each other in a loop, which costs a step half its speed whenever the servers or
            # wandb's own process want a core; after this many turns they sleep. Measured: 0.6 instead of 1.1 s a step.
            "GOMP_SPINCOUNT": "1000",
            **inherited,
            "PATH": os.pathsep.join([str(self.programs), str(prefix / "bin"), programs]),
            "HOME": str(self.home),
            "TMPDIR": str(tmp),
            "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local" / "share"),
            "XDG_STATE_HOME": str(self.home / ".local" / "state"),
            "MPLCONFIGDIR": str(self.home / "matplotlib"),
            "TORCHINDUCTOR_CACHE_DIR": str(self.home / "torchinductor"),
            **_bytecode(self.home / "pycache", prefix),
            "PYTHONUNBUFFERED": "1",
            "PYTHONNOUSERSITE": "1",
            "HYDRA_FULL_ERROR": "1",
            "MPLBACKEND": "Agg",
            "no_proxy": "127.0.0.1,localhost",
            "NO_PROXY": "127.0.0.1,localhost",
            **servers,
            MARKER: str(self.results_dir),
        }


def socket_folder() -> Path:
    """Return where folders of unix sockets go: the user's TMPDIR, or /tmp where addresses below it are too long."""
    own = Path(tempfile.gettempdir())
    return own if len(os.fsencode(own)) + _LINK_BYTES <= _LONGEST_TMPDIR else Path("/tmp")  # noqa: S108


def _open_folders(folder: Path) -> None:
    """Give back the permissions of the folders below: flown code may have taken them, so that nobody can remove it."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(parent, name)
            if not path.is_symlink():
                with suppress(OSError):
                    path.chmod(0o700)


def _bytecode(cache: Path, prefix: Path) -> dict[str, str]:
    """Let the commands compile Python at most once per flight, and never into the user's environment.

    An environment that was compiled when it was installed is read as it is; a cache elsewhere would hide its files.
    """
    compiled = any(prefix.glob("lib/python3*/site-packages/*/__pycache__/*.pyc"))
    return {"PYTHONDONTWRITEBYTECODE": "1"} if compiled else {"PYTHONPYCACHEPREFIX": str(cache)}
