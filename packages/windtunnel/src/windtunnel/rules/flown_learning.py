"""What a full run measured: on which rows, on how many, and whether it shows what training learned (criterion 11)."""

from __future__ import annotations

import math
import re
from datetime import date
from typing import TYPE_CHECKING

from windtunnel.evidence.flight import EVALUATE
from windtunnel.findings import Place, Severity
from windtunnel.knowledge.hub import HubTable
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.flown_numbers import is_measured, numbers, recorded_for, series, words
from windtunnel.rules.flown_processes import finished, line_at, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.evidence import CommandFlown, LossSeen, RunRecorded
    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_FEWEST_ROWS = 8
_MOSTLY = 0.9
_LONG_ENOUGH = 100  # losses of a run
_LEARNED = 0.5  # of the first losses is left at the end
_AVERAGED = 20
_NEAR = 0.05
_SHARES = frozenset({"accuracy", "acc"})
_CORRELATIONS = frozenset({"mcc", "matthews"})
_OF_OTHERS = frozenset({"train", "training", "best", "baseline", "majority", "chance"})


class FLY048(Rule):
    """Training learned, and the score is at chance."""

    name = "score-at-chance"
    criterion = 11
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what=f"Full runs of at least {_LONG_ENOUGH} losses whose last ones are below {_LEARNED} of the first, and "
        "whose accuracy is within five points of one in as many classes as the dataset has, or below it; or whose "
        "Matthews correlation is about 0.",
        why="What is learned on the miniature's training rows holds for its others; so labels are compared with "
        "something else than the model's answers, in another order, or with another model.",
        example="predictions = logits.argmax(0)   # over the batch, not over the classes",
        instead="predictions = logits.argmax(-1)",
        limits="Only datasets whose classes the hub's catalogue knows; a run that learned too little is not judged.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            for command in finished(flight):
                run = recorded_for(flight, command.name)
                classes = _classes(repo, command)
                if run is None or not classes or not any(_learned(loss) for loss in _losses(command)):
                    continue
                exercised = True
                for key, value in _last_scores(run).items():
                    if not _at_chance(key, value, classes):
                        continue
                    yield self.finding(
                        f"{key!r} is {value:.4g} at the end, which guessing reaches, although the training loss fell "
                        "to less than half",
                        Place("src/train.py"),
                        fix="hold the answers of the trained model against the labels of the same rows, in their order",
                        runs=(command.name,),
                        modes=("full",),
                    )
        if not exercised:
            raise Skip("not exercised: no full run on a dataset of known classes was seen to learn its training rows")


class FLY049(Rule):
    """A score of no rows."""

    name = "measured-on-nothing"
    criterion = 11
    source = "flight"
    doc = Doc(
        what="Data loaders of full runs that were iterated and had no batch to give.",
        why="A mean over nothing is NaN, or the 0 that a counter began with.",
        example='rows.select(range(0))   # what is left of "validation" after a filter',
        instead='if len(rows) == 0:\n    raise ValueError("the validation split is empty")',
        limits="Only torch's loaders are seen, by the line that iterates them.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            for command in finished(flight):
                for process in command.processes:
                    for loader in process.loaders:
                        exercised = True
                        if loader.batches or not loader.iterations or (loader.length or 0) > 0:
                            continue
                        at = place_of(loader.place)
                        yield self.finding(
                            f"the data loader iterated here gave no batch in {loader.iterations} "
                            f"{'pass' if loader.iterations == 1 else 'passes'}",
                            at,
                            evidence=line_at(repo, at),
                            fix="look at what the filter, the split or drop_last leaves",
                            runs=(command.name,),
                            modes=("full",),
                        )
        if not exercised:
            raise Skip("not exercised: no data loader was iterated in a full run")


class FLY055(Rule):
    """A result file holds other numbers than W&B."""

    name = "number-without-record"
    criterion = 11
    source = "flight"
    doc = Doc(
        what="Scores in the JSON files of a run's folder that are called like one in its W&B run and have a value that "
        "was never recorded there. A warning where other scores of the file agree.",
        why="The contract's numbers come from W&B; these come from somewhere else.",
        example='json.dump({"val_accuracy": 0.912}, file)',
        instead='json.dump({"val_accuracy": run.summary["val_accuracy"]}, file)',
        limits="Means and other aggregates are told by their names; scores under names that W&B lacks are left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            for run_id in flight.run_ids:
                run = recorded_for(flight, run_id)
                if run is None:
                    continue
                known = _recorded(run)
                for command in flight.commands:
                    for file in command.results:
                        if run_id not in file.path.split("/"):
                            continue
                        given = {key: value for key, value in file.numbers.items() if _is_score(key, known)}
                        exercised = exercised or bool(given)
                        other = {
                            key: value for key, value in given.items() if not _is_recorded(value, known[_last(key)])
                        }
                        if not other:
                            continue
                        key, value = next(iter(other.items()))
                        yield self.finding(
                            f"{file.path} says that {key} is {value:.6g}; W&B has recorded "
                            f"{', '.join(f'{one:.6g}' for one in known[_last(key)][-3:])}",
                            Place("src/evaluate.py" if command.name == EVALUATE else "src/train.py"),
                            fix="write what the run's history and summary hold",
                            severity=Severity.WARNING if len(other) < len(given) else None,
                            runs=(run_id,),
                            modes=("full",),
                        )
        if not exercised:
            raise Skip("not exercised: no file of a run's folder has a score under a name that W&B has")


class FLY072(Rule):
    """What was measured was trained on."""

    name = "measured-on-training-rows"
    criterion = 10
    source = "flight"
    severity = Severity.WARNING
    doc = Doc(
        what="Full runs in which every pass over a data loader without a backward call had the rows of those with one.",
        why="A score on rows that were trained on says how much was memorised.",
        example="trainer = Trainer(train_dataset=rows, eval_dataset=rows)",
        instead='trainer = Trainer(train_dataset=data["train"], eval_dataset=data["validation"])',
        limits="Rows that look another way each time (augmented pictures, prompts without their answer), and rows that "
        "do not come from a torch loader, are not recognised.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        exercised = False
        for flight in repo.flown("full"):
            for command in finished(flight):
                passes = [seen for process in command.processes for seen in process.rows]
                passes = [seen for seen in passes if seen.measured >= _FEWEST_ROWS]
                exercised = exercised or bool(passes)
                if not passes or any(seen.trained < _MOSTLY * seen.measured for seen in passes):
                    continue
                most = max(passes, key=lambda seen: seen.measured)
                at = place_of(most.place)
                yield self.finding(
                    f"{most.trained} of the {most.measured} rows that were measured on were also trained on",
                    at,
                    evidence=line_at(repo, at),
                    fix="measure on a split of its own",
                    runs=(command.name,),
                    modes=("full",),
                )
        if not exercised:
            raise Skip("not exercised: no pass over a loader without a backward call was seen in a full run")


def _classes(repo: Repo, command: CommandFlown) -> frozenset[int]:
    """How many classes the datasets that a command read have, by what is known of them.

    Of a dataset with several configs those count that the run configuration names, or all if it names none.
    """
    table = HubTable(date.max)  # what is known of a dataset's columns does not depend on the date
    document = repo.documents.get(repo.run_path(command.name))
    named = set(re.findall(r"[\w.-]+", document.text)) if document is not None else set()
    found: set[int] = set()
    for answer in command.hub:
        dataset = table.dataset(answer.repo_id) if answer.repo_type == "dataset" and answer.status < 300 else None
        if dataset is None:
            continue
        configs: list[str | None] = [config for config in dataset.configs if config in named]
        configs = configs or [*dataset.configs] or [None]
        found |= {len(labels) for config in configs if len(labels := dataset.labels(config)) > 1}
    return frozenset(found)


def _losses(command: CommandFlown) -> list[LossSeen]:
    return [loss for process in command.processes for loss in process.losses]


def _learned(loss: LossSeen) -> bool:
    first = [value for value in loss.first[:_AVERAGED] if value is not None]
    last = [value for value in loss.last[-_AVERAGED:] if value is not None]
    if loss.count < _LONG_ENOUGH or not first or not last:
        return False
    return 0 <= sum(last) / len(last) < _LEARNED * sum(first) / len(first)


def _last_scores(run: RunRecorded) -> dict[str, float]:
    found = {**numbers(run.summary), **{key: values[-1] for key, values in series(run).items()}}
    return {
        key: value
        for key, value in found.items()
        if (is_measured(key) or words(key) & _CORRELATIONS) and not words(key) & _OF_OTHERS and math.isfinite(value)
    }


def _at_chance(key: str, value: float, classes: frozenset[int]) -> bool:
    of = words(key)
    if of & _CORRELATIONS:
        return abs(value) < _NEAR
    if not of & _SHARES:
        return False
    share = value / 100 if value > 1 else value
    # any of them would explain it: the least certain one decides
    return share <= min(1 / count for count in classes) + _NEAR


def _recorded(run: RunRecorded) -> dict[str, list[float]]:
    known = series(run)
    for key, value in numbers(run.summary).items():
        known.setdefault(_last(key), []).append(value)
    return {key: [value for value in values if math.isfinite(value)] for key, values in known.items()}


def _last(key: str) -> str:
    return key.rpartition(".")[2]


def _is_score(key: str, known: dict[str, list[float]]) -> bool:
    name = _last(key)
    aggregates = {"mean", "avg", "average", "median", "max", "min"}
    return bool(known.get(name)) and is_measured(name) and not words(key) & aggregates and bool(words(name) & _SCORES)


def _is_recorded(value: float, recorded: list[float]) -> bool:
    return any(math.isclose(value, one, rel_tol=1e-4, abs_tol=1e-6) for one in recorded)


_SCORES = _SHARES | _CORRELATIONS | {"f1", "precision", "recall", "loss", "perplexity", "em", "exact", "rouge", "bleu"}
