"""benchmarks.study.leaning: a certain difference that one task makes is told to hang on it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.study.frame import GAINS, Study
from benchmarks.study.leaning import leaning, told_leaning
from benchmarks.study.plan import read_plan
from benchmarks.study.report import write_report

from . import study_rows

if TYPE_CHECKING:
    from benchmarks.study.cells import Cell

GIVEN = read_plan(Path(__file__).parents[2] / "docs" / "study" / "plan.yaml")
PLAN = dataclasses.replace(
    study_rows.plan(),
    tasks={name: GIVEN.tasks[name] for name in ("rte", "mrpc", "sst2")},
    grids={"core": study_rows.plan().grids["core"]},
)


def study(folder: Path, gains: dict[str, float]) -> Study:
    """GLoRA has a gain over LoRA and AdaLoRA on each task."""
    score = study_rows.gaining(0.0, 0.0)

    def gaining(cell: Cell) -> float:
        return score(cell) + (gains[cell.task] if cell.arm == "glora" else 0.0)

    return Study(PLAN, study_rows.rows(PLAN, gaining), folder)


def test_a_difference_that_every_task_has_hangs_on_none(tmp_path: Path) -> None:
    made = study(tmp_path, dict.fromkeys(PLAN.tasks, 0.02))
    assert all(one.sure for one in made.gains)
    assert told_leaning(leaning(made.core, made.gains, GAINS)) == ""


def test_a_difference_that_one_task_makes_hangs_on_it(tmp_path: Path) -> None:
    gains = dict.fromkeys(PLAN.tasks, 0.0) | {"mrpc": 0.06}
    made = study(tmp_path, gains)
    found = leaning(made.core, made.gains, GAINS)
    assert {task for task, _ in found} == {"mrpc"}
    assert {(one.mean_rank, one.other) for _, one in found} >= {(rank, "adalora") for rank in (1, 2)}
    write_report(PLAN, made.rows, tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "The difference from AdaLoRA hangs on mrpc: without mrpc it is " in text
