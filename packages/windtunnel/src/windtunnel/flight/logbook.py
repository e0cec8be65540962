"""What a flight writes down as it goes along: the report for people and the evidence for the rules."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError, WindtunnelError
from windtunnel.evidence import Flight, Probe, RunRecorded, Trouble, UnknownId
from windtunnel.evidence.flight import read, to_json
from windtunnel.flight.environment import Environment
from windtunnel.flight.plan import EVALUATE
from windtunnel.flight.sandbox.system import gpu_devices
from windtunnel.report.record import CommandRecord

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from windtunnel.evidence import CommandFlown
    from windtunnel.flight.containment import Containment
    from windtunnel.flight.options import Options
    from windtunnel.flight.plan import Command
    from windtunnel.flight.tower import Tower
    from windtunnel.flight.workspace import Workspace
    from windtunnel.report.record import FlightRecord


class Logbook:
    """The report and the evidence of one flight.

    Args:
        options: what is flown and how.
        record: the report, as it begins.
        workspace: where both are written.
        containment: what the commands are kept in.

    Attributes:
        record: the report.
        probes: further flights of single runs.
        canary: whether the file put into the results folder is as it was.
        trouble: what keeps the flight itself from going on, empty if nothing does.
    """

    def __init__(self, options: Options, record: FlightRecord, workspace: Workspace, containment: Containment) -> None:
        self.record = record
        self.probes: list[Probe] = []
        self.canary = True
        self.trouble = ""
        self._options = options
        self._workspace = workspace
        self._containment = containment
        self._commands: dict[str, CommandFlown] = {}
        self._runs: tuple[RunRecorded, ...] = ()
        self._troubles: tuple[Trouble, ...] = ()
        self._unknown: tuple[UnknownId, ...] = ()
        self._notes: tuple[str, ...] = ()
        self._versions: dict[str, str] = {}
        record.sandbox = containment

    def take_up(self, earlier: FlightRecord) -> None:
        """Take over the runs of an earlier flight; an evaluation is always made again."""
        self.record.commands = {name: command for name, command in earlier.commands.items() if name != EVALUATE}
        self.record.data = dict(earlier.data)
        try:
            evidence = read(self._workspace.evidence)
        except (OSError, ValueError):  # of an older windtunnel, or cut off: the runs stand without it
            return
        self._commands = {command.name: command for command in evidence.training}

    def environment(self, environment: Environment | Sequence[Trouble]) -> None:
        """Enter the environment that the commands run in, or why there is none."""
        if isinstance(environment, Environment):
            self._versions = dict(environment.versions)
            self._notes = tuple(environment.notes)
        else:
            self._troubles = tuple(environment)

    def keep(self, run_id: str) -> None:
        """Enter that a run of the earlier flight stands."""
        self.record.commands[run_id].status, self.record.commands[run_id].reason = "finished", ""
        if (flown := self._commands.get(run_id)) is not None:
            self._commands[run_id] = replace(flown, status="finished", reason="")

    def begin(self, command: Command) -> CommandRecord:
        """Enter a command that starts."""
        log = self._workspace.log(command.name)
        self.record.commands.pop(command.name, None)
        self._commands.pop(command.name, None)
        entry = CommandRecord(
            name=command.name, argv=list(command.argv), log=str(log.relative_to(self._options.results_dir))
        )
        self.record.commands[command.name] = entry
        self.write()
        return entry

    def end(self, flown: CommandFlown, tower: Tower) -> None:
        """Enter how a command went."""
        self._commands[flown.name] = flown
        told = (shim for process in flown.processes for shim in process.shims)
        self._notes = tuple(dict.fromkeys((*self._notes, *told)))
        self.look_at(tower)
        self.write()

    def fail(self, name: str, reason: str) -> None:
        """Enter that a command that returned 0 failed all the same."""
        entry = self.record.commands[name]
        entry.status, entry.reason = "failed", reason
        self._commands[name] = replace(self._commands[name], status="failed", reason=reason)

    def look_at(self, tower: Tower) -> None:
        """Enter what the servers know; a run that still seems to run has lost its process."""
        try:
            self._enter(tower)
        except WindtunnelError as error:  # a full disk: what the flight knows is told all the same
            self.trouble = self.trouble or str(error)

    def write(self) -> None:
        """Write both files; whoever reads one sees the old or the new one, never half of it.

        Raises:
            FlightError: one could not be written.
        """
        self.record.write(self._workspace.report)
        path = self._workspace.evidence
        try:
            _replace(path, to_json(self.flight()))
        except OSError as error:
            raise FlightError(
                f"{path} could not be written: {error.strerror}; free space, then go on with --resume"
            ) from error

    def flight(self) -> Flight:
        """Return the evidence as it stands."""
        order = [*self.record.run_ids, EVALUATE]
        return Flight(
            mode=self._options.mode,
            run_ids=tuple(self.record.run_ids),
            environment=self._options.env,
            sandbox=self._containment,
            commands=tuple(self._commands[name] for name in order if name in self._commands),
            runs=self._runs,
            troubles=self._troubles,
            unknown=self._unknown,
            notes=self._notes,
            canary=self.canary,
            probes=tuple(self.probes),
            accelerator=bool(gpu_devices()),
            versions=self._versions,
        )

    def _enter(self, tower: Tower) -> None:
        tower.recorder.mark_crashed()
        self.record.uncovered = list(tower.sandbox.uncovered)
        self._notes = tuple(dict.fromkeys((*self._notes, *tower.hub.notes)))
        self.record.notes, self.record.hub_failures = list(self._notes), list(tower.hub.failures)
        self._runs = tuple(tower.recorder.recorded())
        self._unknown = tuple(tower.hub.unknown)
        self.record.recorder = [
            {"entity": run.entity, "project": run.project, "name": run.name, "state": run.state, "steps": run.steps}
            for run in self._runs
        ]
        asked = {request.repo_id for request in tower.hub.requests if request.repo_type == "dataset"}
        for dataset in sorted(asked):
            if (origin := tower.hub.origin(dataset)) is not None:
                self.record.data[dataset] = origin


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
