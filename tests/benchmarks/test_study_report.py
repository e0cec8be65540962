"""The report says what the rows say, and nothing where there are none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.study.figures import MODULES
from benchmarks.study.frame import Comparison
from benchmarks.study.plan import read_plan
from benchmarks.study.report import verdict, write_report
from benchmarks.study.statistics import Difference

PLAN = read_plan(Path(__file__).parents[2] / "docs" / "study" / "plan.yaml")
NAMES = {"query": "attention_self_query", "key": "attention_self_key", "value": "attention_self_value"}


def rows(*, gain: float, seeds: int = 5) -> list[dict[str, Any]]:
    draws = np.random.default_rng(1)
    ranks = {
        f"layer_{layer}_{NAMES.get(name, name)}": int(draws.integers(0, 6)) for layer in range(6) for name in MODULES
    }
    found = []
    for task in ("rte", "sst2"):
        for rank in (1, 2):
            for seed in range(seeds):
                base = 0.8 + 0.01 * draws.normal()
                for arm, extra in (("lora", 0.0), ("adalora", gain), ("glora", gain), ("shuffled", -gain)):
                    found.append(
                        {
                            "kind": "run", "phase": "core", "task": task, "arm": arm, "mean_rank": rank, "seed": seed,
                            "settings": {}, "metrics": {"accuracy": base + extra + 0.001 * draws.normal()},
                            "majority": 0.5, "ranks": ranks,
                        }
                    )  # fmt: skip
    return found


def test_a_gain_that_is_there_is_reported_with_its_figures(tmp_path: Path) -> None:
    write_report(PLAN, rows(gain=0.01), tmp_path)
    text = (tmp_path / "README.md").read_text()
    (gain,) = re.findall(r"At mean rank 1, over all tasks, GLoRA is (\S+) points against LoRA", text)
    assert abs(float(gain) - 1.0) < 0.1
    assert ": better." in text
    for name in ("scores", "differences", "ranks", "stability"):
        assert f"({name}.png)" in text
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


def test_without_rows_there_is_nothing_but_how_it_is_measured(tmp_path: Path) -> None:
    write_report(PLAN, [], tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "How it was measured" in text
    assert "|" not in text


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Difference(0.8, 0.5, 1.1, 0.001, 0.3, 5), "better"),
        (Difference(-0.8, -1.1, -0.5, 0.001, 0.3, 5), "worse"),
        (Difference(0.1, -0.1, 0.3, 0.3, 0.3, 5), "no gain as predicted"),
        (Difference(0.4, -1.0, 1.8, 0.4, 2.5, 5), "undecidable here"),
        (Difference(0.3, -0.1, 0.7, 0.1, 0.8, 5), "no difference was found"),
    ],
)
def test_what_could_not_have_been_seen_is_called_undecidable(found: Difference, said: str) -> None:
    assert verdict(Comparison("rte", 2, "glora", "lora", found, found.p)) == said
