"""Rows of a study whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from benchmarks.study.arms import IMPROVED, TUNED
from benchmarks.study.style import MODULES

NAMES = {"query": "attention_self_query", "key": "attention_self_key", "value": "attention_self_value"}
MATRICES = [f"layer_{layer}_{NAMES.get(name, name)}" for layer in range(6) for name in MODULES]
TASKS = ("rte", "sst2")


def core(*, gain: float, seeds: int = 5) -> list[dict[str, Any]]:
    """Runs of the core grid: AdaLoRA and GLoRA have ``gain`` over LoRA, shuffled ranks lose it."""
    draws = np.random.default_rng(1)
    return [
        run("core", task, arm, rank, seed, base + extra + 0.001 * draws.normal())
        for task in TASKS
        for rank in (1, 2)
        for seed in range(1, seeds + 1)
        for base in [0.8 + 0.01 * draws.normal()]
        for arm, extra in (("lora", 0.0), ("adalora", gain), ("glora", gain), ("shuffled", -gain))
    ]


def further(*, gain: float) -> list[dict[str, Any]]:
    """Everything beside the core grid: controls, settings, improvements that gain, searches and a cost."""
    draws = np.random.default_rng(2)
    seeds = (1, 2, 3)
    found = [
        run("second", "sst2", arm, rank, seed, 0.8 + 0.001 * draws.normal())
        for arm, rank in (("reversed", 2), ("disturbed", 2), ("glora-parameters", 2), ("glora-min1", 2), ("lora", 8))
        for seed in seeds
    ]
    found += [
        run("settings", "sst2", "glora", 1, seed, 0.8 + 0.001 * draws.normal(), **settings)
        for settings in ({"beta_ema": 0.0}, {"allocation_share": 0.4}, {"signal": "lora_B"}, {"signal": "exact"})
        for seed in seeds
    ]
    for phase, chosen in (("improve", seeds), ("fresh", (11, 12, 13))):
        for seed in chosen:
            arms = [(arm, gain) for arm in IMPROVED] + ([("lora", 0.0), ("glora", 0.0)] if phase == "fresh" else [])
            found += [run(phase, "sst2", arm, 1, seed, 0.82 + more + 0.001 * draws.normal()) for arm, more in arms]
    found += [
        {
            "kind": "trial",
            "task": task,
            "arm": arm,
            "mean_rank": 2,
            "learning_rate": rate,
            "value": 0.8 - abs(rate - 2e-3),
        }
        for task in TASKS
        for arm in TUNED
        for rate in (1e-3, 2e-3, 4e-3)
    ]
    return [*found, cost()]


def run(  # noqa: PLR0917 - as a row has them
    phase: str, task: str, arm: str, rank: int, seed: int, score: float, **settings: Any
) -> dict[str, Any]:
    """One finished run."""
    draws = np.random.default_rng(seed)
    values = [float(value) for value in draws.uniform(0.1, 1.0, len(MATRICES))]
    ranks = {name: round(rank * value / np.mean(values)) for name, value in zip(MATRICES, values, strict=True)}
    return {
        "kind": "run", "config": f"{phase} {task} {arm} {rank} {seed}", "phase": phase, "task": task, "arm": arm, "mean_rank": rank, "seed": seed,
        "settings": settings, "metrics": {"accuracy": score}, "majority": 0.5, "ranks": ranks,
        "adapter_parameters": 1000 * rank + (100 if arm == "glora" else 0), "seconds": 100.0,
        "signal": dict(zip(MATRICES, values, strict=True)),
        "signal_path": [[step, *(value + 1 / step for value in values[:-1]), values[-1]] for step in (20, 40, 60)],
    }  # fmt: skip


def cost() -> dict[str, Any]:
    """A measurement of step times."""

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
            "warmup": [measured("LoRA", 1.0), measured("LoRA again", 1.001), measured("GLoRA delta", 1.005),
                       measured("AdaLoRA", 1.3)],
            "after": [measured("LoRA", 1.0), measured("GLoRA delta, min_rank=0", 0.97)],
            "reallocations": {"GLoRA delta, min_rank=0": [0.4, 0.5]},
            "peak_bytes": {"LoRA": 100, "GLoRA delta": 101},
        },
    }  # fmt: skip
