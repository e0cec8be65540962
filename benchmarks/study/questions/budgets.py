"""Where may it win: tight budgets, zero ranks, more parameters?

A rank of a wide matrix costs more parameters than one of a narrow matrix, so that GLoRA at the same total rank may
have more parameters than LoRA, and LoRA at twice the rank is the other neighbour to be held against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from benchmarks.study.arms import ARMS
from benchmarks.study.frame import FEWEST, POOLED, compare
from benchmarks.study.statistics import paired
from benchmarks.study.style import COLOURS, PREDICTED, save
from benchmarks.study.tables import comparison_table, image, shown_p

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.frame import Study
    from benchmarks.study.statistics import Difference

FURTHER = ("glora-parameters", "glora-min1", "glora", "adalora")


def budgets(study: Study) -> list[str]:
    """Score over parameters of every arm, the doubled rank, and the second grid against LoRA."""
    table = study.of("core", "second")
    if table.empty:
        return []
    made = [one for arm in FURTHER for one in study.beside(arm, "lora", phases=("second",)) if one.task != POOLED]
    _draw(table, study.folder / "budgets.png")
    parts = [
        "## Where may it win: tight budgets, zero ranks, the same parameters?",
        " ".join(_parameters(table)),
        " ".join([*_lead(study), *_zero_ranks(study)]),
        image("score over parameters", "budgets"),
    ]
    return [*parts, comparison_table(made)] if made else parts


def _parameters(table: pd.DataFrame) -> list[str]:
    """By how much more parameters GLoRA has than LoRA at the same total rank."""
    means = table.groupby(["mean_rank", "arm"])["adapter_parameters"].mean()
    said = [
        f"{means[rank, 'glora'] / means[rank, 'lora'] - 1:+.0%} at mean rank {rank}"
        for rank in sorted(table["mean_rank"].unique())
        if (rank, "glora") in means.index and (rank, "lora") in means.index
    ]
    return [f"At the same total rank GLoRA has other parameters than LoRA: {', '.join(said)}."] if said else []


def _lead(study: Study) -> list[str]:
    """Whether an untuned prototype's result is there again, all tasks together, or the only one."""
    at_one = [one for one in compare(study.core, "glora", ["lora", "shuffled"]) if one.mean_rank == 1]
    pooled = {one.other: one.found for one in at_one if one.task == POOLED or study.tasks == 1}
    doubled = _doubled(study)
    if len(pooled) < 2 or doubled is None:
        return []
    found = {"LoRA": pooled["lora"], ARMS["shuffled"].shown: pooled["shuffled"], "LoRA at twice the rank": doubled}
    said = ", ".join(
        f"{gap.mean:+.2f} against {other} ({gap.interval}, {shown_p(gap.p)})" for other, gap in found.items()
    )
    if all(gap.low > 0 for gap in pooled.values()):
        answer = "It is"
    elif any(gap.high < PREDICTED[0] for gap in pooled.values()):
        answer = "It is not"
    else:
        answer = "Undecidable here"
    question = (
        "In an untuned prototype GLoRA at mean rank 1, with matrices that may be left without a rank, was better than "
        "LoRA and than a shuffle of its ranks, close to LoRA at twice the rank. Is it with tuned rates?"
    )
    return [f"{question} {answer}: {said}."]


def _zero_ranks(study: Study) -> list[str]:
    """What it is worth that a matrix may be left without a rank, task by task."""
    made = [one for one in study.beside("glora-min1", "glora", phases=("second",)) if one.task != POOLED]
    gaps = [(one.label, one.found.negated(), one.adjusted) for one in made]
    said = "; ".join(f"{gap.mean:+.2f} on {label} ({gap.interval}, {shown_p(p)})" for label, gap, p in gaps)
    return [f"A least rank of 0 instead of 1 makes, in points: {said}."] if gaps else []


def _doubled(study: Study) -> Difference | None:
    """GLoRA at mean rank 1 against LoRA at 2, paired by seed within a task, each seed's mean over the tasks."""
    wide = study.core.pivot_table(index=["seed", "task"], columns=["arm", "mean_rank"], values="score")
    if ("glora", 1) not in wide or ("lora", 2) not in wide:
        return None
    gaps = (wide["glora", 1] - wide["lora", 2]).dropna().unstack("task").dropna().mean(axis=1)
    return paired(gaps.tolist()) if len(gaps) >= FEWEST else None


def _draw(table: pd.DataFrame, path: Path) -> None:
    tasks = list(dict.fromkeys(table["task"]))
    arms = [arm for arm in COLOURS if arm in set(table["arm"]) and arm not in {"shuffled", "reversed", "disturbed"}]
    figure, grid = plt.subplots(1, len(tasks), figsize=(2.3 * len(tasks) + 0.6, 2.7), squeeze=False)
    for axis, task in zip(grid[0], tasks, strict=True):
        for arm in arms:
            part = table[(table["task"] == task) & (table["arm"] == arm)]
            means = part.groupby("mean_rank")[["adapter_parameters", "score"]].agg(["mean", "std"])
            axis.errorbar(
                means["adapter_parameters", "mean"], means["score", "mean"], yerr=means["score", "std"],
                fmt="o-", color=COLOURS[arm], markersize=4, linewidth=1, elinewidth=0.7, alpha=0.85,
            )  # fmt: skip
        axis.set_title(task)
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:.0f}k"))
        axis.set_xlabel("adapter parameters")
    grid[0][0].set_ylabel("score, points")
    handles = [Line2D([], [], color=COLOURS[arm], marker="o", markersize=4, label=ARMS[arm].shown) for arm in arms]
    figure.legend(handles=handles, loc="lower center", ncol=3, fontsize=8, bbox_to_anchor=(0.5, -0.2))
    save(figure, path)
