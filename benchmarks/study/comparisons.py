"""One arm against another, paired by seed, and the families in which their p-values are adjusted."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.study.answers import unpacked
from benchmarks.study.statistics import Difference, detectable, holm, paired

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd

POOLED = "all"  # tasks together, each seed's mean over them
PREDICTED = (0.5, 1.0)  # points over uniform LoRA, by the hypothesis
SURE = 0.05  # an adjusted p-value below it
FEWEST = 3  # pairs that are compared; two say nothing of their spread


@dataclass(frozen=True)
class Comparison:
    """One arm against another.

    Attributes:
        task: its name, or "all".
        tasks: the names of all that it is of.
        mean_rank: of both.
        arm: the one.
        other: the other.
        found: the difference of their primary metrics, in points (hundredths).
        adjusted: its p-value by Holm, see `family`; not adjusted before.
        excluded: over LoRA, the p-value by Holm that the least predicted gain is the true one, where it is less than
            that; 1 elsewhere, and before it is adjusted.
        of_rows: standard error of the difference by the choice of the rows that are measured on, in points of accuracy;
            None where answers were not kept.
    """

    task: str
    mean_rank: int
    arm: str
    other: str
    found: Difference
    adjusted: float
    excluded: float = 1.0
    of_rows: float | None = None
    tasks: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """What tables call the task, or the tasks."""
        return f"{len(self.tasks)} tasks" if self.task == POOLED else self.task

    @property
    def label(self) -> str:
        """What figures call it."""
        return f"{self.where}, rank {self.mean_rank}"

    @property
    def sure(self) -> bool:
        """Whether it is significant in its family."""
        return self.adjusted < SURE

    @property
    def excludes(self) -> bool:
        """Whether the predicted gain over LoRA is not there, in a measurement that could have seen it."""
        return self.excluded < SURE and self.found.detectable <= PREDICTED[1]

    def turned(self) -> Comparison:
        """The same, the other way round."""
        return replace(self, arm=self.other, other=self.arm, found=self.found.negated())


def compare(
    table: pd.DataFrame, arm: str, others: Sequence[str], *, weights: Mapping[str, float] | None = None
) -> list[Comparison]:
    """Compare an arm with others on every task and mean rank of a table, and on all tasks together.

    Runs are paired by seed; a pair that is not complete does not count, nor a task with too few of them. No p-value is
    adjusted yet.

    Args:
        table: of `benchmarks.study.frame.runs`, of one grid and without changed settings.
        arm: the one.
        others: those that it is compared with.
        weights: of each task among all together; equal if left out.
    """
    pooled: list[Comparison] = []
    single: list[Comparison] = []
    for rank in sorted(table["mean_rank"].unique()):
        of_rank = table[table["mean_rank"] == rank]
        wide = of_rank.pivot_table(index=["task", "seed"], columns="arm", values="score", sort=False)
        for other in others:
            if arm not in wide or other not in wide:
                continue
            gaps = (wide[arm] - wide[other]).dropna()
            of_tasks = [(str(task), part) for task, part in gaps.groupby(level="task", sort=False)]
            of_tasks = [(task, part) for task, part in of_tasks if len(part) >= FEWEST]
            for task, part in of_tasks:
                found = paired(part.tolist())
                rows = error_of_rows(of_rank[of_rank["task"] == task], arm, other)
                single.append(Comparison(task, int(rank), arm, other, found, found.p, of_rows=rows, tasks=(task,)))
            names = tuple(task for task, _ in of_tasks)
            if len(names) < 2:
                continue
            by_seed = gaps.unstack("task")[list(names)].dropna()
            if len(by_seed) >= FEWEST:
                shares = None if weights is None else [weights[task] for task in names]
                found = paired(np.average(by_seed, axis=1, weights=shares).tolist())
                pooled.append(Comparison(POOLED, int(rank), arm, other, found, found.p, tasks=names))
    return [*pooled, *single]


def weights_of(table: pd.DataFrame, arm: str, others: Sequence[str]) -> dict[str, float]:
    """Each task's share when tasks are weighted by the inverse of the variance of an arm's differences from others.

    The variance is that of all these comparisons on the task, so that a task has one weight in all of them. Empty where
    a task has no spread.
    """
    spreads: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for one in compare(table, arm, others):
        if one.task != POOLED:
            spreads[one.task].append((one.found.deviation, one.found.count - 1))
    common = {task: _pooled(of_task) for task, of_task in spreads.items()}
    if not all(common.values()):
        return {}
    weights = {task: deviation**-2 for task, deviation in common.items()}
    return {task: weight / math.fsum(weights.values()) for task, weight in weights.items()}


def family(made: Iterable[Comparison]) -> list[Comparison]:
    """Adjust what stands in one table: all tasks together are one family of Holm's, single tasks another.

    What could have been detected, as the only difference of its family, is told by the spread of all comparisons with
    the same arm on the same task: that of three differences alone may be anything. Whether the predicted gain over LoRA
    is excluded is adjusted over the comparisons with LoRA, again all tasks together and single tasks apart.
    """
    made = list(made)
    spreads: dict[tuple[str, str], list[tuple[float, int]]] = defaultdict(list)
    for one in made:
        spreads[one.task, one.other].append((one.found.deviation, one.found.count - 1))
    found: dict[int, Comparison] = {}
    for together in (True, False):
        places = [place for place, one in enumerate(made) if (one.task == POOLED) == together]
        for place, p in zip(places, holm([made[place].found.p for place in places]), strict=True):
            one = made[place]
            size = detectable(_pooled(spreads[one.task, one.other]), one.found.count, tests=len(places))
            found[place] = replace(one, adjusted=p, found=replace(one.found, detectable=size))
        over_lora = [place for place in places if made[place].other == "lora"]
        short = [_p_of_prediction(made[place].found) for place in over_lora]
        for place, p in zip(over_lora, holm(short), strict=True):
            found[place] = replace(found[place], excluded=p)
    return [found[place] for place in range(len(made))]


def _p_of_prediction(found: Difference) -> float:
    least, _ = PREDICTED
    return found.p_against(least) if found.mean < least else 1.0


def error_of_rows(table: pd.DataFrame, arm: str, other: str) -> float | None:
    """The standard error that the choice of evaluated rows gives a difference of accuracies, in points.

    The differences of both arms' answers, each row's mean over the seeds, taken as a sample of rows.

    Args:
        table: of one task and mean rank.
        arm: the one.
        other: the other.
    """
    answers = {name: _answers(table[table["arm"] == name]) for name in (arm, other)}
    seeds = sorted(answers[arm].keys() & answers[other].keys())
    if not seeds:
        return None
    gaps = np.mean([answers[arm][seed] - answers[other][seed] for seed in seeds], axis=0)  # (rows,)
    return 100 * float(gaps.std(ddof=1)) / math.sqrt(len(gaps))


def _answers(part: pd.DataFrame) -> dict[int, np.ndarray]:
    """By seed, which rows were right, where that was kept."""
    if "correct" not in part:
        return {}
    kept = part[part["correct"].map(lambda value: isinstance(value, str)).astype(bool)]
    return {int(seed): unpacked(bits) for seed, bits in zip(kept["seed"], kept["correct"], strict=True)}


def _pooled(spreads: Sequence[tuple[float, int]]) -> float:
    """The standard deviation that several samples have in common, from each one's own and its degrees of freedom."""
    freedom = sum(of for _, of in spreads)
    return math.sqrt(math.fsum(of * deviation**2 for deviation, of in spreads) / freedom)
