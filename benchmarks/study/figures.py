"""The figures of the study, each from the table of runs or from comparisons alone."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.lines import Line2D
from scipy import stats

from benchmarks.study.arms import ARMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

    from benchmarks.study.frame import Comparison

# Okabe and Ito's colours, which the colour-blind tell apart; an arm has one colour in all figures
COLOURS = {
    "lora": "#0072B2", "adalora": "#D55E00", "glora": "#009E73", "shuffled": "#999999", "reversed": "#CC79A7",
    "disturbed": "#56B4E9", "glora-parameters": "#E69F00", "glora-min1": "#000000",
}  # fmt: skip
PREDICTED = (0.5, 1.0)  # points over uniform LoRA, by the hypothesis
MODULES = ("query", "key", "value", "attention_output_dense", "intermediate_dense", "output_dense")

mpl.rcParams.update(
    {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "glora", "figure.dpi": 120}
)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and close it."""
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def scores(table: pd.DataFrame, path: Path) -> None:
    """Every run's score, by task and mean rank: a point a seed, a bar for the mean."""
    tasks = list(dict.fromkeys(table["task"]))
    ranks = sorted(table["mean_rank"].unique())
    figure, grid = plt.subplots(1, len(tasks), figsize=(2.2 * len(tasks) + 0.8, 2.8), squeeze=False)
    arms = [arm for arm in COLOURS if arm in set(table["arm"])]
    for axis, task in zip(grid[0], tasks, strict=True):
        for place, rank in enumerate(ranks):
            for index, arm in enumerate(arms):
                part = table[(table["task"] == task) & (table["mean_rank"] == rank) & (table["arm"] == arm)]
                at = place + (index - (len(arms) - 1) / 2) * 0.17
                axis.plot([at] * len(part), part["score"], ".", color=COLOURS[arm], alpha=0.6, markersize=5)
                if len(part):
                    axis.plot([at - 0.06, at + 0.06], [part["score"].mean()] * 2, color=COLOURS[arm], linewidth=2)
        axis.set_title(task)
        axis.set_xticks(range(len(ranks)), [f"rank {rank}" for rank in ranks])
    grid[0][0].set_ylabel("score, points")
    handles = [Line2D([], [], color=COLOURS[arm], linewidth=2, label=ARMS[arm].shown) for arm in arms]
    figure.legend(handles=handles, loc="lower center", ncol=len(arms), frameon=False, bbox_to_anchor=(0.5, -0.08))
    save(figure, path)


def differences(comparisons: Sequence[Comparison], path: Path) -> None:
    """GLoRA's advantage over each other arm with its confidence interval, beside what the hypothesis predicts."""
    others = list(dict.fromkeys(one.other for one in comparisons))
    figure, grid = plt.subplots(1, len(others), figsize=(2.6 * len(others) + 0.6, 3.4), sharey=True, squeeze=False)
    lines = list(dict.fromkeys((one.task, one.mean_rank) for one in comparisons))
    for axis, other in zip(grid[0], others, strict=True):
        if other == "lora":
            axis.axvspan(*PREDICTED, color="#009E73", alpha=0.15, linewidth=0)
        axis.axvline(0, color="black", linewidth=0.6)
        for one in comparisons:
            if one.other != other:
                continue
            at = -lines.index((one.task, one.mean_rank))
            sure = one.adjusted < 0.05
            axis.plot([one.found.low, one.found.high], [at, at], color=COLOURS[other], linewidth=1.4)
            axis.plot(one.found.mean, at, "o", color=COLOURS[other], mfc=COLOURS[other] if sure else "white")
        axis.set_title(f"over {ARMS[other].shown}", fontsize=9)
        axis.set_xlabel("points")
    grid[0][0].set_yticks([-place for place in range(len(lines))], [f"{task}, rank {rank}" for task, rank in lines])
    save(figure, path)


def rank_map(table: pd.DataFrame, path: Path) -> None:
    """GLoRA's mean rank over seeds, by kind of matrix and layer, for every task and mean rank."""
    part = table[table["arm"] == "glora"]
    cells = list(dict.fromkeys(zip(part["task"], part["mean_rank"], strict=True)))
    columns = min(5, len(cells))
    rows = -(-len(cells) // columns)
    size = (1.7 * columns + 1.6, 1.7 * rows)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis in grid.flat[len(cells) :]:
        axis.axis("off")
    for axis, (task, rank) in zip(grid.flat, cells, strict=False):
        found = part[(part["task"] == task) & (part["mean_rank"] == rank)]["ranks"]
        values = np.mean([_by_module(ranks) for ranks in found], axis=0) / rank
        image = axis.imshow(values, cmap="viridis", vmin=0, vmax=4, aspect="auto")
        axis.set_title(f"{task}, rank {rank}", fontsize=8)
        axis.set_yticks(range(len(MODULES)), [name.replace("_dense", "").replace("_", " ") for name in MODULES])
        axis.tick_params(labelsize=6)
        axis.set_xticks(range(values.shape[1]))
    bar = figure.colorbar(image, ax=grid, shrink=0.6, pad=0.02)
    bar.set_label("rank / mean rank")
    save(figure, path)


def stability(table: pd.DataFrame, path: Path) -> dict[tuple[str, int], float]:
    """How alike GLoRA's ranks are over seeds: Spearman's correlation of each pair.

    Returns:
        The mean over pairs by task and mean rank.
    """
    part = table[table["arm"] == "glora"]
    found: dict[tuple[str, int], list[float]] = {}
    for task, rank in dict.fromkeys(zip(part["task"], part["mean_rank"], strict=True)):
        runs = part[(part["task"] == task) & (part["mean_rank"] == rank)]
        vectors = [_by_module(ranks).ravel() for ranks in runs["ranks"]]
        found[task, int(rank)] = [
            float(stats.spearmanr(one, other).statistic) for one, other in combinations(vectors, 2)
        ]
    figure, axis = plt.subplots(figsize=(1.0 + 0.7 * len(found), 2.6))
    for place, values in enumerate(found.values()):
        axis.plot([place] * len(values), values, ".", color=COLOURS["glora"], alpha=0.5)
    axis.set_xticks(range(len(found)), [f"{task}\nrank {rank}" for task, rank in found], fontsize=7)
    axis.set_ylim(-0.1, 1.02)
    axis.set_ylabel("Spearman, pairs of seeds")
    save(figure, path)
    return {key: float(np.mean(values)) for key, values in found.items() if values}


def _by_module(ranks: dict[str, int]) -> np.ndarray:
    """The ranks as (kinds of matrix, layers)."""
    layers = sorted({int(name.split("_")[1]) for name in ranks})
    return np.array([[_rank(ranks, module, layer) for layer in layers] for module in MODULES], dtype=float)


def _rank(ranks: dict[str, int], module: str, layer: int) -> int:
    own = {
        name.removeprefix(f"layer_{layer}_"): rank for name, rank in ranks.items() if name.startswith(f"layer_{layer}_")
    }
    known = {name.removeprefix("attention_self_"): rank for name, rank in own.items()}
    return known[module]
