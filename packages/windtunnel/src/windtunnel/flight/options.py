"""What a flight was asked to do, checked against the disk before anything is started."""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from windtunnel.contract import RUN_FOLDERS
from windtunnel.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

Mode = Literal["trial", "full"]
EnvironmentKind = Literal["current", "project"]

REQUIRED_FILES = ("src/main.py",)
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_LEAST_MEMORY = 2**28
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One request to fly, as the command line or a caller gives it.

    Attributes:
        repository: folder of the experiment repository.
        mode: ``trial`` runs every run configuration briefly; ``full`` runs it whole and evaluates afterwards.
        runs: run ids or shell globs over them; empty means every run configuration.
        results_dir: where ``{run_id}/``, ``comparison/`` and ``flight/`` go.
        resume: continue the earlier flight found in ``results_dir`` instead of moving it aside.
        serve: dataset id to the folder of Parquet files that the hub serves under that id.
        catalog: files with further ids for the hub.
        timeout_seconds: limit of each command; ``None`` is no limit.
        memory_bytes: what the processes of each command may hold; ``None`` is what suits this machine.
        env: what the experiment runs in: this windtunnel's own environment, or its project's.
        as_of: the day whose library versions make the project's environment; today's if ``None``.
        unsandboxed: the user said ``--sandbox none``.
        probes: also fly once more with the same seed and once with permuted labels, after a full flight.
        origin: PATH as the user gave it; empty if it is ``repository``.
        run_files: ``--runs`` as the user gave it.
        foreign: ``repository`` is a copy of a submission from elsewhere, wherever it lies.
        passing: ``results_dir`` goes away after the flight.
    """

    repository: Path
    mode: Mode = "trial"
    runs: tuple[str, ...] = ()
    results_dir: Path = Path("results")
    resume: bool = False
    serve: dict[str, Path] = field(default_factory=dict)
    catalog: tuple[Path, ...] = ()
    timeout_seconds: float | None = None
    memory_bytes: int | None = None
    env: EnvironmentKind = "current"
    as_of: date | None = None
    unsandboxed: bool = False
    probes: bool = False
    origin: str = ""
    run_files: Path | None = None
    foreign: bool = False
    passing: bool = False

    @property
    def named(self) -> str:
        """What a command line and a report call the repository."""
        return self.origin or str(self.repository)


def parse_served(arguments: list[str]) -> dict[str, Path]:
    """Turn the ``ID=DIR`` arguments of ``--serve`` into folders by dataset id.

    Raises:
        UsageError: an argument has another form, names no folder, or repeats an id.
    """
    served: dict[str, Path] = {}
    for argument in arguments:
        hub_id, separator, folder = argument.partition("=")
        if not separator or not _HUB_ID.fullmatch(hub_id) or not folder:
            raise UsageError(
                f"--serve {argument!r} is not of the form ID=DIR; an example: --serve nyu-mll/glue=data/glue"
            )
        if hub_id in served:
            raise UsageError(f"--serve names {hub_id} twice ({served[hub_id]} and {folder}); give one folder per id")
        path = Path(folder).expanduser()
        if not path.is_dir():
            what = "is not a folder" if path.exists() else "does not exist"
            raise UsageError(f"--serve {argument}: {path} {what}; DIR holds <config>/<split>.parquet")
        served[hub_id] = path.resolve()
    return served


def check_options(options: Options) -> Options:
    """Return ``options`` with absolute paths, once everything that the disk can refute has been checked.

    Raises:
        UsageError: the repository, the results folder, a catalogue or the timeout cannot be used.
    """
    repository = _check_repository(options.repository, options.origin or str(options.repository))
    if options.timeout_seconds is not None and not options.timeout_seconds > 0:
        raise UsageError(f"--timeout {options.timeout_seconds:g} is not a number of seconds above 0")
    if options.memory_bytes is not None and options.memory_bytes < _LEAST_MEMORY:
        raise UsageError(
            f"--memory {options.memory_bytes / 2**30:g} is too little for Python and its libraries; give at least 0.25"
        )
    for catalog in options.catalog:
        if not catalog.is_file():
            raise UsageError(f"--catalog {catalog} is not a file; give one that holds a JSON object on each line")
    return replace(
        options,
        repository=repository,
        results_dir=_check_results_dir(options.results_dir, repository),
        serve={hub_id: folder.resolve() for hub_id, folder in options.serve.items()},
        catalog=tuple(path.resolve() for path in options.catalog),
    )


def command_line(options: Options, *, resume: bool = False, run: str | None = None) -> str:
    """Return the shell command of a flight like ``options``, of one ``run`` alone if it is named."""
    words = ["windtunnel", "fly", options.origin or shown(options.repository), "--mode", options.mode]
    for wanted in options.runs if run is None else (run,):
        words += ["--run", wanted]
    if options.run_files is not None:
        words += ["--runs", shown(options.run_files)]
    if not options.passing:
        words += ["--results-dir", shown(options.results_dir)]
    for hub_id, folder in options.serve.items():
        words += ["--serve", f"{hub_id}={shown(folder)}"]
    for catalog in options.catalog:
        words += ["--catalog", shown(catalog)]
    if options.timeout_seconds is not None:
        words += ["--timeout", f"{options.timeout_seconds:g}"]
    if options.memory_bytes is not None:
        words += ["--memory", f"{options.memory_bytes / 2**30:g}"]
    if options.env != "current":
        words += ["--env", options.env]
    if options.as_of is not None:
        words += ["--as-of", options.as_of.isoformat()]
    if options.unsandboxed:
        words += ["--sandbox", "none"]
    if options.probes:
        words += ["--probes"]
    return shlex.join([*words, "--resume"] if resume else words)


def shown(path: Path) -> str:
    """Return ``path`` as a user writes it: relative if it lies under the current folder."""
    folder = Path.cwd()
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def own_workspace() -> Path | None:
    """Return the root of the uv workspace that this windtunnel's source lies in, if it lies in one."""
    for folder in Path(__file__).resolve().parents:
        manifest = folder / "pyproject.toml"
        if not manifest.is_file():
            continue
        try:
            tables = tomllib.loads(manifest.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
            continue
        if "workspace" in tables.get("tool", {}).get("uv", {}):
            return folder
    return None


def is_own_code(options: Options) -> bool:
    """Whether the repository lies in the workspace that this windtunnel's source belongs to."""
    root = own_workspace()
    return not options.foreign and root is not None and options.repository.is_relative_to(root)


def _check_repository(path: Path, named: str) -> Path:
    repository = path.expanduser().resolve()
    if not repository.is_dir():
        what = "is a file" if repository.exists() else "does not exist"
        raise UsageError(f"{named} {what}; PATH is the folder of an experiment repository")
    missing = [name for name in REQUIRED_FILES if not (repository / name).is_file()]
    if not any(path for folder in RUN_FOLDERS for path in (repository / folder).glob("*.y*ml")):
        missing.append("config/run/*.yaml")
    if missing:
        raise UsageError(
            f"{named} is not an experiment repository: {', '.join(missing)} missing; PATH holds "
            "src/main.py, config/config.yaml and one config/run/{run_id}.yaml per run"
        )
    return repository


def _check_results_dir(path: Path, repository: Path) -> Path:
    if _CONTROL_CHARACTER.search(str(path)):
        raise UsageError(f"--results-dir {str(path)!r} has a control character in its name; choose another folder")
    results_dir = path.expanduser().resolve()
    if "${" in str(results_dir):
        raise UsageError(f"--results-dir {results_dir}: Hydra takes ${{ for an interpolation; choose another folder")
    if results_dir == repository or any(
        results_dir.is_relative_to(repository / name) for name in ("src", "config", ".git")
    ):
        raise UsageError(
            f"--results-dir {path} is the experiment's own code; give a folder of its own, such as results/"
        )
    existing = results_dir
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise UsageError(f"--results-dir {path}: {existing} is a file; give a folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"--results-dir {path}: {existing} is not writable; give another folder")
    return results_dir
