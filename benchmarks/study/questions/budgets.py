"""What does it reach at LoRA's parameters, with a least rank, and at a larger mean rank?

A rank of a wide matrix costs more parameters than one of a narrow matrix, so that GLoRA at the same total rank may
have more parameters than LoRA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, family
from benchmarks.study.style import COLOURS, save
from benchmarks.study.tables import comparison_table, image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.cells import Task
    from benchmarks.study.frame import Study

FURTHER = ("glora-parameters", "glora-min1", "glora", "adalora")


def budgets(study: Study) -> list[str]:
    """Score over parameters of every arm, and the second grid against LoRA."""
    table = study.of("core", "second")
    if table.empty:
        return []
    further = [one for arm in FURTHER for one in study.beside(arm, "lora", phases=("second",))]
    made = family(one for one in further if one.task != POOLED)
    _draw(table, study.plan.tasks, study.folder / "budgets.png")
    parts = [
        "## What does it reach at the same parameters, and at larger budgets?",
        _parameters(table),
        _seeds(table),
        image("score over parameters", "budgets"),
    ]
    return [*parts, comparison_table(made)] if made else parts


def _parameters(table: pd.DataFrame) -> str:
    """How many more or fewer parameters each arm has than LoRA at the same total rank, as a range over tasks."""
    means = table.groupby(["mean_rank", "task", "arm"])["adapter_parameters"].mean().unstack("arm")
    if "lora" not in means:
        return ""
    said = []
    for rank, of_rank in means.dropna(subset="lora").groupby("mean_rank"):
        over = of_rank.div(of_rank["lora"], axis=0).sub(1).drop(columns="lora")
        shares = [f"{ARMS[str(arm)].shown} {_range(over[arm].dropna())}" for arm in over if over[arm].notna().any()]
        if shares:
            own = of_rank["lora"].iloc[0]
            said.append(f"at mean rank {rank} LoRA has {own:,.0f}, and against that, over tasks, {', '.join(shares)}")
    if not said:
        return ""
    return f"A rank of a wide matrix has more parameters, so that equal ranks are no equal size: {'; '.join(said)}."


def _seeds(table: pd.DataFrame) -> str:
    """How many seeds the figure's points are means of."""
    counts: dict[int, set[int]] = {}  # the fewest and the most
    for rank in sorted(set(table["mean_rank"])):
        of_rank = table[table["mean_rank"] == rank].groupby(["task", "arm"])["seed"].nunique()
        counts[rank] = {int(of_rank.min()), int(of_rank.max())}
    told = [f"{' to '.join(map(str, sorted(found)))} at mean rank {rank}" for rank, found in counts.items()]
    return f"A point is a mean over seeds: {', '.join(told)}."


def _range(over: pd.Series) -> str:
    low, high = (f"{100 * value:+.0f} %".replace("-0 %", "+0 %") for value in (over.min(), over.max()))
    return low if low == high else f"{low} to {high}"


def _draw(table: pd.DataFrame, metrics: Mapping[str, Task], path: Path) -> None:
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
        axis.set_title(metrics[task].title)
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(FixedLocator([40_000, 80_000, 160_000, 320_000]))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / 1000:.0f}k"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel("adapter parameters, log")
    grid[0][0].set_ylabel("score, points; mean ± sd")
    handles = [Line2D([], [], color=COLOURS[arm], marker="o", markersize=4, label=ARMS[arm].shown) for arm in arms]
    figure.legend(handles=handles, loc="lower center", ncol=3, fontsize=8, bbox_to_anchor=(0.5, -0.26))
    save(figure, path)
