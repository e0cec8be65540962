"""What the study is made of: tasks, and the cells of its grids, each one run."""

from __future__ import annotations

import fnmatch
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


CORRELATION = "matthews_corrcoef"


@dataclass(frozen=True)
class Task:
    """A dataset and how models are trained on it, the same in every arm.

    Attributes:
        name: what rows and figures call it.
        dataset: as the experiment calls it.
        metric: the primary one.
        metrics: all that are recorded.
        rows: of the training split.
        epochs: of every run.
        max_length: in tokens.
        batch_size: rows of an optimizer step.
        splits: train_split and eval_split, where they are not the dataset's own.
        attention: as the experiment's launcher calls it.
        rates: by tuned arm, the lowest and the highest learning rate that are tried, where they are not the plan's.
    """

    name: str
    dataset: str
    metric: str
    metrics: tuple[str, ...]
    rows: int
    epochs: int
    max_length: int
    batch_size: int = 32
    splits: Mapping[str, str] = field(default_factory=dict)
    attention: str = "auto"
    rates: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Optimizer steps of a run."""
        return self.epochs * math.ceil(self.rows / self.batch_size)

    @property
    def is_correlation(self) -> bool:
        """Whether the primary metric is Matthews' correlation, which is 0 where nothing was learned."""
        return self.metric == CORRELATION

    @property
    def title(self) -> str:
        """What panels of figures call it: what is not told is an accuracy."""
        return f"{self.name}, MCC" if self.is_correlation else self.name


@dataclass(frozen=True)
class Cell:
    """One run of the study.

    Attributes:
        phase: "tuning", "core", "second" or another grid's name.
        task: its name.
        arm: its name.
        mean_rank: the budget, divided by the number of matrices.
        seed: of weights, batches and new columns.
        settings: of the method's section, where the grid changes them; ``allocation_share`` is the plan's own.
    """

    phase: str
    task: str
    arm: str
    mean_rank: int
    seed: int
    settings: tuple[tuple[str, Any], ...] = ()

    @property
    def id(self) -> str:
        """The run id, seed left out: letters, digits, "-" and "."."""
        changed = "".join(f"-{key.replace('_', '')}{value}" for key, value in self.settings)
        return f"{self.phase}-{self.task}-{self.arm}-r{self.mean_rank}{changed}"

    @property
    def own(self) -> dict[str, Any]:
        """What rows and tables say of it, settings left out."""
        return {
            "phase": self.phase, "task": self.task, "arm": self.arm, "mean_rank": self.mean_rank, "seed": self.seed,
        }  # fmt: skip


def chosen(cells: list[Cell], patterns: list[str]) -> list[Cell]:
    """The cells whose id, with or without "-seed1" or another, one of ``patterns`` matches; all if there are none."""
    if not patterns:
        return cells
    named = {cell: (cell.id, f"{cell.id}-seed{cell.seed}") for cell in cells}
    return [cell for cell in cells if any(fnmatch.filter(named[cell], pattern) for pattern in patterns)]
