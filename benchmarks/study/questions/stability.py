"""How stable are the ranks, over seeds and over the length of the warm-up?"""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

from benchmarks.study.style import COLOURS, by_module, save
from benchmarks.study.tables import image

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.frame import Study

OVER_LENGTH = tuple[float, float]  # share of the warm-up, likeness to the signal at its end


def stability(study: Study) -> list[str]:
    """Spearman's correlation of the ranks of two seeds, and of the signal before with the signal at the end."""
    part = study.core[study.core["arm"] == "glora"]
    seeds = _over_seeds(part)
    if not any(seeds.values()):
        return []
    lengths = _over_length(part)
    _draw(seeds, lengths, study.folder / "stability.png")
    means = [np.mean(found) for found in seeds.values()]
    inner = [np.mean(found) for found in _over_seeds(part, within).values() if found]
    said = (
        f"The ranks of two seeds have a rank correlation (Spearman) of {np.mean(means):.2f} over all matrices "
        f"({min(means):.2f} to {max(means):.2f} over tasks and mean ranks), and of {np.mean(inner):.2f} "
        f"({min(inner):.2f} to {max(inner):.2f}) over the layers of one kind of matrix."
    )
    half = {task: min(points, key=lambda point: abs(point[0] - 0.5))[0] for task, points in lengths.items()}
    early = "; ".join(
        f"{np.mean([like for share, like in lengths[task] if share == at]):.2f} on {task}, {at:.0%} of the way"
        for task, at in half.items()
    )
    if early:
        said += f" The signal half way through the warm-up, or where it was logged nearest to it, has one of {early}."
    return [
        "## How stable are the ranks over seeds, and over the length of the warm-up?",
        " ".join([said, *_other_lengths(study)]),
        image("likeness of ranks over seeds and over the warm-up", "stability"),
    ]


def alike(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Spearman's correlation of two sets of values of the same matrices."""
    return float(stats.spearmanr(by_module(one).ravel(), by_module(other).ravel()).statistic)


def within(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Spearman's correlation over the layers, averaged over the kinds of matrix in which both have differences."""
    kinds = zip(by_module(one), by_module(other), strict=True)  # (layers,) each
    found = [stats.spearmanr(*both).statistic for both in kinds if all(np.ptp(values) > 0 for values in both)]
    return float(np.mean(found)) if found else 0.0


def _over_seeds(
    part: pd.DataFrame, likeness: Callable[[Mapping[str, float], Mapping[str, float]], float] = alike
) -> dict[tuple[str, int], list[float]]:
    """By task and mean rank: the likeness of each pair of seeds, where there are two or more."""
    found = {}
    for task, rank in dict.fromkeys(zip(part["task"], part["mean_rank"], strict=True)):
        runs = part[(part["task"] == task) & (part["mean_rank"] == rank)]
        if len(runs) > 1:
            found[str(task), int(rank)] = [likeness(one, other) for one, other in combinations(runs["ranks"], 2)]
    return found


def _over_length(part: pd.DataFrame) -> dict[str, list[OVER_LENGTH]]:
    """By task: each logged step of each run's warm-up, with the likeness of its signal to the last one."""
    found: dict[str, list[OVER_LENGTH]] = {}
    for task, path in zip(part["task"], part["signal_path"], strict=True):
        if len(path) < 2:
            continue
        last = path[-1]
        for point in path[:-1]:
            like = float(stats.spearmanr(point[1:], last[1:]).statistic)
            found.setdefault(str(task), []).append((point[0] / last[0], like))
    return found


def _other_lengths(study: Study) -> list[str]:
    """The ranks after a shorter or longer warm-up against those of the plan's, of the same task, rank and seed."""
    plain = study.proposed("ranks")
    found: dict[tuple[str, int, float], list[float]] = {}
    for run in study.of("settings", settings=None).to_dict("records"):
        share = json.loads(run["settings"]).get("allocation_share")
        key = (run["task"], run["mean_rank"], run["seed"])
        if share is not None and key in plain:
            found.setdefault((*key[:2], share), []).append(alike(run["ranks"], plain[key]))
    return [
        f"Ranks after {share:.0%} of the steps instead of {study.plan.allocation_share:.0%} have one of "
        f"{np.mean(values):.2f} with those of the same seed ({task}, mean rank {rank}, {len(values)} seeds)."
        for (task, rank, share), values in sorted(found.items())
    ]


def _draw(seeds: Mapping[tuple[str, int], list[float]], lengths: Mapping[str, list[OVER_LENGTH]], path: Path) -> None:
    figure, (left, right) = plt.subplots(1, 2, figsize=(2.4 + 0.62 * len(seeds) + 2.8, 2.7), width_ratios=[3, 2])
    for place, values in enumerate(seeds.values()):
        left.plot([place] * len(values), values, ".", color=COLOURS["glora"], alpha=0.5)
    left.set_xticks(range(len(seeds)), [f"{task}\nrank {rank}" for task, rank in seeds], fontsize=7)
    left.set_ylim(min(-0.1, *(value for values in seeds.values() for value in values), 0.0), 1.02)
    left.set_ylabel("Spearman, pairs of seeds")
    for task, points in lengths.items():
        shares = sorted({round(share, 3) for share, _ in points})
        means = [np.mean([like for share, like in points if round(share, 3) == at]) for at in shares]
        right.plot(shares, means, ".-", markersize=4, linewidth=1, label=task)
    right.set_xlabel("share of the warm-up")
    right.set_ylabel("Spearman, with its end")
    right.set_ylim(top=1.02)
    if lengths:
        right.legend(fontsize=7)
    figure.tight_layout()
    save(figure, path)
