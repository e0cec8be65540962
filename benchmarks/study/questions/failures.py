"""Which runs learned nothing, and what do the comparisons say without them?

A run that ends at predicting one class alone lies tens of points below the others: it decides a mean over five seeds,
and says more of the learning rate than of where ranks were put.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, PREDICTED
from benchmarks.study.style import against, forest
from benchmarks.study.tables import comparison_table, image, sentence

if TYPE_CHECKING:
    from benchmarks.study.frame import Study


def failures(study: Study) -> list[str]:
    """The core grid's failed runs by arm, and its comparisons without the pairs that have one."""
    if not study.failed.any():
        return []
    made = study.sound_gains
    if made:
        forest(against(made), study.folder / "sound.png", band=PREDICTED)
    return [
        "## Which runs learned nothing?",
        f"Nothing but one class was predicted by {told_failures(study)}.",
        "Without the pairs of runs that have one of these, the same comparisons are:",
        *(sentence(one) for one in made if one.task == POOLED),
        *([image("differences without failed runs", "sound"), comparison_table(made)] if made else []),
    ]


def told_failures(study: Study) -> str:
    """How many of each arm's runs, on which tasks and ranks."""
    columns = ["arm", "task", "mean_rank"]
    every = Counter(study.core[columns].itertuples(index=False, name=None))
    lost = Counter(study.core[study.failed][columns].itertuples(index=False, name=None))
    return "; ".join(
        f"{count} of {every[arm, task, rank]} runs of {ARMS[arm].shown} on {task} at mean rank {rank}"
        for (arm, task, rank), count in lost.items()
    )
