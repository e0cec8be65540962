"""Losses of a flight: that they are numbers, and that they change (criterion 12)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_numbers import recorded_for, series, words
from windtunnel.rules.flown_processes import line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import Flight, LossSeen
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_OF_EVALUATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev", "best"})
_FEWEST = 5


class FLY040(Rule):
    """The loss is no number."""

    name = "loss-not-finite"
    criterion = 12
    source = "flight"
    doc = Doc(
        what="Losses that were NaN or infinite when backward was called on them, and training losses that W&B got so.",
        why="One step with such a loss makes every weight NaN; all that follows is worthless.",
        example="loss = -torch.log(probabilities).mean()   # a probability of 0",
        instead="loss = F.cross_entropy(logits, labels)",
        limits="A few such losses among many are a warning: some code leaves these batches out.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown():
            for command in flight.training:
                recorded = _recorded(flight, command.name)
                told = [loss for process in command.processes for loss in process.losses if loss.count]
                exercised = exercised or bool(told) or bool(recorded)
                for loss in (loss for loss in told if loss.not_finite):
                    yield self._of_backward(repo, flight, command.name, loss, contradicted=_all_finite(recorded))
                if any(loss.not_finite for loss in told):
                    continue
                for key, values in recorded.items():
                    wrong = sum(not math.isfinite(value) for value in values)
                    if wrong:
                        yield self.finding(
                            f"{wrong} of {len(values)} values of {key!r} in W&B are NaN or infinite",
                            Place("src/train.py"),
                            fix="find the first step at which it is, and what is divided by 0 or overflows there",
                            severity=None if not math.isfinite(values[-1]) else Severity.WARNING,
                            runs=(command.name,),
                            modes=(flight.mode,),
                        )
        if not exercised:
            raise Skip("not exercised: no loss was seen or recorded")

    def _of_backward(self, repo: Repo, flight: Flight, name: str, loss: LossSeen, *, contradicted: bool) -> Finding:
        at = place_of(loss.place)
        lasting = loss.not_finite * 2 > loss.count or (bool(loss.last) and loss.last[-1] is None)
        severity = Severity.UNDECIDED if lasting and contradicted else None if lasting else Severity.WARNING
        return self.finding(
            f"{loss.not_finite} of {loss.count} losses were NaN or infinite, the first at backward call "
            f"{loss.first_not_finite}" + ("; W&B got only finite ones" if contradicted else ""),
            at,
            evidence=line_at(repo, at),
            fix="find what is divided by 0 or overflows: labels that are all masked, a logarithm of 0, half precision",
            severity=severity,
            runs=(name,),
            modes=(flight.mode,),
        )


class FLY041(Rule):
    """The loss is the same at every step."""

    name = "constant-loss"
    criterion = 12
    source = "flight"
    doc = Doc(
        what=f"Places where backward was called at least {_FEWEST} times, always on the same value to the last digit.",
        why="A loss that does not change with the batch and the weights does not depend on them.",
        example="loss = torch.tensor(outputs.loss.item(), requires_grad=True)   # of a model that is never stepped",
        instead="loss = outputs.loss",
        limits="A constant 0 is a warning: a reward that miniature models never earn gives it, too.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown():
            for command in flight.training:
                for loss in (loss for process in command.processes for loss in process.losses):
                    values = {*loss.first, *loss.last}
                    if loss.count < _FEWEST or not values or None in values:
                        continue
                    exercised = True
                    if len(values) > 1:
                        continue
                    at, value = place_of(loss.place), values.pop()
                    yield self.finding(
                        f"the loss was {value!r} at all of {loss.count} backward calls",
                        at,
                        evidence=line_at(repo, at),
                        fix="compute the loss from the model's output for this batch, with its gradient",
                        severity=Severity.WARNING if value == 0 or _varies(flight, command.name) else None,
                        runs=(command.name,),
                        modes=(flight.mode,),
                    )
        if not exercised:
            raise Skip(f"not exercised: backward was not called {_FEWEST} times at any place")


def _recorded(flight: Flight, name: str) -> dict[str, list[float]]:
    """The training losses that W&B got, by key."""
    run = recorded_for(flight, name)
    if run is None:
        return {}
    return {
        key: values
        for key, values in series(run).items()
        if "loss" in words(key) and not words(key) & _OF_EVALUATION and not key.startswith("_")
    }


def _all_finite(recorded: dict[str, list[float]]) -> bool:
    return bool(recorded) and all(math.isfinite(value) for values in recorded.values() for value in values)


def _varies(flight: Flight, name: str) -> bool:
    """Whether W&B got training losses that change: another place may train."""
    return any(len(set(values)) > 1 for values in _recorded(flight, name).values())
