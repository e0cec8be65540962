"""The report says what the rows say, and nothing where there are none."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benchmarks.study.arms import ARMS, IMPROVED
from benchmarks.study.comparisons import Comparison
from benchmarks.study.frame import Study
from benchmarks.study.plan import read_plan
from benchmarks.study.questions.costs import costs
from benchmarks.study.questions.failures import failures
from benchmarks.study.questions.improvements import improvements
from benchmarks.study.questions.lead import lead
from benchmarks.study.questions.superseded import superseded
from benchmarks.study.report import CLOSING, OPENING, write_headline, write_report
from benchmarks.study.rows import read_rows
from benchmarks.study.statistics import Difference
from benchmarks.study.tables import plain_answer, verdict

from . import study_rows

if TYPE_CHECKING:
    from benchmarks.study.cells import Cell

PLAN = study_rows.plan()
CLOSED = "<!-- made by benchmarks.study --report of 7 rows -->"
FIGURES = (
    "scores", "headline", "differences", "same_rate", "adalora", "costs", "stability", "ranks", "signals", "settings",
    "budgets", "improvements", "rates", "lead",
)  # fmt: skip


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("study")
    rows = study_rows.rows(PLAN, study_rows.gaining(0.01, 0.02), chosen=lambda cell: cell.arm != "glora-min1")
    write_report(PLAN, [*rows, study_rows.cost()], folder)
    return (folder / "README.md").read_text(), folder


def test_every_question_has_a_figure_and_an_answer(page: tuple[str, Path]) -> None:
    text, folder = page
    for name in FIGURES:
        assert f"({name}.png)" in text
        assert (folder / f"{name}.png").stat().st_size > 5000
    assert {path.stem for path in folder.glob("*.png")} == set(FIGURES)
    for section in text.split("\n## ")[1:]:
        assert re.search(r"[a-z0-9)%]\.\n", section), section


def test_a_model_that_calls_its_matrices_otherwise_is_reported(tmp_path: Path) -> None:
    plan = read_plan(Path(__file__).parents[2] / "docs" / "study" / "deberta" / "plan.yaml")
    rows = study_rows.rows(plan, study_rows.gaining(0.01, 0.02))
    for row in rows:
        for column in {"ranks", "signal"} & row.keys():
            row[column] = {re.sub("_(query|key|value)$", r"_\1_proj", name): each for name, each in row[column].items()}
    write_report(plan, rows, tmp_path)
    assert (tmp_path / "ranks.png").exists()
    text = (tmp_path / "README.md").read_text()
    assert "accuracy: mean and standard deviation over seeds" in text


def test_a_gain_that_is_there_is_reported(page: tuple[str, Path]) -> None:
    text, _ = page
    gains = re.findall(
        r"^At mean rank 1, on rte and sst2 together, GLoRA is (\S+) points against LoRA", text, re.MULTILINE
    )
    assert len(gains) == 1
    assert abs(float(gains[0]) - 1.0) < 0.1
    assert ": better." in text
    (share,) = re.findall(r"On rte and sst2, mean rank 1, AdaLoRA is .*: (\d+)% of AdaLoRA's gain", text)
    assert 90 <= int(share) <= 110


def test_an_improvement_is_held_against_what_was_proposed_on_the_seeds_of_its_own_grid(page: tuple[str, Path]) -> None:
    text, _ = page
    tried, fresh = re.findall(r"^Points against GLoRA as proposed.*$", text, re.MULTILINE)
    assert len(re.findall(r"\+2\.[01]\d|\+1\.[89]\d", fresh)) == 4
    assert "rank 1, p" in tried
    assert "Grown along the gradient is +" in fresh
    assert fresh.endswith("What survives: " + ", ".join(ARMS[arm].shown for arm in IMPROVED) + ".")
    assert "What survives" not in tried
    assert re.search(r"First seeds and fresh ones together: at mean rank 1, on sst2, GLoRA at .* 8 seeds; ", text)


def test_an_improvement_that_fresh_seeds_do_not_bear_out_does_not_survive(tmp_path: Path) -> None:
    rows = study_rows.rows(PLAN, lambda cell: 0.8 if cell.phase == "fresh" else 0.85)
    said = "".join(improvements(Study(PLAN, rows, tmp_path)))
    assert said.count("No idea survives") == 1
    assert "The others were not run on them" not in said


def test_what_lucky_rates_do_is_told_apart(page: tuple[str, Path]) -> None:
    text, _ = page
    assert "| sst2 | 2 | GLoRA, best single trial's rate | 2.0e-03 |" in text


def test_costs_are_held_against_the_predicted_two_percent(page: tuple[str, Path]) -> None:
    text, _ = page
    assert "takes 1.005 of LoRA's (LoRA against itself: 1.000)" in text
    # 0.2 of 1.005, 0.8 of 0.97 and a pause of 0.45 of 564 steps
    assert "takes 0.978 of LoRA's: 2.2% faster, beyond the predicted 2 % either way." in text


def test_costs_beyond_the_prediction_by_less_than_lora_differs_from_itself_are_at_its_edge(tmp_path: Path) -> None:
    rows = study_rows.rows(PLAN, lambda _: 0.8, chosen=lambda cell: cell.phase == "core")
    said = "".join(costs(Study(PLAN, [*rows, study_rows.cost(again=0.996)], tmp_path)))
    assert "at the edge of the predicted 2 %; LoRA against itself is off by up to 0.4%" in said


def test_costs_that_were_not_measured_are_said_to_be(tmp_path: Path) -> None:
    rows = study_rows.rows(PLAN, study_rows.gaining(0.01, 0.02), chosen=lambda cell: cell.phase == "core")
    assert "Not measured yet" in "".join(costs(Study(PLAN, rows, tmp_path)))


def test_runs_at_a_rate_that_was_replaced_are_told_beside_those_that_count(tmp_path: Path) -> None:
    rows = study_rows.rows(PLAN, lambda _: 0.8, chosen=lambda cell: cell.phase == "core")
    cell = next(cell for cell in PLAN.cells() if (cell.phase, cell.task, cell.arm) == ("core", "sst2", "lora"))
    old = {**study_rows.run(PLAN, cell, 0.9), "learning_rate": 4e-3, "config": PLAN.hash_of(cell, 4e-3)}
    said = "".join(superseded(Study(PLAN, [*rows, old], tmp_path)))
    assert "| sst2 | 1 | LoRA | 4.00e-03 | 90.00 | 2.00e-03 | 80.00 |" in said
    assert "against LoRA at the replaced one -10.00 points on sst2 at mean rank 1 (1 seeds)." in said
    other = {**old, "config": "of another plan"}
    assert "rate that holds" not in "".join(superseded(Study(PLAN, [*rows, other], tmp_path)))


def test_runs_of_an_earlier_plan_are_told_and_count_nowhere(tmp_path: Path) -> None:
    tasks = {**PLAN.tasks, "rte": dataclasses.replace(PLAN.tasks["rte"], epochs=2)}
    before = dataclasses.replace(PLAN, tasks=tasks)
    rows = study_rows.rows(PLAN, lambda _: 0.8, chosen=lambda cell: cell.phase == "core")
    cell = next(cell for cell in before.cells() if (cell.phase, cell.task, cell.arm) == ("core", "rte", "adalora"))
    earlier = study_rows.run(before, cell, 0.4874)
    said = "\n".join(superseded(Study(PLAN, [*rows, earlier], tmp_path)))
    assert "| rte | core | 1 | AdaLoRA | 2.00e-03 | 48.74 |" in said
    assert len(Study(PLAN, [*rows, earlier], tmp_path).core) == len(Study(PLAN, rows, tmp_path).core)
    assert superseded(Study(PLAN, rows, tmp_path)) == []


def test_a_figure_that_is_no_longer_spoken_of_is_removed(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("![old](old.png)")
    for name in ("old.png", "mine.png"):
        (tmp_path / name).write_bytes(b"")
    write_report(PLAN, [], tmp_path)
    assert not (tmp_path / "old.png").exists()
    assert (tmp_path / "mine.png").exists()


def test_repeated_runs_are_told_and_count_nowhere(tmp_path: Path) -> None:
    rows = study_rows.rows(PLAN, lambda _: 0.8, chosen=lambda cell: cell.phase == "core")
    run = next(row for row in rows if row["kind"] == "run" and row["task"] == "sst2")
    repeated = {**run, "kind": "repeat", "metrics": {"accuracy": 0.9}, "products": "fp32, rounded"}
    write_report(PLAN, [*rows, repeated], tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "LoRA on sst2, rank 1, seed 1: 80.00 and 90.00, other processor." in text
    (tmp_path / "plain").mkdir()
    write_report(PLAN, rows, tmp_path / "plain")
    assert "- Runs that were made once more" not in (tmp_path / "plain" / "README.md").read_text()
    assert text.count("80.00 ± 0.00") == (tmp_path / "plain" / "README.md").read_text().count("80.00 ± 0.00")


def test_runs_without_instructions_for_the_precision_are_counted(tmp_path: Path) -> None:
    rows = study_rows.rows(PLAN, lambda _: 0.8, chosen=lambda cell: cell.phase == "core")
    for row in rows:
        if row["kind"] == "run" and row["seed"] == 1:
            row["products"] = "fp32, rounded"
    write_report(PLAN, rows, tmp_path)
    assert "16 of the runs were made on a processor without bf16 instructions (8 on rte, 8 on sst2)" in " ".join(
        (tmp_path / "README.md").read_text().split()
    )


def test_a_study_that_is_not_at_its_end_says_so(page: tuple[str, Path]) -> None:
    text, _ = page
    total = len(PLAN.cells())
    assert f"**Unfinished**: {total - 9} of {total} cells of the plan have their run (tuning 0 of 6" in text
    assert "second 15 of 18" in text


def test_the_headline_is_put_between_its_marks_and_nowhere_else(tmp_path: Path) -> None:
    page, folder = tmp_path / "README.md", tmp_path / "docs" / "study"
    folder.mkdir(parents=True)
    rows = study_rows.rows(PLAN, study_rows.gaining(0.01, 0.02), chosen=lambda cell: cell.phase == "core")
    page.write_text(f"Before.\n{OPENING}\nstale\n{CLOSED}\nAfter.\n")
    write_headline(PLAN, rows, page, folder)
    text = page.read_text()
    assert text.startswith(f"Before.\n{OPENING}\n**Does it hold?**")
    assert text.endswith(f"{CLOSED.replace(' 7 ', f' {len(rows)} ')}\nAfter.\n")
    assert "stale" not in text
    assert "against LoRA at mean rank 2" in " ".join(text.split())
    assert "Unfinished" in " ".join(text.split())
    assert "(docs/study/headline.png)" in text
    page.write_text("No marks.")
    write_headline(PLAN, rows, page, folder)
    assert page.read_text() == "No marks."


def test_the_projects_own_headline_is_what_its_rows_say(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    page = tmp_path / "README.md"
    page.write_text((root / "README.md").read_text())
    plan = read_plan(root / "docs" / "study" / "plan.yaml")
    made_of = CLOSING.search(page.read_text())
    assert made_of
    rows = read_rows(root / "docs" / "study" / "results.jsonl")[: int(made_of.group(1))]
    write_headline(plan, rows, page, tmp_path / "docs" / "study")
    assert page.read_text() == (root / "README.md").read_text()


def test_without_rows_there_is_nothing_but_how_it_is_measured(tmp_path: Path) -> None:
    write_report(PLAN, [], tmp_path)
    text = (tmp_path / "README.md").read_text()
    assert "How it was measured" in text
    assert "|" not in text


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Difference(0.8, 0.5, 1.1, 0.001, 0.3, 5, 0.2), "better"),
        (Difference(0.3, 0.2, 0.4, 0.001, 0.3, 5, 0.1), "better, by less than predicted"),
        (Difference(-0.8, -1.1, -0.5, 0.001, 0.3, 5, 0.2), "worse"),
        (Difference(0.4, -1.0, 1.8, 0.4, 2.5, 5, 1.1), "undecidable here"),
        (Difference(0.3, -0.1, 0.7, 0.1, 0.8, 5, 0.3), "undecidable here"),
        (Difference(0.6, 0.1, 1.1, 0.06, 0.8, 5, 0.3), "undecidable here"),
        (Difference(-0.2, -0.4, 0.0, 0.06, 1.2, 3, 0.1), "undecidable here, interval below +0.5"),
        (Difference(-0.2, -0.2, -0.2, 0.25, 0.8, 3, 0.0), "undecidable here"),
    ],
)
def test_what_could_not_have_been_seen_is_called_undecidable(found: Difference, said: str) -> None:
    assert verdict(Comparison("rte", 2, "glora", "lora", found, found.p)) == said


@pytest.mark.parametrize(
    ("p", "detectable", "said"),
    [
        (0.04, 0.9, "the predicted gain is excluded (p = 0.040)"),
        (0.06, 0.9, "undecidable here, interval below +0.5"),
        (0.04, 1.1, "undecidable here, interval below +0.5"),
    ],
)
def test_a_gain_is_excluded_only_by_a_test_that_could_have_seen_it(p: float, detectable: float, said: str) -> None:
    found = Difference(0.1, -0.1, 0.3, 0.3, detectable, 5, 0.2)
    assert verdict(Comparison("rte", 2, "glora", "lora", found, found.p, excluded=p)) == said


@pytest.mark.parametrize(
    ("lora", "adalora", "said"),
    [
        (0.3, 0.2, "No gain over LoRA was found, nor a certain difference from AdaLoRA."),
        (0.01, 0.2, "GLoRA is better than LoRA at mean rank 1 and 2; no certain difference from AdaLoRA was found."),
        (0.3, 0.01, "No gain over LoRA was found; GLoRA is better than AdaLoRA at mean rank 1 and 2."),
        (0.3, None, "No gain over LoRA was found."),
    ],
)
def test_the_answer_in_one_sentence(lora: float, adalora: float | None, said: str) -> None:
    found = Difference(0.5, 0.1, 0.9, 0.01, 0.5, 5, 0.3)
    made = [
        Comparison("rte", rank, "glora", other, found, p)
        for rank in (1, 2)
        for other, p in (("lora", lora), ("adalora", adalora))
        if p is not None
    ]
    assert plain_answer(made) == said


@pytest.mark.parametrize(("gain", "answer"), [(0.01, "It is"), (0.0, "It is not")])
def test_the_lead_of_tight_budgets_and_zero_ranks_is_answered(tmp_path: Path, gain: float, answer: str) -> None:
    score = study_rows.gaining(gain, 0.0)
    rows = study_rows.rows(PLAN, lambda cell: score(cell) - (0.02 if cell.arm == "glora-min1" else 0.0))
    said = "\n".join(lead(Study(PLAN, rows, tmp_path)))
    assert f"Is it with tuned rates? {answer}: " in said
    assert (zero := re.search(r"A least rank of 0 instead of 1 makes, in points: (\S+) on sst2, rank 2", said))
    assert abs(float(zero.group(1)) - 100 * (gain + 0.02)) < 0.3


def test_a_lead_that_could_not_have_been_seen_is_not_refuted(tmp_path: Path) -> None:
    lost = {1: 0.02, 2: -0.002, 3: 0.012, 4: 0.015, 5: 0.0}  # the interval ends below half a point, and is wide
    score = study_rows.gaining(0.0, 0.0)
    rows = study_rows.rows(PLAN, lambda cell: score(cell) - (lost.get(cell.seed, 0.0) if cell.arm == "glora" else 0.0))
    assert "Is it with tuned rates? Undecidable here: " in "\n".join(lead(Study(PLAN, rows, tmp_path)))


def test_runs_that_learned_nothing_are_named_and_what_is_left_without_them(tmp_path: Path) -> None:
    score = study_rows.gaining(0.01, 0.0)

    def failing(cell: Cell) -> float:
        return 0.5 if (cell.task, cell.arm, cell.mean_rank, cell.seed) == ("rte", "lora", 1, 2) else score(cell)

    study = Study(PLAN, study_rows.rows(PLAN, failing), tmp_path)
    (spoiled,) = [one for one in study.gains if (one.task, one.mean_rank, one.other) == ("rte", 1, "lora")]
    (sound,) = [one for one in study.sound_gains if (one.task, one.mean_rank, one.other) == ("rte", 1, "lora")]
    assert spoiled.found.mean > 5
    assert abs(sound.found.mean - 1) < 0.3
    assert sound.found.count == 4
    said = "\n".join(failures(study))
    assert "Nothing but one class was predicted by 1 of 5 runs of LoRA on rte at mean rank 1." in said
    write_headline(PLAN, study.rows, _page(tmp_path), tmp_path / "study")
    assert "without these it is, against LoRA, +" in " ".join(_page(tmp_path).read_text().split())


def _page(folder: Path) -> Path:
    page = folder / "page.md"
    if not page.exists():
        page.write_text(f"{OPENING}\n{CLOSED}\n")
    return page
