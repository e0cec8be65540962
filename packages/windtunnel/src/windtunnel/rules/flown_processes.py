"""What the rules of a flight ask of the processes of a command: which were watched to their end, and what they did."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from windtunnel.findings import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from windtunnel.evidence import CommandFlown, Flight, OptimizerSeen, ProcessSeen
    from windtunnel.repo import Repo

_PLACE = re.compile(r"(.+\.py):(\d+)")
_TRAINING = re.compile(r"\.backward\(|\b\w*Trainer\(|\btorch\.optim\b|\boptim\w*\.step\(")
# what a promise to train is called in a run configuration
_PROMISES = ("learning_rate", "lr", "epochs", "num_epochs", "num_train_epochs", "max_steps", "optimizer")


def finished(flight: Flight) -> tuple[CommandFlown, ...]:
    """The training commands that came to their end without an error."""
    return tuple(command for command in flight.training if command.status == "finished" and command.exit_code == 0)


def whole(command: CommandFlown) -> bool:
    """Whether every process of a command was watched to its end: what was not seen there was not there."""
    return bool(command.processes) and all(
        process.said_goodbye and not process.faults and not process.cut for process in command.processes
    )


def ended(command: CommandFlown, what: str) -> tuple[ProcessSeen, ...]:
    """The processes in which ``what`` was watched to the end."""
    return tuple(
        process
        for process in command.processes
        if what in process.watched and process.said_goodbye and not process.faults
    )


def optimizers(command: CommandFlown) -> tuple[OptimizerSeen, ...]:
    """The optimizers that took a step in any process of a command."""
    return tuple(optimizer for process in command.processes for optimizer in process.optimizers)


def effective_steps(processes: Iterable[ProcessSeen]) -> int:
    """The effective steps of the optimizer that took most of them."""
    return max((seen.effective_steps for process in processes for seen in process.optimizers), default=0)


def place_of(text: str, path: str = "src/train.py") -> Place:
    """Return the place that the observer calls "src/train.py:42"; ``path`` if it knows none."""
    found = _PLACE.fullmatch(text)
    return Place(found[1], int(found[2])) if found else Place(path)


def line_at(repo: Repo, place: Place) -> str:
    """Return the line at a place, "" if there is none."""
    file = repo.submission.files.get(place.path)
    lines = (file.text or "").splitlines() if file is not None else []
    return lines[place.line - 1].strip() if 0 < place.line <= len(lines) else ""


def trains_in_code(repo: Repo) -> bool:
    """Whether the code has anything that looks like training; an experiment may compare methods that need none."""
    return any(_TRAINING.search(source.text) for source in repo.sources.values())


def promises_training(repo: Repo, run_id: str) -> bool:
    """Whether the configuration of a run names epochs, a learning rate or an optimizer that is not zero or empty."""
    return any(
        repo.configured(f"{section}{name}", run_id) not in (None, 0, 0.0, "", "none", False)
        for section in ("training.", "")
        for name in _PROMISES
    )


def asked_of_hub(commands: Iterable[CommandFlown]) -> bool:
    """Whether commands asked the hub for a model or a dataset."""
    return any(answer.repo_type in {"model", "dataset"} for command in commands for answer in command.hub)
