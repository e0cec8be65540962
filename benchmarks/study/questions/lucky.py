"""What does the choice of the learning rate by the best single trial do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.frame import POOLED
from benchmarks.study.tables import comparison_table

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

ARM, OTHERS = "glora-lucky", ("lora-lucky", "adalora-lucky", "glora")
SAID = """\
The first task was begun with the rate of each method's best trial. One trial is one seed on a few hundred rows, and the
best of six is the luckiest: GLoRA's lay beside the rates at which training fails. From the second task on, and again
for the first, rates are the best on average over neighbouring trials, for every method alike. The runs at the lucky
rates count nowhere but here: """


def lucky(study: Study) -> list[str]:
    """Scores at the rate of the best single trial, beside those at the smoothed rate."""
    made = [
        one
        for other in OTHERS
        for one in study.beside(ARM, other, phases=("lucky",), among=("core", "lucky"))
        if one.task != POOLED
    ]
    if not made:
        return []
    table = study.of("lucky")
    spreads = []
    for task, rank, arm in dict.fromkeys(zip(table["task"], table["mean_rank"], table["arm"], strict=True)):
        part = table[(table["task"] == task) & (table["mean_rank"] == rank) & (table["arm"] == arm)]
        scores, rate = part["score"], part["learning_rate"].iloc[0]
        where = f"{ARMS[arm].shown} on {task} at mean rank {rank} ({rate:.1e})"
        spreads.append(f"{where}: {scores.mean():.2f}, from {scores.min():.2f} to {scores.max():.2f}")
    return ["## What does the best single trial choose?", SAID + "; ".join(spreads) + ".", comparison_table(made)]
