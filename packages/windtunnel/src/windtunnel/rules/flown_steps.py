"""Optimizer steps of a flight: whether there were any, and whether they could change anything (criterion 12)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import (
    asked_of_hub,
    effective_steps,
    ended,
    finished,
    line_at,
    optimizers,
    place_of,
    promises_training,
    trains_in_code,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, Flight, LossSeen
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# a schedule with a warm-up begins at a learning rate of 0: that says nothing of so few steps
_FEWEST = 3


class FLY031(Rule):
    """A run takes no optimizer step."""

    name = "run-without-step"
    criterion = 12
    source = "flight"
    doc = Doc(
        what="Runs with exit code 0 in which the observer saw every process to its end and no optimizer of torch took "
        "a step, although the code or the run configuration says that something is trained.",
        why="Nothing was trained: what is reported is the model as it was loaded. Often gradients are accumulated over "
        "more batches than there are, or the loop is left before the step.",
        example="if (step + 1) % 8 == 0:\n    optimizer.step()   # in a trial of two batches",
        instead="if (step + 1) % accumulation == 0 or step + 1 == len(loader):\n    optimizer.step()",
        limits="Training without torch is not seen; then the question stays open.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown():
            for command in finished(flight):
                if not whole(command):
                    continue
                exercised = True
                if optimizers(command):
                    continue
                severity = _weight(repo, flight, command)
                if severity is not None:
                    yield self._idle(flight, command, severity)
        if not exercised:
            raise Skip("not exercised: the observer followed no finished run to its end")

    def _idle(self, flight: Flight, command: CommandFlown, severity: Severity) -> Finding:
        losses = [loss for process in command.processes for loss in process.losses if loss.count]
        place = place_of(losses[0].place if losses else "")
        return self.finding(
            "the run ended with exit code 0 without one optimizer step" + _backward(losses),
            place,
            fix="take a step for every batch or group of batches, and one for a last group that is not full",
            severity=severity,
            runs=(command.name,),
            modes=(flight.mode,),
        )


class FLY032(Rule):
    """No step of an optimizer can change anything."""

    name = "step-without-effect"
    criterion = 12
    source = "flight"
    doc = Doc(
        what="Optimizers of which no step had both a learning rate above 0 and a parameter with a gradient.",
        why="The weights stay as they were: the run costs time and trains nothing.",
        example="loss = criterion(logits.detach(), labels) + 0 * weight.sum()",
        instead="loss = criterion(logits, labels)",
        limits=f"A learning rate of 0 is believed to be a warm-up in the first {_FEWEST - 1} steps.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown():
            for command in flight.training:
                processes = ended(command, "torch")
                others = effective_steps(processes)
                for seen in (optimizer for process in processes for optimizer in process.optimizers):
                    if seen.steps < _FEWEST and seen.learning_rates[0] == 0:
                        continue
                    exercised = True
                    if seen.effective_steps or not seen.steps:
                        continue
                    still = max(seen.learning_rates) == 0
                    at = place_of(seen.built if still and seen.built else seen.place)
                    yield self.finding(
                        f"{seen.name} took {seen.steps} steps, none of which could change anything: "
                        + ("its learning rate was 0" if still else "no parameter of it had a gradient other than 0"),
                        at,
                        evidence=line_at(repo, at),
                        fix="give the optimizer a learning rate above 0"
                        if still
                        else "hand the optimizer the parameters that the loss depends on, and call backward first",
                        severity=Severity.WARNING if others else None,
                        runs=(command.name,),
                        modes=(flight.mode,),
                    )
        if not exercised:
            raise Skip("not exercised: the observer saw no optimizer take enough steps")


def _weight(repo: Repo, flight: Flight, command: CommandFlown) -> Severity | None:
    """How much it weighs that a run took no step; None where it was not meant to train."""
    if any(loss.count for process in command.processes for loss in process.losses):
        return Severity.BLOCKER
    promised = promises_training(repo, command.name)
    if not trains_in_code(repo):
        return Severity.UNDECIDED if promised and asked_of_hub(flight.commands) else None
    if not command.name.startswith("proposed") and any(optimizers(other) for other in flight.training):
        return Severity.WARNING if promised else None  # a method without training may be compared with one that trains
    return Severity.BLOCKER if promised and ended(command, "torch") else Severity.UNDECIDED


def _backward(losses: list[LossSeen]) -> str:
    calls = sum(loss.count for loss in losses)
    return f", although backward was called {calls} {'time' if calls == 1 else 'times'}" if calls else ""
