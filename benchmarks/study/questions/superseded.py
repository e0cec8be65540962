"""What did runs reach that no longer count: at learning rates that were replaced, or of an earlier plan?"""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS

if TYPE_CHECKING:
    from benchmarks.study.frame import Study
    from benchmarks.study.rows import Row

SAID = """\
Runs of the core grid at rates that a later rule for choosing them replaced. They count in no comparison but that of the
best single trials, and are told because the rule was changed when they were known. Beside them, the same seeds at the
rate that holds:"""
EARLIER = """\
Runs of an earlier plan, which had other epochs, ranges of rates or settings for them. They count nowhere:"""


def superseded(study: Study) -> list[str]:
    """By task, mean rank and arm: the scores at each such rate, and of the same seeds at the rate that holds."""
    groups: dict[tuple[str, int, str, float], dict[int, float]] = {}
    for row in _replaced(study):
        score = 100 * row["metrics"][study.plan.tasks[row["task"]].metric]
        groups.setdefault((row["task"], row["mean_rank"], row["arm"], row["learning_rate"]), {})[row["seed"]] = score
    lines, against = [], []
    own = study.proposed("score")
    for (task, rank, arm, rate), scores in sorted(groups.items()):
        core = study.core
        now = core[(core["task"] == task) & (core["mean_rank"] == rank) & (core["arm"] == arm)]
        now = now[now["seed"].isin(list(scores))]
        if now.empty:
            continue
        taken = now["learning_rate"].iloc[0]
        lines.append(
            f"| {task} | {rank} | {ARMS[arm].shown} | {rate:.2e} | {_listed([*scores.values()])} | {taken:.2e} | "
            f"{_listed(now.sort_values('seed')['score'].tolist())} |"
        )
        gaps = [own[task, rank, seed] - score for seed, score in scores.items() if (task, rank, seed) in own]
        if arm == "lora" and gaps:
            against.append(f"{fmean(gaps):+.2f} points on {task} at mean rank {rank} ({len(gaps)} seeds)")
    head = [
        "| task | mean rank | arm | rate | scores, seed by seed | rate that holds | scores |",
        "| --- | ---: | --- | ---: | --- | ---: | --- |",
    ]
    told = (
        [f"GLoRA, at the rate that holds, is against LoRA at the replaced one {'; '.join(against)}."] if against else []
    )
    parts = [SAID, "\n".join([*head, *lines]), *told] if lines else []
    parts += _earlier(study)
    return ["## What do replaced learning rates, and earlier plans, reach?", *parts] if parts else []


def _earlier(study: Study) -> list[str]:
    """The scores of runs that no cell of the plan has, at whatever rate; searches are told apart by their phase."""
    counted = {row["config"] for row in (*study.plan.rows_of(study.rows).values(), *_replaced(study))}
    groups: dict[tuple[str, str, int, str, float], list[float]] = {}
    for row in study.rows:
        if row["kind"] == "run" and row["config"] not in counted and row["task"] in study.plan.tasks:
            key = (row["task"], row["phase"], row["mean_rank"], row["arm"], row["learning_rate"])
            groups.setdefault(key, []).append(100 * row["metrics"][study.plan.tasks[row["task"]].metric])
    lines = [
        f"| {task} | {phase} | {rank} | {ARMS[arm].shown} | {rate:.2e} | {_listed(scores)} |"
        for (task, phase, rank, arm, rate), scores in sorted(groups.items())
    ]
    head = ["| task | grid | mean rank | arm | rate | scores |", "| --- | --- | ---: | --- | ---: | --- |"]
    return [EARLIER, "\n".join([*head, *lines])] if lines else []


def _replaced(study: Study) -> list[Row]:
    """Core runs that would be the plan's own, had they its rate; in the order of their seeds."""
    plan = study.plan
    rates = plan.rates(study.rows)
    cells = {(cell.task, cell.arm, cell.mean_rank, cell.seed): cell for cell in plan.cells() if cell.phase == "core"}
    found = []
    for row in study.rows:
        if row["kind"] != "run" or row["phase"] != "core":
            continue
        cell = cells.get((row["task"], row["arm"], row["mean_rank"], row["seed"]))
        if cell is None or cell not in rates:
            continue
        alike = row["config"] == plan.hash_of(cell, row["learning_rate"])  # in all but the rate
        if alike and row["learning_rate"] != rates[cell]:
            found.append(row)
    return sorted(found, key=lambda row: int(row["seed"]))


def _listed(scores: list[float]) -> str:
    return ", ".join(f"{score:.2f}" for score in scores)
