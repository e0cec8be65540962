"""What every arm of the core grid reaches, run by run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D

from benchmarks.study.arms import ARMS, TUNED
from benchmarks.study.frame import floor
from benchmarks.study.style import COLOURS, save
from benchmarks.study.tables import image, listed

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.frame import Study


def scores(study: Study) -> list[str]:
    """The table and the points of all runs."""
    core = study.every
    if core.empty:
        return []
    _draw(study, core, study.folder / "scores.png")
    out = [task for task, fine in study.learnable.items() if not fine]
    parts = ["## What does every arm reach?", _said(study), _table(study), image("scores of all runs", "scores")]
    if out:
        parts.append(f"Not learnable with these weights, and left out of what follows: {', '.join(out)}.")
    return parts


def _said(study: Study) -> str:
    """Which of the methods do not beat the majority class, on average over seeds."""
    core = study.every
    below = []
    for task, rank, arm in dict.fromkeys(zip(core["task"], core["mean_rank"], core["arm"], strict=True)):
        part = core[(core["task"] == task) & (core["mean_rank"] == rank) & (core["arm"] == arm)]
        if arm in TUNED and part["score"].mean() <= floor(study.plan.tasks[str(task)], part["majority"].max()):
            below.append(f"{ARMS[arm].shown} on {task} at mean rank {rank}")
    said = f"not above the majority class: {', '.join(below)}" if below else "all are above the majority class"
    correlated = listed([task.name for task in study.plan.tasks.values() if task.is_correlation])
    other = f" or, on {correlated}, Matthews' correlation" if correlated else ""
    return (
        f"The primary metric after the last epoch in points, accuracy{other}: mean and standard deviation over seeds. "
        f"Of LoRA, AdaLoRA and GLoRA {said}."
    )


def _table(study: Study) -> str:
    core = study.every
    arms = [arm for arm in ARMS if arm in set(core["arm"])]
    lines = [
        f"| task | mean rank | majority | {' | '.join(ARMS[arm].shown for arm in arms)} | seeds |",
        f"| --- | ---: | ---: |{' ---: |' * len(arms)} ---: |",
    ]
    for (task, rank), part in core.groupby(["task", "mean_rank"], sort=False):
        cells = []
        for arm in arms:
            found = part[part["arm"] == arm]["score"]
            spread = f" ± {found.std():.2f}" if len(found) > 1 else ""
            cells.append(f"{found.mean():.2f}{spread}" if len(found) else "-")
        seeds = part.groupby("arm")["seed"].nunique()
        count = str(seeds.min()) if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
        least = floor(study.plan.tasks[str(task)], part["majority"].max())
        lines.append(f"| {task} | {rank} | {least:.1f} | {' | '.join(cells)} | {count} |")
    return "\n".join(lines)


def _draw(study: Study, core: pd.DataFrame, path: Path) -> None:
    """Every run's score, by task and mean rank: a point a seed, a bar for the mean."""
    tasks = list(dict.fromkeys(core["task"]))
    ranks = sorted(core["mean_rank"].unique())
    figure, grid = plt.subplots(1, len(tasks), figsize=(2.2 * len(tasks) + 0.8, 2.8), squeeze=False)
    arms = [arm for arm in COLOURS if arm in set(core["arm"])]
    for axis, task in zip(grid[0], tasks, strict=True):
        for place, rank in enumerate(ranks):
            for index, arm in enumerate(arms):
                part = core[(core["task"] == task) & (core["mean_rank"] == rank) & (core["arm"] == arm)]
                at = place + (index - (len(arms) - 1) / 2) * 0.17
                axis.plot([at] * len(part), part["score"], ".", color=COLOURS[arm], alpha=0.6, markersize=5)
                if len(part):
                    axis.plot([at - 0.06, at + 0.06], [part["score"].mean()] * 2, color=COLOURS[arm], linewidth=2)
        axis.set_title(study.plan.tasks[task].title)
        axis.set_xticks(range(len(ranks)), [f"rank {rank}" for rank in ranks])
    grid[0][0].set_ylabel("score, points")
    handles = [Line2D([], [], color=COLOURS[arm], linewidth=2, label=ARMS[arm].shown) for arm in arms]
    figure.legend(handles=handles, loc="lower center", ncol=len(arms), bbox_to_anchor=(0.5, -0.1))
    save(figure, path)
