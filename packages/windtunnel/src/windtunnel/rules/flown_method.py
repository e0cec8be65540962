"""The proposed method of a flight: that it does something that the methods it is compared with do not (criterion 4)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_numbers import is_outcome, is_repeatable, recorded_for, series
from windtunnel.rules.flown_processes import effective_steps, ended, finished, line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, Flight, HookSeen
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_BEGINS_LATER = re.compile(r"warm|start|begin|after|delay|interval|freq|every|period|steps|until|epoch", re.IGNORECASE)
_FEWEST_VALUES = 3
_FEWEST_STEPS = 3


class FLY060(Rule):
    """The proposed run is the comparative run, digit by digit."""

    name = "method-without-effect"
    criterion = 4
    source = "flight"
    doc = Doc(
        what="A proposed and a comparative run of a full flight whose histories in W&B are equal in every number of "
        "every key that both have, times and memory left out.",
        why="The proposed method never took effect: the comparison compares a method with itself.",
        example='if type(module).__name__ == "LoraLayer":   # never true: the class is called Linear\n    ...',
        instead="if isinstance(module, LoraLayer):\n    scale(module)",
        limits="Where the run configuration has the method begin after more steps than the miniature takes, nothing is "
        "said.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        reasons: list[str] = []
        exercised = False
        for flight in repo.flown("full"):
            done = {command.name: _numbers(flight, command.name) for command in finished(flight)}
            for proposed in (name for name in done if name.startswith("proposed")):
                for other in (name for name in done if not name.startswith("proposed")):
                    shared = [key for key in done[proposed] if key in done[other]]
                    if not any(is_outcome(key) and len(set(done[proposed][key])) >= _FEWEST_VALUES for key in shared):
                        continue
                    exercised = True
                    if any(done[proposed][key] != done[other][key] for key in shared):
                        continue
                    if later := _begins_later(repo, flight, proposed):
                        reasons.append(later)
                        continue
                    yield self.finding(
                        f"{proposed} and {other} recorded the same numbers to the last digit in all of {len(shared)} "
                        f"keys: {', '.join(shared[:6])}",
                        Place("src/train.py"),
                        fix="find where the method of the run configuration is chosen, and why it changes nothing",
                        related=(Place(repo.run_path(proposed)), Place(repo.run_path(other))),
                        runs=(proposed, other),
                        modes=("full",),
                    )
        if reasons:
            raise Skip(f"not exercised: {reasons[0]}")
        if not exercised:
            raise Skip("not exercised: no proposed and comparative run with three different losses or scores")


class FLY061(Rule):
    """A hook never fires."""

    name = "hook-never-fired"
    criterion = 4
    source = "flight"
    doc = Doc(
        what="Hooks that the repository's code registered on modules or tensors, none of which was called in any "
        f"process of the flight although at least {_FEWEST_STEPS} effective optimizer steps were taken.",
        why="What the hook measures stays empty, and what depends on it falls back to a default without an error.",
        example="frozen.register_full_backward_hook(collect)   # no gradient passes through it",
        instead="for module in adapted_modules(model):\n    module.register_full_backward_hook(collect)",
        limits="Hooks for something that comes after the miniature's few steps.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full", "trial"):
            seen: dict[tuple[str, str], list[tuple[CommandFlown, HookSeen]]] = {}
            for command in finished(flight):
                processes = ended(command, "torch")
                if effective_steps(processes) < _FEWEST_STEPS:
                    continue
                exercised = True
                for hook in (hook for process in processes for hook in process.hooks if hook.registered):
                    seen.setdefault((hook.place, hook.kind), []).append((command, hook))
            for (place, kind), hooks in seen.items():
                if any(hook.fired for _, hook in hooks):
                    continue
                at = place_of(place)
                backward = "forward" not in kind
                names = {command.name for command, _ in hooks}
                yield self.finding(
                    f"{sum(hook.registered for _, hook in hooks)} hooks were registered with {kind} and never called",
                    at,
                    evidence=line_at(repo, at),
                    fix="register it on modules that the training forward and backward pass go through",
                    severity=None
                    if backward and any(name.startswith("proposed") for name in names)
                    else Severity.WARNING,
                    runs=tuple(sorted(names)),
                    modes=(flight.mode,),
                )
        if not exercised:
            raise Skip(f"not exercised: no finished run was seen to take {_FEWEST_STEPS} effective steps")


def _numbers(flight: Flight, name: str) -> dict[str, list[float]]:
    run = recorded_for(flight, name)
    if run is None:
        return {}
    return {key: values for key, values in series(run).items() if is_repeatable(key)}


def _begins_later(repo: Repo, flight: Flight, run_id: str) -> str:
    """Why the miniature may be too short for the method, "" if it is not."""
    run, command = recorded_for(flight, run_id), flight.command(run_id)
    taken = max(run.steps if run else 0, effective_steps(command.processes) if command else 0)
    document = repo.documents.get(repo.run_path(run_id))
    for key, value in _leaves(document.value if document else None):
        if isinstance(value, int) and not isinstance(value, bool) and value > taken and _BEGINS_LATER.search(key):
            return f"{key} of {run_id} is {value}, and its miniature logged {taken} steps"
    return ""


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{key}.{name}" if key else str(name))
    else:
        yield key, value
