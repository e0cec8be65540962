"""Which of the certain differences of all tasks together hang on one task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, Comparison, compare, family
from benchmarks.study.tables import listed, shown_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


def leaning(table: pd.DataFrame, made: Sequence[Comparison], others: Sequence[str]) -> list[tuple[str, Comparison]]:
    """The comparisons that are significant and would not be without some task, as that task and what is left of it.

    Args:
        table: of which the comparisons were made.
        made: some of them, of one arm; those of single tasks do not count.
        others: with which it was compared in that family.
    """
    sure = [one for one in made if one.task == POOLED and one.sure]
    found = []
    for task in dict.fromkeys(task for one in sure for task in one.tasks):
        left = family(compare(table[table["task"] != task], sure[0].arm, others))
        lasting = {(one.mean_rank, one.other): one for one in left if one.task == POOLED}
        for one in sure:
            less = lasting.get((one.mean_rank, one.other))
            if task in one.tasks and less is not None and not less.sure:
                found.append((task, less))
    return found


def told_leaning(found: Sequence[tuple[str, Comparison]]) -> str:
    """In words, a sentence for each arm that was compared with; empty where nothing hangs on a task."""
    parts: dict[str, dict[str, list[str]]] = {}
    for task, one in found:
        said = f"{one.found.mean:+.2f} at mean rank {one.mean_rank} ({shown_p(one.adjusted)})"
        parts.setdefault(one.other, {}).setdefault(task, []).append(said)
    told = []
    for other, tasks in parts.items():
        left = "; without ".join(f"{task} it is {listed(said)}" for task, said in tasks.items())
        told.append(f"The difference from {ARMS[other].shown} hangs on {listed([*tasks])}: without {left}.")
    return " ".join(told)
