"""Pairs of seeds, families of p-values, and how much the choice of evaluated rows says."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from benchmarks.study.comparisons import POOLED, Comparison, compare, error_of_rows, family
from benchmarks.study.statistics import detectable, holm, paired
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence


def made(task: str, gaps: Sequence[float], *, other: str = "lora", rank: int = 1) -> Comparison:
    found = paired(gaps)
    return Comparison(task, rank, "glora", other, found, found.p)


def table(answers: dict[str, np.ndarray]) -> pd.DataFrame:
    """Runs of arms by the answers of their seeds, (seeds, rows)."""
    return pd.DataFrame(
        {"arm": arm, "seed": seed, "correct": base64.b64encode(np.packbits(right)).decode()}
        for arm, seeds in answers.items()
        for seed, right in enumerate(seeds)
    )


@given(st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=6))
def test_single_tasks_are_one_family_and_all_tasks_another(gaps: list[list[float]]) -> None:
    single = [made(f"task {place}", values) for place, values in enumerate(gaps)]
    pooled = [made(POOLED, values, rank=place) for place, values in enumerate(gaps)]
    found = family([*single, *pooled])
    assert [one.adjusted for one in found] == 2 * holm([one.found.p for one in single])
    assert [one.task for one in found] == [one.task for one in [*single, *pooled]]


def test_the_predicted_gain_is_tested_over_the_comparisons_with_lora_alone() -> None:
    low, lower, high = made("sst2", [0.0, 0.1, 0.2]), made("rte", [-0.4, -0.2, 0.0]), made("cola", [0.5, 1.0, 1.5])
    other = made("sst2", [0.0, 0.1, 0.2], other="shuffled")
    found = family([low, lower, high, other])
    expected = holm([paired([-0.5, -0.4, -0.3]).p, paired([-0.9, -0.7, -0.5]).p, 1.0])
    assert [one.excluded for one in found] == [pytest.approx(p) for p in [*expected, 1.0]]


def test_what_could_be_seen_is_told_by_the_spread_of_comparisons_of_one_kind() -> None:
    calm, wild, elsewhere = made("sst2", [0.0, 0.1, 0.2]), made("sst2", [-2.0, 0.0, 2.0]), made("rte", [0.0, 1.0, 2.0])
    found = family([calm, wild, elsewhere])
    common = float(np.sqrt((0.1**2 + 2.0**2) / 2))
    assert found[0].found.detectable == found[1].found.detectable == pytest.approx(detectable(common, 3, tests=3))
    assert found[2].found.detectable == pytest.approx(detectable(1.0, 3, tests=3))
    assert found[0].found.low == calm.found.low


def test_a_comparison_turned_twice_is_itself() -> None:
    one = made("rte", [0.5, 1.0, 0.2])
    assert one.turned().found.mean == -one.found.mean
    assert (one.turned().arm, one.turned().other) == ("lora", "glora")
    assert one.turned().turned() == one


def test_the_choice_of_rows_makes_the_standard_error_of_paired_answers() -> None:
    draws = np.random.default_rng(0)
    own, other = draws.random((3, 800)) < 0.8, draws.random((3, 800)) < 0.7
    expected = 100 * np.std((own.astype(float) - other).mean(axis=0), ddof=1) / np.sqrt(800)
    assert error_of_rows(table({"glora": own, "lora": other}), "glora", "lora") == pytest.approx(expected)
    assert error_of_rows(table({"glora": own, "lora": own}), "glora", "lora") == 0


def test_without_kept_answers_nothing_is_said_of_rows() -> None:
    plain = pd.DataFrame({"arm": ["glora", "lora"], "seed": [1, 1]})
    assert error_of_rows(plain, "glora", "lora") is None
    half = table({"glora": np.ones((1, 8), dtype=bool)})
    assert error_of_rows(half, "glora", "lora") is None
    some = pd.concat([half, pd.DataFrame({"arm": ["lora"], "seed": [0], "correct": [None]})])
    assert error_of_rows(some, "glora", "lora") is None


def test_each_comparison_has_its_own_p_until_a_table_is_made() -> None:
    runs = pd.DataFrame(
        {"task": task, "seed": seed, "mean_rank": 1, "arm": arm, "score": 80 + seed**2 * (arm == "glora")}
        for task in ("rte", "sst2")
        for seed in (1, 2, 3)
        for arm in ("glora", "lora")
    )
    found = compare(runs, "glora", ["lora"])
    assert [one.task for one in found] == [POOLED, "rte", "sst2"]
    assert all(one.adjusted == one.found.p for one in found)
