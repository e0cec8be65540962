"""The rows of finished runs as a table, and the comparisons that are made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.study.statistics import Difference, holm, paired

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

POOLED = "all"  # tasks together, each seed's mean over them
FEWEST = 3  # pairs that are compared; two say nothing of their spread
PLAIN = "{}"  # no setting of the method was changed


@dataclass(frozen=True)
class Comparison:
    """One arm against another.

    Attributes:
        task: its name, or "all".
        mean_rank: of both.
        arm: the one.
        other: the other.
        found: the difference of their primary metrics, in points (hundredths).
        adjusted: its p-value by Holm, within the family that was compared.
    """

    task: str
    mean_rank: int
    arm: str
    other: str
    found: Difference
    adjusted: float = 1.0

    @property
    def label(self) -> str:
        """What figures call it."""
        return f"{'all tasks' if self.task == POOLED else self.task}, rank {self.mean_rank}"


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
    def learnable(self) -> dict[str, bool]:
        """See `learnable`."""
        return learnable(self.of("core"))

    @cached_property
    def core(self) -> pd.DataFrame:
        """The core grid's runs on tasks that can be learned."""
        table = self.of("core")
        return table[table["task"].isin([task for task, fine in self.learnable.items() if fine])]

    @cached_property
    def tasks(self) -> int:
        """How many tasks there are in the core grid and can be learned."""
        return int(self.core["task"].nunique())

    def of(self, *phases: str, settings: str | None = PLAIN) -> pd.DataFrame:
        """The runs of some grids; of one setting, or of all with None."""
        table = self.table[self.table["phase"].isin(phases)]
        return table if settings is None else table[table["settings"] == settings]

    def proposed(self, column: str) -> dict[tuple[str, int, int], Any]:
        """A column of GLoRA's runs in the core grid, by task, mean rank and seed."""
        runs = [run for run in self.of("core").to_dict("records") if run["arm"] == "glora"]
        return {(run["task"], int(run["mean_rank"]), int(run["seed"])): run[column] for run in runs}

    def beside(self, arm: str, other: str, *, phases: Sequence[str], among: Sequence[str] = ()) -> list[Comparison]:
        """One arm of some grids against another, of the same task, rank and seed, wherever both have runs.

        Args:
            arm: the one.
            other: the other.
            phases: the grids of the one.
            among: the grids in which the other is looked for; the core and those of the one if left out.
        """
        table = self.of(*(among or ("core", *phases)))
        table = table.drop_duplicates(["task", "mean_rank", "seed", "arm"])
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
        found.append({**row, **cell.own, "settings": settings, "score": 100 * value})
    columns = ["phase", "task", "arm", "mean_rank", "seed", "settings", "score"]
    return pd.DataFrame(found, columns=None if found else columns)


def compare(table: pd.DataFrame, arm: str, others: Sequence[str]) -> list[Comparison]:
    """Compare an arm with others on every task and mean rank of a table, and on all tasks together.

    Runs are paired by seed; a pair that is not complete does not count. The p-values of one mean rank and one other arm
    are a family over the tasks; those over all tasks are a family over arms and ranks.

    Args:
        table: of :func:`runs`, of one grid and without changed settings.
        arm: the one.
        others: those that it is compared with.
    """
    made: list[Comparison] = []
    pooled: list[Comparison] = []
    for rank in sorted(table["mean_rank"].unique()):
        of_rank = table[table["mean_rank"] == rank]
        wide = of_rank.pivot_table(index=["task", "seed"], columns="arm", values="score", sort=False)
        for other in others:
            if arm not in wide or other not in wide:
                continue
            gaps = (wide[arm] - wide[other]).dropna()
            family = [
                Comparison(str(task), int(rank), arm, other, paired(part.tolist()))
                for task, part in gaps.groupby(level="task", sort=False)
                if len(part) >= FEWEST
            ]
            made += _adjusted(family)
            by_seed = gaps.unstack("task").dropna().mean(axis=1)
            if len(by_seed) >= FEWEST and len(family) > 1:
                pooled.append(Comparison(POOLED, int(rank), arm, other, paired(by_seed.tolist())))
    return [*_adjusted(pooled), *made]


def _adjusted(family: list[Comparison]) -> list[Comparison]:
    values = holm([one.found.p for one in family])
    return [
        Comparison(one.task, one.mean_rank, one.arm, one.other, one.found, value)
        for one, value in zip(family, values, strict=True)
    ]


def learnable(table: pd.DataFrame) -> dict[str, bool]:
    """By task, whether tuned LoRA beats the majority class on average (CoLA: a Matthews correlation of 0)."""
    found = {}
    for task, part in table[table["arm"] == "lora"].groupby("task", sort=False):
        threshold = 0.0 if task == "cola" else 100 * float(part["majority"].max())
        found[str(task)] = bool(part.groupby("mean_rank")["score"].mean().max() > threshold)
    return found
