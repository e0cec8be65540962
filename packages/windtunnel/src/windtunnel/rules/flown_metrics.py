"""Scores that full runs recorded: that they are numbers, in their range, and change with the model (criterion 11)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_numbers import is_measured, is_outcome, numbers, recorded_for, series, words
from windtunnel.rules.flown_processes import effective_steps, finished

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, RunRecorded
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_SHARES = frozenset({"accuracy", "acc", "f1", "precision", "recall", "auc", "auroc"})
_CORRELATIONS = frozenset({"mcc", "matthews", "pearson", "spearman"})
_PERPLEXITIES = frozenset({"perplexity", "ppl"})
_OF_TRAINING = frozenset({"train", "training"})
_ROUNDING = 1e-6
_FEWEST_VALUES = 3
_FEWEST_STEPS = 100


class FLY045(Rule):
    """A score is no number."""

    name = "score-not-finite"
    criterion = 11
    source = "flight"
    doc = Doc(
        what="Scores and evaluation losses of full runs that are NaN or infinite at their last value.",
        why="Often a mean over no examples, or of a model whose weights are NaN. No table can be made of it.",
        example='wandb.summary["accuracy"] = np.mean([])',
        instead='if not correct:\n    raise ValueError("the evaluation split is empty")',
        limits="NaN before the last value, and of a correlation, is a warning: it may not be defined there.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for command, run in _runs(repo):
            for key, values in _scores(run).items():
                if "loss" in words(key) and words(key) & _OF_TRAINING:
                    continue  # FLY040
                wrong = sum(not math.isfinite(value) for value in values)
                if not wrong:
                    continue
                # a correlation is not defined where a small model gives one answer to all
                lasting = not math.isfinite(values[-1]) and is_measured(key) and not words(key) & _CORRELATIONS
                yield self.finding(
                    f"{wrong} of {len(values)} values of {key!r} are NaN or infinite",
                    Place("src/train.py"),
                    fix="look at how many examples it is computed on, and whether the loss is finite",
                    severity=None if lasting else Severity.WARNING,
                    runs=(command.name,),
                    modes=("full",),
                )


class FLY046(Rule):
    """A score is outside its range."""

    name = "score-out-of-range"
    criterion = 11
    source = "flight"
    doc = Doc(
        what="Accuracy, F1, precision, recall and areas under curves below 0 or above 100, correlations beyond 1 (or "
        "100 where given in percent), perplexities below 1.",
        why="Such a number is not the metric that its name promises.",
        example="accuracy = correct / len(loader)   # batches, not examples",
        instead="accuracy = correct / len(loader.dataset)",
        limits="Shares and correlations between 1 and 100 are taken for percent.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for command, run in _runs(repo):
            for key, values in _scores(run).items():
                finite = [value for value in values if math.isfinite(value)]
                if not finite or not is_measured(key):
                    continue
                if reason := _impossible(key, min(finite), max(finite)):
                    yield self.finding(
                        f"{key!r} was {reason}",
                        Place("src/train.py"),
                        fix="compute it on examples, not on batches, and with both arguments in their order",
                        runs=(command.name,),
                        modes=("full",),
                    )


class FLY047(Rule):
    """A score never changes."""

    name = "constant-score"
    criterion = 11
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what=f"Losses and scores of full runs with at least {_FEWEST_VALUES} values in W&B, all the same to the last "
        f"digit, although at least {_FEWEST_STEPS} effective optimizer steps were taken.",
        why="What is computed does not depend on the model: a constant, a cached result, one class for every example.",
        example='wandb.log({"val_accuracy": best})   # set before training',
        instead='wandb.log({"val_accuracy": evaluate(model)})',
        limits="A perfect score may stay what it is; nothing is said of it.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for command, run in _runs(repo):
            if effective_steps(command.processes) < _FEWEST_STEPS:
                continue
            exercised = True
            for key, values in series(run).items():
                if not is_outcome(key) or not is_measured(key) or "best" in words(key):
                    continue
                if len(values) < _FEWEST_VALUES or len(set(values)) > 1 or values[0] in {1.0, 100.0}:
                    continue
                yield self.finding(
                    f"{key!r} was {values[0]!r} all {len(values)} times",
                    Place("src/train.py"),
                    fix="compute it anew from the model each time",
                    runs=(command.name,),
                    modes=("full",),
                )
        if not exercised:
            raise Skip(f"not exercised: no full run was seen to take {_FEWEST_STEPS} effective steps")


def _runs(repo: Repo) -> list[tuple[CommandFlown, RunRecorded]]:
    """The finished full runs with what W&B has of them.

    Raises:
        Skip: W&B has nothing of any.
    """
    found = [
        (command, run)
        for flight in repo.flown("full")
        for command in finished(flight)
        if (run := recorded_for(flight, command.name)) is not None
    ]
    if not found:
        raise Skip("W&B has nothing of a full run that came to its end")
    return found


def _scores(run: RunRecorded) -> dict[str, list[float]]:
    """Losses and scores of the history, and those of the summary that the history has not."""
    history = series(run)
    found = {**{key: [value] for key, value in numbers(run.summary).items() if key not in history}, **history}
    return {key: values for key, values in found.items() if is_outcome(key)}


def _impossible(key: str, least: float, most: float) -> str:
    """What is impossible about a score, "" if nothing is."""
    of = words(key)
    if of & _PERPLEXITIES:
        return f"{least:.6g}, and a perplexity is at least 1" if least < 1 - _ROUNDING else ""
    if "loss" in of:
        return ""
    if of & _CORRELATIONS:
        if max(-least, most) <= 1 + _ROUNDING:
            return ""
        return f"{max(least, most, key=abs):.6g}, and a correlation is at most 1" if max(-least, most) > 100 else ""
    if of & _SHARES:
        if least < -_ROUNDING:
            return f"{least:.6g}, and cannot be below 0"
        if most > 100 + _ROUNDING * 100:
            return f"{most:.6g}, and cannot be above 1 (or 100 in percent)"
    return ""
