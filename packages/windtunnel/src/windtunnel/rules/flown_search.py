"""Optuna's searches in a flight: that what they suggest makes a difference (criterion 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_processes import line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import ConfigSeen, SearchSeen
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_FEWEST_TRIALS = 3


class FLY087(Rule):
    """A search whose suggestions change nothing."""

    name = "search-without-effect"
    criterion = 7
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what=f"Optuna studies with at least {_FEWEST_TRIALS} completed trials of different parameters, all with the "
        "same value to the last digit; and suggested names under which the configuration was set and never read.",
        why="The budget of the search is spent, and the best trial is the first one.",
        example="trial_cfg.training.learning_rate = trial.suggest_float(...)\nreturn train(cfg)   # not trial_cfg",
        instead="return train(trial_cfg)",
        limits="An accuracy on few rows may be the same by chance, which is why this alone blocks nothing.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown():
            for command in flight.training:
                for process in command.processes:
                    for search in process.searches:
                        exercised = exercised or len(search.values) >= _FEWEST_TRIALS
                        at = place_of(search.place)
                        for message in _without_effect(search, process.config):
                            yield self.finding(
                                message,
                                at,
                                evidence=line_at(repo, at),
                                fix="have the objective train with the configuration that holds what was suggested",
                                runs=(command.name,),
                                modes=(flight.mode,),
                            )
        if not exercised:
            raise Skip(f"not exercised: no Optuna study completed {_FEWEST_TRIALS} trials")


def _without_effect(search: SearchSeen, config: ConfigSeen | None) -> Iterator[str]:
    values = set(search.values)
    if len(search.values) >= _FEWEST_TRIALS and search.tried > 1 and len(values) == 1:
        shown = ", ".join("NaN" if value is None else f"{value:.6g}" for value in next(iter(values)))
        yield (
            f"{len(search.values)} trials with {search.tried} different sets of {', '.join(search.names)} all came to "
            f"{shown}"
        )
    if config is None or config.bulk:
        return
    for name in search.names:
        set_by_name = [key for key in config.assigned if key.rpartition(".")[2] == name.rpartition(".")[2]]
        if set_by_name and not any(key in config.reads for key in set_by_name):
            yield f"{name!r} is suggested and set as {', '.join(set_by_name)}, which no code reads"
