"""Further flights of a run that ask: is it the same again, does it learn from its labels (criteria 2 and 10)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_numbers import is_measured, is_outcome, is_repeatable, numbers, recorded_for, series, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import Flight, Probe, RunRecorded
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_TOLERANCE = 1e-6
# scores between 0 and 1 whose value by chance is known to be far below what a run that learns reaches
_SCORES = frozenset({"accuracy", "acc"})
_CORRELATIONS = frozenset({"mcc", "matthews"})
_OF_EVALUATION = frozenset({"val", "valid", "validation", "eval", "evaluation", "test", "dev"})
# of labels that were permuted nothing is learned: what is this far above chance comes from elsewhere
_WELL_ABOVE = 0.25
_NOISE = 0.05


class FLY070(Rule):
    """The same seed gives other numbers."""

    name = "not-repeatable"
    criterion = 2
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Losses and scores of a run that was flown twice with the same configuration, on the same machine, and "
        f"that differ by more than one in {1 / _TOLERANCE:,.0f}; times and memory are left out.",
        why="Nobody can repeat the result, and a difference between methods may be one between two draws.",
        example='DataLoader(rows, shuffle=True)   # before torch.manual_seed(cfg["seed"])',
        instead="set_seed(cfg.seed)   # before data and model are made",
        limits="On a GPU some operations differ by themselves: there the rule says nothing.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight, probe, run, again in _pairs(repo, "again"):
            if flight.accelerator:
                raise Skip("not exercised: operations on a GPU need not be repeatable")
            once, twice = _all(run), _all(again)
            shared = [key for key in once if key in twice and is_repeatable(key) and is_outcome(key)]
            exercised = exercised or bool(shared)
            for key in shared:
                differing = [
                    (number, one, other)
                    for number, (one, other) in enumerate(zip(once[key], twice[key], strict=False))
                    if not _same(one, other)
                ]
                if not differing and len(once[key]) == len(twice[key]):
                    continue
                what = (
                    f"{key} was {differing[0][1]:.6g} and then {differing[0][2]:.6g}"
                    if differing
                    else f"{key} has {len(once[key])} values and then {len(twice[key])}"
                )
                yield self.finding(
                    f"flown twice with the same seed, {probe.command.name} recorded other numbers: {what}",
                    Place("src/train.py"),
                    fix="seed random, numpy and torch from the configuration before data and model are made",
                    runs=(probe.command.name,),
                    modes=("full",),
                )
                break
        if not exercised:
            raise Skip("not exercised: no run was flown twice with losses or scores in W&B")


class FLY071(Rule):
    """The score stays high although the training labels say nothing."""

    name = "score-without-labels"
    criterion = 10
    source = "flight"
    doc = Doc(
        what="A run that was flown once more with the labels of its training rows permuted: its accuracy or Matthews "
        "correlation on evaluation rows stays well above chance and where it was.",
        why="Nothing can be learned from permuted labels. The score comes from somewhere else: evaluation rows among "
        "the training rows, or the answer within the question.",
        example='prompt = f"{row["sentence"]} Label: {row["label"]}"',
        instead='prompt = f"{row["sentence"]} Label:"',
        limits="Runs that are at chance anyway, or whose training losses stay the same: then nothing is said.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for _, probe, run, permuted in _pairs(repo, "permuted"):
            plain, other = _all(run), _all(permuted)
            for key in (key for key in plain if key in other and _is_score(key)):
                chance = _chance(key, run)
                before, after = plain[key][-1], other[key][-1]
                if chance is None or before < chance + _WELL_ABOVE or not _trained_otherwise(run, permuted):
                    continue
                exercised = True
                if after < chance + _WELL_ABOVE or after < before - _NOISE:
                    continue
                yield self.finding(
                    f"with the labels of its training rows permuted, {probe.command.name} reached a {key} of "
                    f"{after:.3g} ({before:.3g} without; {chance:.3g} by chance)",
                    Place("src/preprocess.py"),
                    fix="keep labels and evaluation rows out of what the model is trained on and is shown",
                    related=(Place("src/train.py"),),
                    runs=(probe.command.name,),
                    modes=("full",),
                )
                break
        if not exercised:
            raise Skip("not exercised: no run was flown with permuted labels that is well above chance without")


def _pairs(repo: Repo, kind: str) -> Iterator[tuple[Flight, Probe, RunRecorded, RunRecorded]]:
    """(flight, probe, run of the flight, run of the probe) of each probe that ended well."""
    for flight in repo.flown("full"):
        for probe in flight.probes:
            if probe.kind != kind or probe.command.status != "finished":
                continue
            run = recorded_for(flight, probe.command.name)
            other = next((made for made in probe.runs if run is not None and made.name == run.name), None)
            if run is not None and other is not None and run.state == other.state == "finished":
                yield flight, probe, run, other


def _all(run: RunRecorded) -> dict[str, list[float]]:
    history = series(run)
    return {**{key: [value] for key, value in numbers(run.summary).items() if key not in history}, **history}


def _same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=1e-9) or (math.isnan(one) and math.isnan(other))


def _trained_otherwise(run: RunRecorded, permuted: RunRecorded) -> bool:
    """Whether a training loss differs, so that the permuted labels did reach the training."""
    one, other = _all(run), _all(permuted)
    losses = [key for key in one if key in other and "loss" in words(key) and not words(key) & _OF_EVALUATION]
    return any(not _same(*pair) for key in losses for pair in zip(one[key], other[key], strict=False))


def _is_score(key: str) -> bool:
    return (
        is_measured(key)
        and bool(words(key) & (_SCORES | _CORRELATIONS))
        and bool(words(key) & _OF_EVALUATION)
        and "best" not in words(key)
    )


def _chance(key: str, run: RunRecorded) -> float | None:
    """What a guess scores: 0 for a correlation, at most one half for an accuracy between 0 and 1."""
    if words(key) & _CORRELATIONS:
        return 0.0
    values = _all(run)[key]
    majority = next((value for name, value in numbers(run.summary).items() if "majority" in name and value <= 1), 0.5)
    return max(majority, 0.5) if all(0 <= value <= 1 for value in values) else None
