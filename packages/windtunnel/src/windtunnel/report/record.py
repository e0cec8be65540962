"""``report.json``: what a flight did, written as it goes along, so that a killed flight never looks finished."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any, Literal

from windtunnel import __version__
from windtunnel.errors import FlightError

if TYPE_CHECKING:
    from pathlib import Path

    from windtunnel.flight.options import Options
    from windtunnel.flight.process import Outcome

SCHEMA_VERSION = 2

FlightStatus = Literal["running", "finished", "failed", "interrupted"]
CommandStatus = Literal["running", "finished", "failed", "interrupted"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(slots=True, kw_only=True)
class CommandRecord:
    """One command of a flight, as the report keeps it.

    Attributes:
        name: run id, or ``evaluate``.
        argv: program and arguments.
        log: path of its log, relative to the results folder.
        status: how it stands.
        reason: why it failed, in one line; empty otherwise.
        exit_code: what it returned; ``None`` while it runs or if a signal ended it.
        signal: number of the signal that ended it, if one did.
        timed_out: the flight ended it at its time limit.
        limit: which limit ended it, "" for none.
        seconds: wall-clock time.
        peak_memory_bytes: highest sum of the resident sizes of its processes.
        leftover_processes: processes that outlived it and were ended.
    """

    name: str
    argv: list[str]
    log: str
    status: CommandStatus = "running"
    reason: str = ""
    exit_code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    limit: str = ""
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    leftover_processes: int = 0

    def end(self, outcome: Outcome, *, reason: str) -> None:
        """Enter how the command ended; ``reason`` is why it failed, or empty."""
        self.status = "interrupted" if outcome.interrupted else "failed" if reason else "finished"
        self.reason = reason
        self.exit_code = outcome.exit_code
        self.signal = outcome.signal
        self.timed_out = outcome.timed_out
        self.limit = outcome.limit
        self.seconds = round(outcome.seconds, 3)
        self.peak_memory_bytes = outcome.peak_memory_bytes
        self.leftover_processes = outcome.leftover_processes


@dataclass(slots=True, kw_only=True)
class FlightRecord:
    """The content of ``report.json``; :meth:`write` replaces the file as a whole.

    Attributes:
        mode: trial or full.
        repository: folder that was flown.
        served: dataset id to the folder given with ``--serve``.
        run_ids: the runs of this flight in their order.
        sandbox: what kept the flown code away from the machine: bubblewrap, or none.
        uncovered: what it does not cover.
        env: the environment that was flown in: current, or project.
        warnings: what a reader must know before trusting the results.
        tree_sha256: hash of the copy that was flown.
        left_out: links and special files that are not in the copy.
        commands: one record per command by its name, those of a resumed flight included.
        recorder: the runs that the recorder saw: ``entity``, ``project``, ``name``, ``state``, ``steps``.
        served_files: dataset id to the files that are served, ``<config>/<split>`` to size and time of change.
        data: dataset id to where its rows came from, for the datasets that were asked for.
        notes: what the flight cannot show, what the hub left out of served folders, models made narrower.
        hub_failures: what the hub should have had but could not make.
        problem: why the flight failed as a whole; empty otherwise.
        started: ISO time.
        ended: ISO time; empty while the flight runs.
        status: how the flight stands.
    """

    mode: str
    repository: str
    served: dict[str, str]
    run_ids: list[str]
    sandbox: str = "none"
    uncovered: list[str] = field(default_factory=list)
    env: str = "current"
    warnings: list[str] = field(default_factory=list)
    tree_sha256: str = ""
    left_out: list[str] = field(default_factory=list)
    commands: dict[str, CommandRecord] = field(default_factory=dict)
    recorder: list[dict[str, Any]] = field(default_factory=list)
    served_files: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    hub_failures: list[str] = field(default_factory=list)
    problem: str = ""
    started: str = field(default_factory=_now)
    ended: str = ""
    status: FlightStatus = "running"

    def finish(self, status: FlightStatus, *, problem: str = "") -> None:
        """Enter how the flight ended."""
        self.status = status
        self.problem = problem
        self.ended = _now()

    def write(self, path: Path) -> None:
        """Write the report; whoever reads it sees the old one or the new one, never half of one.

        Raises:
            FlightError: it could not be written.
        """
        content = {
            "schema_version": SCHEMA_VERSION,
            "status": self.status,
            "windtunnel": __version__,
            **asdict(self),
            "commands": [asdict(command) for command in self.commands.values()],
            "environment": environment_versions(),
        }
        new = path.with_suffix(".new")
        try:
            with new.open("w", encoding="utf-8") as file:
                json.dump(content, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        except OSError as error:
            raise FlightError(
                f"{path} could not be written: {error.strerror}; free space or mend what it names, then go on with "
                "--resume"
            ) from error


def open_record(options: Options, run_ids: list[str], served_files: dict[str, dict[str, list[int]]]) -> FlightRecord:
    """Return the record of a flight that begins now."""
    return FlightRecord(
        mode=options.mode,
        repository=options.named,
        served={hub_id: str(folder) for hub_id, folder in sorted(options.serve.items())},
        served_files=served_files,
        run_ids=run_ids,
        env=options.env,
    )


def read_record(path: Path) -> FlightRecord:
    """Read a report back, as far as a flight that continues it needs.

    Raises:
        FlightError: the file is no report of this version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        commands = [CommandRecord(**command) for command in content["commands"]]
        if content["schema_version"] != SCHEMA_VERSION:
            raise FlightError(
                f"{path} has schema_version {content['schema_version']}, and this windtunnel continues flights of "
                f"version {SCHEMA_VERSION}; fly without --resume: what is there is moved aside, not deleted"
            )
        names = (
            "mode",
            "repository",
            "served",
            "served_files",
            "run_ids",
            "warnings",
            "tree_sha256",
            "data",
            "started",
            "ended",
            "status",
            "env",
        )
        return FlightRecord(
            **{name: content[name] for name in names}, commands={command.name: command for command in commands}
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FlightError(
            f"{path} is not the report of a flight that can be continued ({type(error).__name__}: {error}); "
            "fly without --resume: what is there is moved aside, not deleted"
        ) from error


@cache
def environment_versions() -> dict[str, Any]:
    """Return the versions of Python, the platform and every installed distribution."""
    packages = {found.name: found.version for found in distributions() if found.name}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }
