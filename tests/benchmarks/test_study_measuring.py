"""A measurement of costs becomes a row that the report can be made of."""

from __future__ import annotations

from pathlib import Path

from benchmarks.study.frame import Study
from benchmarks.study.measuring import measure_costs
from benchmarks.study.plan import read_plan
from benchmarks.study.questions.costs import costs
from benchmarks.study.rows import read_rows

PLAN = read_plan(Path(__file__).parents[2] / "docs" / "study" / "plan.yaml")


def test_costs_are_measured_for_every_mean_rank_and_reported(tmp_path: Path) -> None:
    rows = tmp_path / "results.jsonl"
    measure_costs(rows, model="tiny", mean_ranks=[1, 2], pairs=6, device="cpu", threads=1)
    found = read_rows(rows)
    assert [(row["kind"], row["mean_rank"], row["pairs"]) for row in found] == [("cost", 1, 6), ("cost", 2, 6)]
    assert rows.stat().st_size < 20_000
    said = costs(Study(PLAN, found, tmp_path))
    assert sum("a step of the warm-up takes" in text for text in said) == 2
    assert "weakest 1/4 dropped" in "".join(said)
    assert (tmp_path / "costs.png").stat().st_size > 5000
