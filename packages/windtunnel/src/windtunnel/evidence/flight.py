"""What is known of a flight from outside, command by command, with what the observer told of each beside it."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass

from windtunnel.evidence.crash import Crash
from windtunnel.evidence.inside import ProcessSeen

if TYPE_CHECKING:
    from pathlib import Path

EVALUATE = "evaluate"


@dataclass(frozen=True)
class FileSeen:
    """A file that a command made or changed.

    Attributes:
        path: relative to the results folder, or to the copy of the repository.
        size: in bytes.
        sha256: of its content, "" if it is larger than what is hashed.
        made: whether it was not there before the command.
        numbers: of a small JSON file, the finite numbers by their dotted keys.
    """

    path: str
    size: int
    sha256: str = ""
    made: bool = True
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class HubAnswer:
    """Requests for one repository of the hub with the same answer.

    Attributes:
        repo_type: "model", "dataset" or "space"; "" where the address names no repository.
        repo_id: as it was asked for.
        status: of the answer.
        code: the hub's ``X-Error-Code``, "" for none.
        count: how many requests.
    """

    repo_type: str
    repo_id: str
    status: int
    code: str = ""
    count: int = 1


@dataclass(frozen=True)
class Asked:
    """What a client read of a run from the recorder: the history keys it named, empty for all."""

    run: str
    what: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommandFlown:
    """One command of the contract, and all that came of it.

    Attributes:
        name: the run id, or "evaluate".
        argv: as it ran.
        again: a line for a shell that runs it again.
        status: "finished", "failed", "interrupted".
        reason: why it failed, in one line.
        limit: which limit ended it ("time", "memory", "processes", "disk", "output"), "" for none.
        exit_code: what it returned, None if a signal ended it.
        seconds: wall-clock time.
        peak_memory_bytes: highest resident size of its processes together.
        leftover_processes: how many outlived it and were ended.
        crash: of the process that failed first, as told by the observer or read from the log.
        output: the last lines of its log.
        processes: what the observer told, in the order in which they started; empty if it told nothing.
        results: the files it made or changed in the results folder.
        repository: the files it made or changed in the copy of the repository.
        hub: what it asked the hub for.
        asked: what it read from the recorder.
    """

    name: str
    argv: tuple[str, ...]
    again: str
    status: Literal["finished", "failed", "interrupted"]
    reason: str = ""
    limit: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    peak_memory_bytes: int = 0
    leftover_processes: int = 0
    crash: Crash | None = None
    output: tuple[str, ...] = ()
    processes: tuple[ProcessSeen, ...] = ()
    results: tuple[FileSeen, ...] = ()
    repository: tuple[FileSeen, ...] = ()
    hub: tuple[HubAnswer, ...] = ()
    asked: tuple[Asked, ...] = ()


@dataclass(frozen=True)
class RunRecorded:
    """A W&B run as the recorder has it.

    Attributes:
        entity: its entity.
        project: its project.
        name: the id in the address of the run.
        display_name: what ``wandb.init(name=…)`` gave.
        state: "finished", "failed", "crashed", "running".
        command: the command during which it began.
        steps: how many history rows it has.
        config: as W&B keeps it, without the ``value`` layer.
        summary: the last value of each key.
        keys: the history keys.
        history: the rows in their order, the first 1000 and the last 1000; NaN and infinities as "NaN", "Infinity".
        starts: how often a process began to log to it, anew or resuming.
    """

    entity: str
    project: str
    name: str
    display_name: str
    state: str
    command: str
    steps: int
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    history: tuple[dict[str, Any], ...] = ()
    starts: int = 1


@dataclass(frozen=True)
class UnknownId:
    """An id that was asked for and that the catalogue does not have: undecided, never a guess.

    Attributes:
        repo_type: "model", "dataset", "metric" or "download".
        repo_id: as it was asked for.
        lines: what adds it to a file for ``--catalog``.
    """

    repo_type: str
    repo_id: str
    lines: str


@dataclass(frozen=True)
class Trouble:
    """What kept a flight from being made as it should.

    Attributes:
        kind: "install" (the project's environment cannot be made: the repository's fault), "missing" (a declared
            package is not installed here), "undecided" (anything else that leaves the question open).
        message: what happened, in a sentence.
        fix: what to do.
        evidence: the lines that show it, such as the resolver's.
        path: the file at fault, "" if none.
        line: in it, 0 if unknown.
    """

    kind: Literal["install", "missing", "undecided"]
    message: str
    fix: str = ""
    evidence: str = ""
    path: str = ""
    line: int = 0


@dataclass(frozen=True)
class Probe:
    """A further flight of one run configuration that asks one question.

    Attributes:
        kind: "again" (the same seed once more), "permuted" (the labels of the training rows permuted).
        command: how it went.
        runs: what it recorded.
    """

    kind: Literal["again", "permuted"]
    command: CommandFlown
    runs: tuple[RunRecorded, ...] = ()


@dataclass(frozen=True)
class Flight:
    """A flight in one mode.

    Attributes:
        mode: "trial" or "full".
        run_ids: the run configurations that were to be flown, in their order.
        environment: "current" or "project".
        sandbox: "bubblewrap" or "none".
        commands: those that were started, in their order.
        runs: what the recorder has.
        troubles: what kept the flight from being made as it should.
        unknown: ids that the catalogue does not have.
        notes: what a reader should know: shrunken models, shims in force, files left out.
        canary: whether the file that was put into the results folder before the flight is as it was.
        probes: further flights.
        accelerator: whether the flown processes could see a GPU.
        versions: the distributions of the flown environment that matter, by name.
    """

    mode: Literal["trial", "full"]
    run_ids: tuple[str, ...]
    environment: str = "current"
    sandbox: str = "none"
    commands: tuple[CommandFlown, ...] = ()
    runs: tuple[RunRecorded, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    unknown: tuple[UnknownId, ...] = ()
    notes: tuple[str, ...] = ()
    canary: bool = True
    probes: tuple[Probe, ...] = ()
    accelerator: bool = False
    versions: dict[str, str] = field(default_factory=dict)

    def command(self, name: str) -> CommandFlown | None:
        """The command of a run id or "evaluate", None if it was not started."""
        return next((command for command in self.commands if command.name == name), None)

    @property
    def training(self) -> tuple[CommandFlown, ...]:
        """The commands that made runs."""
        return tuple(command for command in self.commands if command.name != EVALUATE)


_FLIGHT = TypeAdapter(Flight)


def to_json(flight: Flight) -> bytes:
    """Return the flight as JSON."""
    return _FLIGHT.dump_json(flight, indent=1)


def from_json(text: bytes) -> Flight:
    """Read a flight back.

    Raises:
        pydantic.ValidationError: the text is not a flight's.
    """
    return _FLIGHT.validate_json(text)


def read(path: Path) -> Flight:
    """Read ``flight/evidence.json``."""
    return from_json(path.read_bytes())
