"""The order of things in a flight: copy, servers, runs, evaluation, and an end that leaves nothing running."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.errors import WindtunnelError
from windtunnel.flight.copy import copy_repository
from windtunnel.flight.interrupts import Interrupted, Interrupts
from windtunnel.flight.options import Options, check_options, command_line, shown
from windtunnel.flight.plan import EVALUATE, Command, choose_runs, evaluate_command, list_run_ids, run_command
from windtunnel.flight.process import run_watched
from windtunnel.flight.progress import Progress, open_progress
from windtunnel.flight.results import hold, move_aside, move_earlier, require_free_space
from windtunnel.flight.resume import check_same_code, earlier_record, standing_runs
from windtunnel.flight.tree import adopting_orphans, stop_leftovers
from windtunnel.flight.workspace import Workspace
from windtunnel.hub import Hub
from windtunnel.hub.served import read_served_folder
from windtunnel.recorder import Recorder
from windtunnel.report.closing import UnusableComparisonError, comparison_stamp, print_closing, read_comparison
from windtunnel.report.failure import explain
from windtunnel.report.record import CommandRecord, FlightRecord, open_record
from windtunnel.report.table import format_bytes, format_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from windtunnel.report.record import FlightStatus

UNSANDBOXED = "flown without a sandbox: the code ran with the user's rights on this machine"


def fly(options: Options, *, out: Console, err: Console) -> int:
    """Fly an experiment repository and print what came of it.

    Args:
        options: what to fly and how.
        out: gets the final table.
        err: gets progress, warnings and failures.

    Returns:
        The exit code: 0 all went well, 1 a run or the evaluation failed, 128 + signal if the user ended it.

    Raises:
        UsageError: the options ask for something that cannot be.
        FlightError: the flight could not be started or watched.
    """
    options = check_options(options)
    served = {hub_id: read_served_folder(hub_id, folder).states() for hub_id, folder in options.serve.items()}
    every_run = list_run_ids(options.repository)
    run_ids = choose_runs(every_run, options.runs)
    with Interrupts() as interrupts, hold(options.results_dir), adopting_orphans():
        require_free_space(options.results_dir)
        return _Flight(options, open_record(options, run_ids, served), interrupts, out=out, err=err).fly(every_run)


@dataclass(frozen=True, slots=True)
class _Tower:
    """What is open while commands run."""

    environment: dict[str, str]
    hub: Hub
    recorder: Recorder
    progress: Progress


class _Flight:
    """One flight that holds its results folder."""

    def __init__(
        self, options: Options, record: FlightRecord, interrupts: Interrupts, *, out: Console, err: Console
    ) -> None:
        self._options = options
        self._interrupts = interrupts
        self._out = out
        self._err = err
        self._workspace = Workspace(options.results_dir)
        self._record = record
        self._record.warnings.append(UNSANDBOXED)
        self._earlier: FlightRecord | None = None
        self._comparison: dict[str, Any] | None = None
        self._trouble = ""  # what keeps the flight itself from going on
        self._started = time.monotonic()

    def fly(self, every_run: list[str]) -> int:
        """Make the flight; ``every_run`` are the names under which earlier results may lie."""
        workspace, record = self._workspace, self._record
        self._err.print(f"warning: {UNSANDBOXED.replace('ran', 'runs')}", highlight=False, soft_wrap=True)
        if killed := stop_leftovers(str(self._options.results_dir)):
            self._say(f"{killed} processes of an earlier flight that was killed were still running, and were ended")
        self._begin(every_run)
        status: FlightStatus = "failed"
        problem = "the flight did not come to its end"
        written = False
        try:
            with self._interrupts.at_once():
                tmp = workspace.prepare()
                copied = copy_repository(
                    self._options.repository, workspace.repository, results_dir=self._options.results_dir
                )
                record.tree_sha256, record.left_out = copied.tree_sha256, list(copied.left_out)
                if self._earlier is not None:
                    check_same_code(self._earlier, copied.tree_sha256)
                written = True
                record.write(workspace.report)
            problem = self._with_servers(tmp)
            status = "failed" if problem else "finished"
        except Interrupted:
            status, problem = "interrupted", f"ended by {self._interrupts.received[0].name}"
        except WindtunnelError as error:
            problem = str(error)
            if written:
                self._say(f"go on with: {command_line(self._options, resume=True)}")
            raise
        finally:
            workspace.discard()
            if written:
                record.finish(status, problem=problem)
                self._write_end()
        if status == "interrupted":
            self._say_interrupted(flown=written)
            return self._interrupts.exit_code
        seconds = time.monotonic() - self._started
        print_closing(record, self._options, comparison=self._comparison, seconds=seconds, out=self._out, err=self._err)
        return 0 if status == "finished" else 1

    def _write_end(self) -> None:
        """Write the report a last time; where that fails, what ends the flight is still said."""
        try:
            self._record.write(self._workspace.report)
        except WindtunnelError as error:
            self._say(str(error))

    def _begin(self, every_run: list[str]) -> None:
        """Take up the earlier flight of the results folder, or move it out of the way."""
        results_dir = self._options.results_dir
        if self._options.resume:
            self._earlier = earlier_record(self._workspace.report, self._options, self._record.served_files)
            if self._earlier is None:
                self._say(f"nothing to resume in {shown(results_dir)}: a new flight begins")
            else:
                self._record.commands = {
                    name: command for name, command in self._earlier.commands.items() if name != EVALUATE
                }
                self._record.data = dict(self._earlier.data)
                if moved := move_aside(results_dir, ["comparison"]):
                    self._say(f"the earlier comparison in {shown(results_dir)} is now in {shown(moved)}")
        if self._earlier is None:
            self._workspace.discard()
            if moved := move_earlier(results_dir, every_run):
                self._say(f"the earlier flight in {shown(results_dir)} is now in {shown(moved)}")

    def _with_servers(self, tmp: Path) -> str:
        """Run every command against the two servers; return why the flight failed, or nothing."""
        workspace, options = self._workspace, self._options
        with ExitStack() as stack:
            with self._interrupts.at_once():
                hub = stack.enter_context(Hub(store=workspace.hub_store, serve=options.serve or None))
                recorder = stack.enter_context(Recorder(workspace.database))
            servers = {**hub.environment(workspace.home), **recorder.environment(workspace.home)}
            environment = workspace.environment(tmp, servers)
            names = [*self._record.run_ids, *([EVALUATE] if options.mode == "full" else [])]
            progress = stack.enter_context(open_progress(self._err, names))
            for note in hub.notes:
                progress.say(note)
            tower = _Tower(environment, hub, recorder, progress)
            try:
                return self._commands(tower)
            finally:
                self._look_at_servers(tower)

    def _commands(self, tower: _Tower) -> str:
        options, run_ids = self._options, self._record.run_ids
        finished = {run.name for run in tower.recorder.store.runs() if run.state == "finished"}
        standing = standing_runs(self._earlier, finished) if self._earlier is not None else set()
        commands = [
            run_command(run_id, results_dir=options.results_dir, mode=options.mode)
            for run_id in run_ids
            if run_id not in standing
        ]
        for run_id in run_ids:
            if run_id in standing:
                self._record.commands[run_id].status, self._record.commands[run_id].reason = "finished", ""
                tower.progress.state(run_id, "kept", "finished in the earlier flight")
        for command in commands:
            self._command(command, tower)
            if self._trouble:
                return self._trouble
        failed = [run_id for run_id in run_ids if self._record.commands[run_id].status != "finished"]
        if failed:
            if options.mode == "full":
                tower.progress.state(EVALUATE, "not started", f"{len(failed)} of {len(run_ids)} runs failed")
            return f"{len(failed)} of {len(run_ids)} runs failed: {', '.join(failed)}"
        if options.mode == "full":
            return self._evaluate(tower)
        return ""

    def _evaluate(self, tower: _Tower) -> str:
        results_dir = self._options.results_dir
        before = comparison_stamp(results_dir)
        command = evaluate_command(self._record.run_ids, results_dir=results_dir)
        entry = self._command(command, tower)
        if entry.status != "finished":
            return "the evaluation failed"
        try:
            self._comparison = read_comparison(results_dir, before=before)
        except UnusableComparisonError as error:
            entry.status, entry.reason = "failed", str(error)
            return str(error)
        return ""

    def _command(self, command: Command, tower: _Tower) -> CommandRecord:
        """Run one command and enter it in the report before and after."""
        workspace, name = self._workspace, command.name
        self._interrupts.check()
        log = workspace.log(name)
        self._record.commands.pop(name, None)
        entry = CommandRecord(name=name, argv=list(command.argv), log=str(log.relative_to(self._options.results_dir)))
        self._record.commands[name] = entry
        self._record.write(workspace.report)
        tower.progress.state(name, "flying")
        outcome = run_watched(
            command.argv,
            folder=workspace.repository,
            environment=tower.environment,
            log=log,
            timeout_seconds=self._options.timeout_seconds,
            interrupted=lambda: self._interrupts.requested,
            urgent=lambda: self._interrupts.urgent,
            observe=lambda sample: tower.progress.observe(name, sample),
        )
        entry.end(outcome, reason=explain(outcome, log, timeout_seconds=self._options.timeout_seconds))
        self._look_at_servers(tower)
        self._record.write(workspace.report)
        spent = f"{format_seconds(entry.seconds)}, peak memory {format_bytes(entry.peak_memory_bytes)}"
        state = "ok" if entry.status == "finished" else entry.status
        tower.progress.state(name, state, f"{entry.reason} after {spent}" if entry.status == "failed" else spent)
        self._interrupts.check()
        return entry

    def _look_at_servers(self, tower: _Tower) -> None:
        """Enter what the servers know into the report; a run that still seems to run has lost its process."""
        try:
            self._enter_servers(tower.hub, tower.recorder)
        except WindtunnelError as error:  # a full disk: what the flight knows is told all the same
            self._trouble = self._trouble or str(error)

    def _enter_servers(self, hub: Hub, recorder: Recorder) -> None:
        recorder.mark_crashed()
        self._record.notes, self._record.hub_failures = list(hub.notes), list(hub.failures)
        self._record.recorder = [
            {
                "entity": run.entity,
                "project": run.project,
                "name": run.name,
                "state": run.state,
                "steps": run.steps,
            }
            for run in recorder.store.runs()
        ]
        asked = {request.repo_id for request in hub.requests if request.repo_type == "dataset"}
        for dataset in sorted(asked):
            if (origin := hub.origin(dataset)) is not None:
                self._record.data[dataset] = origin

    def _say_interrupted(self, *, flown: bool) -> None:
        if not flown:
            self._say(f"interrupted by {self._interrupts.received[0].name} before anything was flown")
            return
        commands = self._record.commands
        done = [run_id for run_id in self._record.run_ids if run_id in commands and commands[run_id].exit_code == 0]
        self._say(
            f"interrupted by {self._interrupts.received[0].name}; its processes and servers are stopped. "
            f"Kept in {shown(self._options.results_dir)}: {len(done)} of {len(self._record.run_ids)} runs finished, "
            "checkpoints, recorder.sqlite, logs"
        )
        self._say(f"go on with: {command_line(self._options, resume=True)}")

    def _say(self, text: str) -> None:
        self._err.print(text, highlight=False, soft_wrap=True, markup=False)
