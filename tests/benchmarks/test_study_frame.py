"""What is compared with what, from rows whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.study.frame import POOLED, compare, learnable, runs
from benchmarks.study.plan import read_plan

PLAN = read_plan(Path(__file__).parents[2] / "docs" / "study" / "plan.yaml")


def row(task: str, arm: str, seed: int, score: float, **changes: Any) -> dict[str, Any]:
    metric = PLAN.tasks[task].metric
    given = {"kind": "run", "phase": "core", "task": task, "arm": arm, "mean_rank": 2, "seed": seed, "settings": {}}
    return {**given, "metrics": {metric: score}, "majority": 0.5, **changes}


def grid(gain: float, tasks: tuple[str, ...] = ("rte", "sst2")) -> list[dict[str, Any]]:
    noise = np.random.default_rng(0)
    found = []
    for task in tasks:
        for seed in range(5):
            base = 0.7 + 0.02 * noise.normal()
            found.append(row(task, "lora", seed, base))
            found.append(row(task, "glora", seed, base + gain + 0.001 * noise.normal()))
    return found


def test_pairs_of_seeds_take_out_what_both_arms_share() -> None:
    made = compare(runs(grid(0.01), PLAN), "glora", ["lora"])
    assert {one.task for one in made} == {POOLED, "rte", "sst2"}
    assert all(abs(one.found.mean - 1.0) < 0.2 and one.adjusted < 0.01 for one in made)
    assert all(one.found.detectable < 0.5 for one in made)


def test_a_pair_that_is_not_complete_does_not_count() -> None:
    rows = grid(0.01)
    rows = [one for one in rows if (one["task"], one["arm"], one["seed"]) != ("rte", "lora", 3)]
    counts = {one.task: one.found.count for one in compare(runs(rows, PLAN), "glora", ["lora"])}
    assert counts == {POOLED: 4, "rte": 4, "sst2": 5}


def test_arms_that_have_no_rows_are_not_compared() -> None:
    assert compare(runs(grid(0.0), PLAN), "glora", ["adalora"]) == []
    assert compare(runs([], PLAN), "glora", ["lora"]) == []


def test_searches_and_unfinished_runs_are_no_runs() -> None:
    rows = [row("rte", "lora", 1, 0.5, phase="tuning"), row("rte", "lora", 1, 0.5, kind="trial")]
    rows.append(row("rte", "lora", 1, 0.5, metrics={"accuracy": None}))
    assert len(runs(rows, PLAN)) == 0


@pytest.mark.parametrize(("task", "score", "fine"), [("rte", 0.55, True), ("rte", 0.49, False), ("cola", 0.02, True)])
def test_a_task_is_learnable_where_lora_beats_the_majority(task: str, score: float, fine: bool) -> None:
    assert learnable(runs([row(task, "lora", seed, score) for seed in range(3)], PLAN)) == {task: fine}
