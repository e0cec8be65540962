"""The order of things in a flight: copy, environment, servers, runs, evaluation, an end that leaves nothing running."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from windtunnel.errors import WindtunnelError
from windtunnel.flight.containment import choose_containment
from windtunnel.flight.copy import copy_repository
from windtunnel.flight.environment import Environment, prepare
from windtunnel.flight.interrupts import Interrupted, Interrupts
from windtunnel.flight.logbook import Logbook
from windtunnel.flight.options import Options, check_options, command_line, shown
from windtunnel.flight.plan import EVALUATE, Command, choose_runs, evaluate_command, list_run_ids, run_command
from windtunnel.flight.probes import PROBES, probe_of
from windtunnel.flight.progress import Progress, open_progress
from windtunnel.flight.results import hold, move_aside, move_earlier, require_free_space
from windtunnel.flight.resume import check_same_code, earlier_record, standing_runs
from windtunnel.flight.tower import Tower
from windtunnel.flight.tree import adopting_orphans, stop_leftovers
from windtunnel.flight.workspace import Workspace
from windtunnel.hub.catalog import Catalogue
from windtunnel.hub.served import read_served_folder
from windtunnel.report.closing import UnusableComparisonError, comparison_stamp, read_comparison
from windtunnel.report.record import open_record
from windtunnel.report.table import format_bytes, format_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from windtunnel.evidence import CommandFlown, Flight
    from windtunnel.flight.containment import Containment
    from windtunnel.report.record import FlightRecord, FlightStatus

UNSANDBOXED = "flown without a sandbox: the code ran with the user's rights on this machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flown:
    """What came of a flight.

    Attributes:
        options: what was asked for, checked.
        record: what the report file says.
        flight: what the rules get.
        comparison: content of the aggregated metrics, None unless an evaluation wrote them.
        seconds: wall-clock time of the whole.
        interrupted: 128 + the signal that ended it, 0 if none did.
    """

    options: Options
    record: FlightRecord
    flight: Flight
    comparison: dict[str, Any] | None = None
    seconds: float = 0.0
    interrupted: int = 0

    @property
    def finished(self) -> bool:
        """Whether every command did its work, as far as exit codes say."""
        return self.record.status == "finished"


def fly(options: Options, *, err: Console) -> Flown:
    """Fly an experiment repository.

    Args:
        options: what to fly and how.
        err: gets progress and warnings.

    Raises:
        UsageError: the options ask for something that cannot be.
        FlightError: the flight could not be started or watched.
    """
    options = check_options(options)
    known = Catalogue(options.catalog)
    served = {id_: read_served_folder(id_, folder, known).states() for id_, folder in options.serve.items()}
    every_run = list_run_ids(options.repository)
    run_ids = choose_runs(every_run, options.runs)
    containment, without = choose_containment(options)
    with Interrupts() as interrupts, hold(options.results_dir), adopting_orphans():
        require_free_space(options.results_dir)
        workspace = Workspace(options.results_dir)
        logbook = Logbook(options, open_record(options, run_ids, served), workspace, containment)
        return _Flight(options, logbook, workspace, containment, interrupts, err=err).fly(every_run, without=without)


class _Flight:
    """One flight that holds its results folder."""

    def __init__(
        self,
        options: Options,
        logbook: Logbook,
        workspace: Workspace,
        containment: Containment,
        interrupts: Interrupts,
        *,
        err: Console,
    ) -> None:
        self._options = options
        self._logbook = logbook
        self._record = logbook.record
        self._workspace = workspace
        self._containment = containment
        self._interrupts = interrupts
        self._err = err
        self._earlier: FlightRecord | None = None
        self._comparison: dict[str, Any] | None = None
        self._started = time.monotonic()

    def fly(self, every_run: list[str], *, without: str) -> Flown:
        """Make the flight.

        Args:
            every_run: the names under which earlier results may lie.
            without: why there is no sandbox, where there is none.
        """
        if self._containment == "none":
            self._record.warnings.append(UNSANDBOXED)
            self._say(f"warning: {UNSANDBOXED.replace('ran', 'runs')} ({without})")
        if killed := stop_leftovers(str(self._options.results_dir)):
            self._say(f"{killed} processes of an earlier flight that was killed were still running, and were ended")
        self._begin(every_run)
        status: FlightStatus = "failed"
        problem = "the flight did not come to its end"
        written = False
        try:
            with self._interrupts.at_once():
                tmp = self._copy()
                written = True
                self._logbook.write()
            problem = self._in_environment(tmp)
            status = "failed" if problem else "finished"
        except Interrupted:
            status, problem = "interrupted", f"ended by {self._interrupts.received[0].name}"
        except WindtunnelError as error:
            problem = str(error)
            if written:
                self._say(f"go on with: {command_line(self._options, resume=True)}")
            raise
        finally:
            self._workspace.discard()
            if written:
                self._record.finish(status, problem=problem)
                self._write_end()
        if status == "interrupted":
            self._say_interrupted(flown=written)
        return Flown(
            options=self._options,
            record=self._record,
            flight=self._logbook.flight(),
            comparison=self._comparison,
            seconds=time.monotonic() - self._started,
            interrupted=self._interrupts.exit_code if status == "interrupted" else 0,
        )

    def _begin(self, every_run: list[str]) -> None:
        """Take up the earlier flight of the results folder, or move it out of the way."""
        results_dir = self._options.results_dir
        if self._options.resume:
            self._earlier = earlier_record(self._workspace.report, self._options, self._record.served_files)
            if self._earlier is None:
                self._say(f"nothing to resume in {shown(results_dir)}: a new flight begins")
            else:
                self._logbook.take_up(self._earlier)
                if moved := move_aside(results_dir, ["comparison"]):
                    self._say(f"the earlier comparison in {shown(results_dir)} is now in {shown(moved)}")
        if self._earlier is None:
            self._workspace.discard()
            if moved := move_earlier(results_dir, every_run):
                self._say(f"the earlier flight in {shown(results_dir)} is now in {shown(moved)}")

    def _copy(self) -> Path:
        """Copy the repository, and return the TMPDIR of the flown commands."""
        tmp = self._workspace.prepare()
        copied = copy_repository(
            self._options.repository, self._workspace.repository, results_dir=self._options.results_dir
        )
        self._record.tree_sha256, self._record.left_out = copied.tree_sha256, list(copied.left_out)
        if self._earlier is not None:
            check_same_code(self._earlier, copied.tree_sha256)
        return tmp

    def _in_environment(self, tmp: Path) -> str:
        """Fly in the environment that was asked for; return why the flight failed, or nothing."""
        options = self._options
        with self._interrupts.at_once():
            environment = prepare(
                options.env,
                options.repository,
                as_of=options.as_of,
                sandboxed=self._containment != "none",
                say=self._say,
            )
        self._logbook.environment(environment)
        if not isinstance(environment, Environment):
            return environment[0].message
        names = [*self._record.run_ids, *([EVALUATE] if options.mode == "full" else [])]
        with ExitStack() as stack:
            with self._interrupts.at_once():
                tower = stack.enter_context(
                    Tower(
                        options,
                        self._workspace,
                        containment=self._containment,
                        environment=environment,
                        tmp=tmp,
                        interrupts=self._interrupts,
                    )
                )
            progress = stack.enter_context(open_progress(self._err, names))
            for note in tower.hub.notes:
                progress.say(note)
            try:
                return self._commands(tower, progress, environment)
            finally:
                self._logbook.canary = tower.canary_alive()
                self._logbook.look_at(tower)

    def _commands(self, tower: Tower, progress: Progress, environment: Environment) -> str:
        options, run_ids = self._options, self._record.run_ids
        finished = {run.name for run in tower.recorder.store.runs() if run.state == "finished"}
        standing = standing_runs(self._earlier, finished) if self._earlier is not None else set()
        for run_id in run_ids:
            if run_id in standing:
                self._logbook.keep(run_id)
                progress.state(run_id, "kept", "finished in the earlier flight")
                continue
            command = run_command(run_id, python=tower.python, results_dir=options.results_dir, mode=options.mode)
            self._command(command, tower, progress)
            if self._logbook.trouble:
                return self._logbook.trouble
        failed = [run_id for run_id in run_ids if self._record.commands[run_id].status != "finished"]
        if failed:
            if options.mode == "full":
                progress.state(EVALUATE, "not started", f"{len(failed)} of {len(run_ids)} runs failed")
            return f"{len(failed)} of {len(run_ids)} runs failed: {', '.join(failed)}"
        if options.mode == "full":
            problem = self._evaluate(tower, progress)
            if options.probes and not problem:
                self._probe(progress, environment)
            return problem
        return ""

    def _evaluate(self, tower: Tower, progress: Progress) -> str:
        results_dir = self._options.results_dir
        before = comparison_stamp(results_dir)
        command = evaluate_command(self._record.run_ids, python=tower.python, results_dir=results_dir)
        flown = self._command(command, tower, progress)
        if flown.status != "finished":
            return "the evaluation failed"
        try:
            self._comparison = read_comparison(results_dir, before=before)
        except UnusableComparisonError as error:
            self._logbook.fail(EVALUATE, str(error))
            return str(error)
        return ""

    def _command(self, command: Command, tower: Tower, progress: Progress) -> CommandFlown:
        """Run one command and enter it in the report before and after."""
        self._interrupts.check()
        entry = self._logbook.begin(command)
        progress.state(command.name, "flying")
        flown = tower.run(command, entry, observe=lambda sample: progress.observe(command.name, sample))
        self._logbook.end(flown, tower)
        spent = f"{format_seconds(entry.seconds)}, peak memory {format_bytes(entry.peak_memory_bytes)}"
        state = "ok" if entry.status == "finished" else entry.status
        progress.state(command.name, state, f"{entry.reason} after {spent}" if entry.status == "failed" else spent)
        self._interrupts.check()
        return flown

    def _probe(self, progress: Progress, environment: Environment) -> None:
        """Fly the first run again, once for each question."""
        run_id = self._record.run_ids[0]
        for kind, told in PROBES.items():
            self._interrupts.check()
            progress.say(f"probe: {run_id} {told}")
            probe = probe_of(
                kind,
                run_id,
                self._options,
                containment=self._containment,
                environment=environment,
                interrupts=self._interrupts,
            )
            self._logbook.probes.append(probe)
        self._interrupts.check()

    def _write_end(self) -> None:
        """Write the report a last time; where that fails, what ends the flight is still said."""
        try:
            self._logbook.write()
        except WindtunnelError as error:
            self._say(str(error))

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
