"""The rows of finished runs as a table, and which of them the questions are answered from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.study.cells import CORRELATION
from benchmarks.study.comparisons import POOLED, Comparison, compare, family, weights_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.study.cells import Task
    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

GAINS = ("lora", "shuffled", "adalora")
PLAIN = "{}"  # no setting of the method was changed


@dataclass(frozen=True)
class Study:
    """What the questions are answered from.

    Attributes:
        plan: the plan.
        rows: all rows.
        folder: where figures go.
    """

    plan: Plan
    rows: Sequence[Row]
    folder: Path

    @cached_property
    def table(self) -> pd.DataFrame:
        """All finished runs, see `runs`."""
        return runs(self.rows, self.plan)

    @cached_property
    def every(self) -> pd.DataFrame:
        """The core grid's runs, on tasks that cannot be learned too."""
        return self.table[self.table["phase"] == "core"]

    @cached_property
    def learnable(self) -> dict[str, bool]:
        """See `learnable`."""
        return learnable(self.every, self.plan.tasks)

    @cached_property
    def core(self) -> pd.DataFrame:
        """The core grid's runs."""
        return self.of("core")

    @cached_property
    def gains(self) -> list[Comparison]:
        """GLoRA against the other arms of the core grid: what the hypothesis is about."""
        return family(compare(self.core, "glora", GAINS))

    @cached_property
    def weighted_gains(self) -> list[Comparison]:
        """`gains` of all tasks together, those of little spread counting more."""
        if not self.weights:
            return []
        made = compare(self.core, "glora", GAINS, weights=self.weights)
        return family(one for one in made if one.task == POOLED)

    @cached_property
    def weights(self) -> dict[str, float]:
        """Each task's weight in `weighted_gains`."""
        return weights_of(self.core, "glora", GAINS)

    @cached_property
    def failed(self) -> pd.Series:
        """Which of the core grid's runs predict one class alone: Matthews' correlation is exactly 0 then.

        It is told by that and not by a low score: to leave out the worst of runs that differ by chance would be to
        choose among them.
        """
        return self.core["metrics"].map(lambda metrics: metrics.get(CORRELATION) == 0).astype(bool)

    @cached_property
    def sound_gains(self) -> list[Comparison]:
        """`gains` without the pairs of which a run failed."""
        return family(compare(self.core[~self.failed], "glora", GAINS))

    @cached_property
    def tasks(self) -> int:
        """How many tasks there are in the core grid."""
        return int(self.core["task"].nunique())

    def of(self, *phases: str, settings: str | None = PLAIN) -> pd.DataFrame:
        """The runs of some grids on tasks that can be learned; of one setting, or of all with None."""
        table = self.table[self.table["phase"].isin(phases)]
        table = table[table["task"].map(lambda task: self.learnable.get(task, True)).astype(bool)]
        return table if settings is None else table[table["settings"] == settings]

    def proposed(self, column: str) -> dict[tuple[str, int, int], Any]:
        """A column of GLoRA's runs in the core grid, by task, mean rank and seed."""
        runs = [run for run in self.of("core").to_dict("records") if run["arm"] == "glora"]
        return {(run["task"], int(run["mean_rank"]), int(run["seed"])): run[column] for run in runs}

    def beside(
        self, arm: str, other: str, *, phases: Sequence[str], among: Sequence[str] = (), without: Collection[str] = ()
    ) -> list[Comparison]:
        """One arm of some grids against another, of the same task, rank and seed, wherever both have runs.

        No p-value is adjusted yet.

        Args:
            arm: the one.
            other: the other.
            phases: the grids of the one.
            among: the grids in which the other is looked for; the core and those of the one if left out.
            without: tasks that are left out.
        """
        table = self.of(*(among or ("core", *phases)))
        table = table[~table["task"].isin(list(without))].drop_duplicates(["task", "mean_rank", "seed", "arm"])
        own = table[table["phase"].isin(phases) & (table["arm"] == arm)][["task", "mean_rank", "seed"]]
        part = table[table["arm"].isin([arm, other])].merge(own.drop_duplicates(), on=["task", "mean_rank", "seed"])
        return compare(part, arm, [other])


def runs(rows: Iterable[Row], plan: Plan) -> pd.DataFrame:
    """Return a line for each planned run that is finished, but those of the search for learning rates.

    A run that belongs to several grids has a line in each; a row of another plan has none.

    Columns: phase, task, arm, mean_rank, seed, settings (JSON), score (the task's primary metric in points), and what
    the row has: majority, ranks, signal, parameters, seconds.
    """
    found: list[dict[str, Any]] = []
    for cell, row in plan.rows_of(rows).items():
        value = row["metrics"].get(plan.tasks[cell.task].metric)
        if cell.phase == "tuning" or value is None:
            continue
        settings = json.dumps(dict(cell.settings), sort_keys=True)
        # the error of rows is one of accuracies; of correlations no such thing is told
        kept = None if plan.tasks[cell.task].is_correlation else row.get("correct")
        found.append({**row, **cell.own, "settings": settings, "score": 100 * value, "correct": kept})
    columns = ["phase", "task", "arm", "mean_rank", "seed", "settings", "score", "learning_rate", "metrics"]
    return pd.DataFrame(found, columns=None if found else columns)


def learnable(table: pd.DataFrame, tasks: Mapping[str, Task]) -> dict[str, bool]:
    """By task, whether tuned LoRA beats the majority class at some rank: where it fails at one, runs have failed."""
    found = {}
    for task, part in table[table["arm"] == "lora"].groupby("task", sort=False):
        most = part.groupby("mean_rank")["score"].mean().max()
        found[str(task)] = bool(most > floor(tasks[str(task)], part["majority"].max()))
    return found


def floor(task: Task, majority: float) -> float:
    """What is reached without learning anything, in points: the majority class, or no correlation."""
    return 0.0 if task.is_correlation else 100 * majority
