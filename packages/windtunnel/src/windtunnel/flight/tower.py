"""What is open while commands run: the two servers, the observer, the canary; and how one command is run among them."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from windtunnel.flight.cache import hub_store
from windtunnel.flight.canary import Canary
from windtunnel.flight.containment import sandbox_of
from windtunnel.flight.gathering import Watch, first_crash
from windtunnel.flight.limits import Limits
from windtunnel.flight.observer import Observer, crash_in_log
from windtunnel.flight.options import command_line
from windtunnel.flight.plan import EVALUATE
from windtunnel.flight.process import run_watched
from windtunnel.flight.workspace import socket_folder
from windtunnel.hub import Hub
from windtunnel.recorder import Recorder
from windtunnel.report.failure import explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.evidence import CommandFlown
    from windtunnel.flight.containment import Containment
    from windtunnel.flight.environment import Environment
    from windtunnel.flight.interrupts import Interrupts
    from windtunnel.flight.options import Options
    from windtunnel.flight.plan import Command
    from windtunnel.flight.process import Sample
    from windtunnel.flight.sandbox import Sandbox
    from windtunnel.flight.workspace import Workspace
    from windtunnel.report.record import CommandRecord

_PREFIX = "windtunnel-"  # unix sockets have short names


class Tower:
    """The surroundings of the commands of one flight, open while the context is.

    Args:
        options: what is flown and how.
        workspace: the flight's folders, with the copy of the repository.
        containment: what the commands are kept in.
        environment: what they run with.
        tmp: their TMPDIR.
        interrupts: whether the user asked to end the flight.
        permute_labels: seed by which the hub permutes the labels of training rows; not at all if left out.

    Attributes:
        hub: the models and the data.
        recorder: the W&B server.
        sandbox: what the commands run in.
        python: the interpreter they run with.
    """

    hub: Hub
    recorder: Recorder
    sandbox: Sandbox

    def __init__(
        self,
        options: Options,
        workspace: Workspace,
        *,
        containment: Containment,
        environment: Environment,
        tmp: Path,
        interrupts: Interrupts,
        permute_labels: int | None = None,
    ) -> None:
        self.python = environment.python
        self._options = options
        self._workspace = workspace
        self._containment = containment
        self._environment = environment
        self._tmp = tmp
        self._interrupts = interrupts
        self._permute_labels = permute_labels
        self._canary = Canary(options.results_dir)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def _open(self, stack: ExitStack) -> None:
        options, workspace = self._options, self._workspace
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX, dir=socket_folder())))
        self.hub = Hub(
            store=workspace.hub_store if options.serve else hub_store(),
            serve=options.serve or None,
            catalog=options.catalog,
            permute_labels=self._permute_labels,
        )
        self.recorder = Recorder(workspace.database)
        relays = {self.hub.port: sockets / "hub", self.recorder.port: sockets / "recorder"}
        self.hub.listen_on(relays[self.hub.port])
        self.recorder.listen_on(relays[self.recorder.port])
        for server in (self.hub, self.recorder):
            stack.enter_context(server)
        self._observer = stack.enter_context(Observer(sockets / "observer", repository=workspace.repository))
        self.sandbox = sandbox_of(
            self._containment,
            workspace,
            self._environment,
            tmp=self._tmp,
            relays=relays,
            sockets=[self._observer.socket],
            shown=self._observer.folders,
        )
        servers = {**self.hub.environment(workspace.home), **self.recorder.environment(workspace.home)}
        self._variables = {
            **workspace.environment(
                self._tmp, servers, prefix=self._environment.prefix, contained=self._containment != "none"
            ),
            **self._observer.environment(hub_url=self.hub.url),
        }
        self._canary.put()

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def canary_alive(self) -> bool:
        """Take the canary out of the results folder and say whether it was as it had been put."""
        return self._canary.take()

    def run(self, command: Command, entry: CommandRecord, *, observe: Callable[[Sample], None]) -> CommandFlown:
        """Run one command to its end and return all that came of it.

        Args:
            command: what to run.
            entry: gets how it ended.
            observe: called about once a second with what the command looks like.
        """
        options, workspace = self._options, self._workspace
        log = options.results_dir / entry.log
        self.recorder.phase = command.name
        watch = Watch(workspace, self.hub, self.recorder)
        self._observer.take()
        outcome = run_watched(
            command.argv,
            folder=workspace.repository,
            environment=self._variables,
            log=log,
            timeout_seconds=options.timeout_seconds,
            interrupted=lambda: self._interrupts.requested,
            urgent=lambda: self._interrupts.urgent,
            observe=observe,
            sandbox=self.sandbox,
            limits=Limits.of_this_machine(memory_bytes=options.memory_bytes)
            if self._containment != "none"
            else Limits(memory_bytes=options.memory_bytes),
        )
        entry.end(outcome, reason=explain(outcome, log, timeout_seconds=options.timeout_seconds))
        processes = self._observer.take()
        crash = first_crash(processes, crash_in_log(log, workspace.repository)) if entry.status == "failed" else None
        again = command_line(options, run=None if command.name == EVALUATE else command.name)
        return watch.end(entry, again=again, processes=processes, crash=crash, log=log)
