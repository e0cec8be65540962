"""Rows of a study whose answers are known."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from benchmarks.study.arms import IMPROVED
from benchmarks.study.plan import Plan, read_plan
from benchmarks.study.style import MODULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.study.cells import Cell

NAMES = {"query": "attention_self_query", "key": "attention_self_key", "value": "attention_self_value"}
MATRICES = [f"layer_{layer}_{NAMES.get(name, name)}" for layer in range(6) for name in MODULES]
RATES = (1e-3, 2e-3, 4e-3)
BEST = 2e-3  # for all but GLoRA on one task
OTHER_BEST = {("rte", "glora"): 4e-3}


def plan() -> Plan:
    """The project's plan with two tasks and a small grid of each kind."""
    given = read_plan(Path(__file__).parents[2] / "docs" / "study" / "plan.yaml")
    seeds, some = [1, 2, 3, 4, 5], {"tasks": ["sst2"], "seeds": [1, 2, 3]}
    settings = [{"beta_ema": 0.0}, {"allocation_share": 0.4}, {"signal": "lora_B"}, {"signal": "exact"}]
    controls = ["reversed", "disturbed", "glora-parameters", "glora-min1"]
    fresh = ["lora", "glora-same", *IMPROVED, "seeded-shuffled"]
    return dataclasses.replace(
        given,
        tasks={name: given.tasks[name] for name in ("rte", "sst2")},
        grids={
            "core": ({"arms": ["lora", "adalora", "glora", "shuffled"], "mean_ranks": [1, 2], "seeds": seeds},),
            "second": (
                {**some, "arms": controls, "mean_ranks": [2]},
                {**some, "arms": ["lora", "glora"], "mean_ranks": [8]},
            ),
            "same": ({"arms": ["glora-same"], "mean_ranks": [1, 2], "seeds": seeds},),
            "lucky": ({**some, "arms": ["lora-lucky", "glora-lucky"], "mean_ranks": [2]},),
            "settings": ({**some, "arms": ["glora"], "mean_ranks": [1], "settings": settings},),
            "improve": ({**some, "arms": list(IMPROVED), "mean_ranks": [1]},),
            "fresh": ({"tasks": ["sst2"], "arms": fresh, "mean_ranks": [1], "seeds": [11, 12, 13]},),
        },
    )


def trials(of: Plan) -> list[dict[str, Any]]:
    """Searches in which each method has its best rate."""
    return [
        {
            "kind": "trial", "task": cell.task, "arm": cell.arm, "mean_rank": cell.mean_rank, "learning_rate": rate,
            "state": "complete", "value": 0.8 - abs(rate - OTHER_BEST.get((cell.task, cell.arm), BEST)),
            "config": of.hash_of(cell, None),
        }
        for cell in of.tuning_cells()
        for rate in RATES
    ]  # fmt: skip


def rows(
    of: Plan, score: Callable[[Cell], float | None], *, chosen: Callable[[Cell], bool] = lambda _: True
) -> list[dict[str, Any]]:
    """The searches, and a row for each cell that is chosen."""
    cells = [cell for cell in of.cells() if cell.phase != "tuning" and chosen(cell)]
    return [*trials(of), *(run(of, cell, score(cell)) for cell in cells)]


def run(of: Plan, cell: Cell, score: float | None) -> dict[str, Any]:
    """One finished run."""
    draws = np.random.default_rng(cell.seed)
    rate = BEST if cell.phase == "tuning" else OTHER_BEST.get((cell.task, of.tuned_by(cell).arm), BEST)
    values = [float(value) for value in draws.uniform(0.1, 1.0, len(MATRICES))]
    ranks = {
        name: round(cell.mean_rank * value / np.mean(values)) for name, value in zip(MATRICES, values, strict=True)
    }
    return {
        **cell.own, "kind": "run", "config": of.hash_of(cell, rate), "settings": dict(cell.settings),
        "metrics": {"matthews_corrcoef": None if score is None else 2 * score - 1, of.tasks[cell.task].metric: score},
        "majority": 0.5, "learning_rate": rate, "ranks": ranks,
        "adapter_parameters": 1000 * cell.mean_rank + (100 if cell.arm == "glora" else 0), "seconds": 100.0,
        "signal": dict(zip(MATRICES, values, strict=True)),
        "signal_path": [[step, *(value + 1 / step for value in values[:-1]), values[-1]] for step in (20, 40, 60)],
    }  # fmt: skip


def gaining(gain: float, improvement: float) -> Callable[[Cell], float]:
    """AdaLoRA and GLoRA have a gain over LoRA, shuffled ranks lose it, improvements have more than GLoRA."""
    extra = {
        "adalora": gain,
        **dict.fromkeys(("glora", "glora-same", "glora-lucky"), gain),
        "shuffled": -gain,
        "reversed": -gain,
    }
    extra |= dict.fromkeys(IMPROVED, gain + improvement)
    draws = np.random.default_rng(2)

    def score(cell: Cell) -> float:
        base = 0.8 + 0.01 * float(np.random.default_rng([cell.seed, cell.mean_rank]).normal())
        return base + extra.get(cell.arm, 0.0) + 0.001 * float(draws.normal())

    return score


def cost(again: float = 1.0005) -> dict[str, Any]:
    """A measurement of step times; LoRA's against itself differ ``again``-fold."""

    def measured(arm: str, ratio: float) -> dict[str, Any]:
        return {
            "arm": arm, "adapters": 30, "trained_parameters": 5000, "median": ratio,
            "quartiles": [ratio - 0.01, ratio + 0.01],
        }  # fmt: skip

    return {
        "kind": "cost",
        "mean_rank": 2,
        "measured": {
            "matrices": 36,
            "warmup": [measured("LoRA", 1.0), measured("LoRA again", again), measured("GLoRA delta", 1.005),
                       measured("AdaLoRA", 1.3)],
            "after": [measured("LoRA", 1.0), measured("LoRA again", 1.0), measured("GLoRA delta, min_rank=0", 0.97)],
            "reallocations": {"GLoRA delta, min_rank=0": [0.4, 0.5]},
            "peak_bytes": {"LoRA": 100, "GLoRA delta": 101},
        },
    }  # fmt: skip
