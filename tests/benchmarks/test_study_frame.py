"""What is compared with what, from rows whose answers are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from benchmarks.study.comparisons import POOLED, compare
from benchmarks.study.frame import Study, learnable, runs

from . import study_rows

if TYPE_CHECKING:
    from benchmarks.study.cells import Cell

PLAN = study_rows.plan()
CORE = [cell for cell in PLAN.cells() if cell.phase == "core" and cell.mean_rank == 2]
EVERY = [cell for cell in PLAN.cells() if cell.phase == "core"]


def grid(gain: float) -> list[dict[str, Any]]:
    """LoRA and GLoRA at mean rank 2 on two tasks, with what seeds share and a little noise."""
    noise = np.random.default_rng(0)
    base = {(task, seed): 0.7 + 0.02 * noise.normal() for task in PLAN.tasks for seed in range(1, 6)}

    def score(cell: Cell) -> float:
        return float(base[cell.task, cell.seed] + (gain + 0.001 * noise.normal() if cell.arm == "glora" else 0.0))

    return study_rows.rows(PLAN, score, chosen=lambda cell: cell in CORE and cell.arm in {"lora", "glora"})


def test_pairs_of_seeds_take_out_what_both_arms_share() -> None:
    made = compare(runs(grid(0.01), PLAN), "glora", ["lora"])
    assert {one.task for one in made} == {POOLED, "rte", "sst2"}
    assert all(abs(one.found.mean - 1.0) < 0.2 and one.adjusted < 0.01 for one in made)
    assert all(one.found.detectable < 0.5 for one in made)


def test_a_pair_that_is_not_complete_does_not_count() -> None:
    rows = grid(0.01)
    rows = [one for one in rows if (one["task"], one["arm"], one.get("seed")) != ("rte", "lora", 3)]
    counts = {one.task: one.found.count for one in compare(runs(rows, PLAN), "glora", ["lora"])}
    assert counts == {POOLED: 4, "rte": 4, "sst2": 5}


def test_arms_that_have_no_rows_are_not_compared() -> None:
    assert compare(runs(grid(0.0), PLAN), "glora", ["adalora"]) == []
    assert compare(runs([], PLAN), "glora", ["lora"]) == []


def test_searches_unfinished_runs_and_runs_of_another_plan_do_not_count() -> None:
    cell = CORE[0]
    tuning = PLAN.tuning_cells()[0]
    found = [*study_rows.trials(PLAN), {**study_rows.run(PLAN, tuning, 0.5), "config": PLAN.hash_of(tuning, None)}]
    assert len(runs([*found, study_rows.run(PLAN, cell, None)], PLAN)) == 0
    assert len(runs([*found, {**study_rows.run(PLAN, cell, 0.5), "config": "of another plan"}], PLAN)) == 0
    assert len(runs([*found, study_rows.run(PLAN, cell, 0.5)], PLAN)) == 1


def test_a_run_of_two_grids_has_a_line_in_each() -> None:
    same = next(cell for cell in PLAN.cells() if cell.arm == "glora-same" and cell.task == "sst2")
    table = runs([*study_rows.trials(PLAN), study_rows.run(PLAN, same, 0.5)], PLAN)
    assert sorted(zip(table["phase"], table["arm"], strict=True)) == [("core", "glora"), ("same", "glora-same")]


@pytest.mark.parametrize(("score", "fine"), [(0.55, True), (0.49, False)])
def test_a_task_is_learnable_where_lora_beats_the_majority(score: float, fine: bool) -> None:
    rows = study_rows.rows(PLAN, lambda _: score, chosen=lambda cell: cell in CORE and cell.task == "rte")
    assert learnable(runs(rows, PLAN), PLAN.tasks) == {"rte": fine}


def test_a_task_that_lora_learns_at_one_rank_alone_is_learnable() -> None:
    def score(cell: Cell) -> float:
        return 0.5 if cell.mean_rank == 2 else 0.6

    rows = study_rows.rows(PLAN, score, chosen=lambda cell: cell in EVERY and cell.task == "rte")
    study = Study(PLAN, rows, Path())
    assert study.learnable == {"rte": True}
    assert study.failed.sum() == (study.core["mean_rank"] == 2).sum() > 0


@pytest.mark.parametrize(("seeds", "together"), [(2, set()), (3, {("rte", "sst2")})])
def test_a_task_counts_among_all_once_it_has_enough_seeds(seeds: int, together: set[tuple[str, ...]]) -> None:
    def chosen(cell: Cell) -> bool:
        return cell in EVERY and (cell.task == "sst2" or cell.seed <= seeds)

    gains = Study(PLAN, study_rows.rows(PLAN, study_rows.gaining(0.01, 0.0), chosen=chosen), Path()).gains
    assert {one.tasks for one in gains if one.task == POOLED} == together
    assert ("sst2",) in {one.tasks for one in gains}


def test_the_weighted_analysis_listens_to_the_task_of_little_spread() -> None:
    draws = np.random.default_rng(0)

    def score(cell: Cell) -> float:
        wild = cell.task == "rte"
        return 0.7 + (0.02 if cell.arm == "glora" and not wild else 0.0) + (0.05 if wild else 0.001) * draws.normal()

    study = Study(PLAN, study_rows.rows(PLAN, score, chosen=lambda cell: cell in EVERY), Path())
    (found, _) = [one for one in study.weighted_gains if one.other == "lora"]
    (single,) = [one for one in study.gains if (one.task, one.other, one.mean_rank) == ("sst2", "lora", 1)]
    assert abs(found.found.mean - single.found.mean) < 0.1
    assert sum(study.weights.values()) == pytest.approx(1)
    assert study.weights["sst2"] > 0.9


def test_a_trial_that_broke_off_and_was_made_again_at_its_rate_counts_once() -> None:
    trials = study_rows.trials(PLAN)
    whole = trials[0]
    broken, elsewhere = {**whole, "value": None}, {**whole, "value": None, "learning_rate": 0.5}
    assert PLAN.trials([broken, *trials, elsewhere]) == [*trials, elsewhere]


def test_the_error_of_rows_is_told_of_accuracies_alone() -> None:
    tasks = {"cola": dataclasses.replace(PLAN.tasks["rte"], name="cola", metric="matthews_corrcoef")}
    plan = dataclasses.replace(PLAN, tasks={**PLAN.tasks, **tasks})
    cells = [cell for cell in plan.cells() if cell.phase == "core" and cell.seed == 1 and cell.arm == "lora"]
    rows = [*study_rows.trials(plan), *({**study_rows.run(plan, cell, 0.5), "correct": "gA=="} for cell in cells)]
    table = runs(rows, plan)
    assert table[table["task"] == "cola"]["correct"].isna().all()
    assert (table[table["task"] == "sst2"]["correct"] == "gA==").all()


def test_cola_is_learnable_where_its_correlation_is_above_zero() -> None:
    table = pd.DataFrame({"task": ["cola"], "arm": ["lora"], "mean_rank": [1], "majority": [0.69], "score": [2.0]})
    tasks = {"cola": dataclasses.replace(PLAN.tasks["rte"], name="cola", metric="matthews_corrcoef")}
    assert learnable(table, tasks) == {"cola": True}
