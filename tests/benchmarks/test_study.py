"""The study's cells, rows and resumption; one small study is run whole through the experiment's command line."""

from __future__ import annotations

import base64
import dataclasses
import json
import random
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from benchmarks.study.__main__ import main
from benchmarks.study.arms import ARMS
from benchmarks.study.cells import Cell, chosen
from benchmarks.study.data import SST2_ROWS, check_rows, prepare
from benchmarks.study.order import Todo
from benchmarks.study.plan import PlanError, read_plan
from benchmarks.study.report import write_report
from benchmarks.study.rows import append_rows, done, read_rows, tuned_rates, without_interrupted
from benchmarks.study.running import Runner
from omegaconf import OmegaConf

from src.main import check
from windtunnel.recorder import Recorder

ROOT = Path(__file__).parents[2]
PLAN = ROOT / "docs" / "study" / "plan.yaml"
EVALUATED = 24  # rows of a made evaluation split
CONFIG = ROOT / "experiments" / "glora-glue" / "config" / "config.yaml"


def row(kind: str = "trial", **changes: Any) -> dict[str, Any]:
    given = {
        "kind": kind,
        "task": "rte",
        "arm": "lora",
        "mean_rank": 2,
        "config": "c",
        "value": 0.5,
        "learning_rate": 1.0,
    }
    return {**given, **changes}


@pytest.mark.parametrize("path", [PLAN, ROOT / "docs" / "study" / "deberta" / "plan.yaml"], ids=["minilm", "deberta"])
def test_the_plans_of_the_project_can_be_carried_out(path: Path) -> None:
    plan = read_plan(path)
    cells = plan.cells()
    assert len({(cell.id, cell.seed) for cell in cells}) == len(cells)
    core = [cell for cell in cells if cell.phase == "core"]
    assert len({cell.seed for cell in core}) == 5
    assert {cell.arm for cell in core} == {"lora", "adalora", "glora", "shuffled"}
    assert {cell.mean_rank for cell in core} >= {1, 2}
    for cell in dict.fromkeys(dataclasses.replace(cell, seed=1) for cell in cells):
        run = plan.run_file(cell, None if cell.phase == "tuning" else 1e-3)
        (folder := OmegaConf.load(CONFIG)).pop("hydra", None)
        folder.pop("defaults", None)
        check(OmegaConf.merge(folder, OmegaConf.create(run), {"mode": "full", "results_dir": "results"}))


def test_a_setting_of_the_plan_itself_reaches_the_step_of_the_reallocation() -> None:
    plan = read_plan(PLAN)
    steps = plan.tasks["sst2"].steps
    late = plan.run_file(Cell("settings", "sst2", "glora", 1, 1, (("allocation_share", 0.4),)), 1e-3)
    usual = plan.run_file(Cell("settings", "sst2", "glora", 1, 1, (("beta_ema", 0.5),)), 1e-3)
    assert late["glo_ra"]["warmup_steps"] == round(0.4 * steps)
    assert "allocation_share" not in late["glo_ra"]
    assert usual["glo_ra"] == {**late["glo_ra"], "beta_ema": 0.5, "warmup_steps": round(0.2 * steps)}


def test_arms_of_one_cell_differ_in_the_method_alone() -> None:
    plan = read_plan(PLAN)
    files = {arm: plan.run_file(Cell("core", "rte", arm, 2, 1), 1e-3) for arm in ARMS}
    shared = ("dataset", "training", "evaluation", "hardware")
    assert all(files[arm][key] == files["lora"][key] for arm in ARMS for key in shared)
    assert files["shuffled"]["glo_ra"] == {**files["glora"]["glo_ra"], "control": "shuffled"}
    assert files["adalora"]["adalora"]["adaptation_start_step"] == files["glora"]["glo_ra"]["warmup_steps"]


def test_a_hash_tells_what_decides_the_numbers_and_nothing_else() -> None:
    plan = read_plan(PLAN)
    cell = Cell("core", "rte", "lora", 2, 1)
    assert plan.hash_of(cell, 1e-3) == plan.hash_of(dataclasses.replace(cell, phase="second"), 1e-3)
    others = [
        plan.hash_of(dataclasses.replace(cell, seed=2), 1e-3),
        plan.hash_of(dataclasses.replace(cell, arm="glora"), 1e-3),
        plan.hash_of(dataclasses.replace(cell, mean_rank=1), 1e-3),
        plan.hash_of(cell, 2e-3),
        dataclasses.replace(plan, selection_fraction=0.3).hash_of(cell, 1e-3),
        dataclasses.replace(plan, tasks={"rte": dataclasses.replace(plan.tasks["rte"], attention="sdpa")}).hash_of(
            cell, 1e-3
        ),
    ]
    assert len({plan.hash_of(cell, 1e-3), *others}) == 7


def test_a_cell_takes_the_rate_that_its_method_was_given_at_the_nearest_rank() -> None:
    plan = read_plan(PLAN)
    tuned = plan.tuned_by(Cell("second", "sst2", "shuffled", 8, 3))
    assert (tuned.arm, tuned.task, tuned.mean_rank) == ("glora", "sst2", max(plan.tuning["mean_ranks"]))
    assert tuned in plan.tuning_cells()


@pytest.mark.parametrize(
    "change",
    [
        {"tasks": {}},
        {"grids": {"core": [{"arms": ["lorra"]}]}},
        {"hours": None},
        {"hub": "mirror"},
        {"dropped": [{"tasks": ["snli"], "grids": ["cores"], "why": "no time"}]},
        {"dropped": [{"tasks": ["snli"], "grids": ["core"]}]},
    ],
)
def test_a_plan_that_cannot_be_is_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(PLAN.read_text()), **change}))
    with pytest.raises(PlanError, match=r"plan\.yaml"):
        read_plan(path)


def test_cells_that_are_dropped_are_named_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    given = yaml.safe_load(PLAN.read_text())
    path.write_text(yaml.safe_dump({**given, "dropped": []}))
    whole = read_plan(path)
    dropped = {"tasks": ["sst2"], "grids": ["lucky", "improve"], "why": "it rained"}
    path.write_text(yaml.safe_dump({**given, "dropped": [dropped]}))
    plan = read_plan(path)
    assert {(cell.phase, cell.task) for cell in plan.dropped_cells()} == {("lucky", "sst2"), ("improve", "sst2")}
    assert [cell for cell in whole.cells() if cell not in plan.cells()] == plan.dropped_cells()
    write_report(plan, [], tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "12 of grid improve on sst2, 30 of grid lucky on sst2. They were planned and are not run: it rained." in page


def test_rows_are_read_back_and_a_line_that_was_cut_off_is_left_behind(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    append_rows(path, [row(config="a")])
    with path.open("a") as file:
        file.write('{"kind": "ru')
    append_rows(path, [row("run", config="b"), row(config="c")])
    assert [found["config"] for found in read_rows(path)] == ["a", "b", "c"]
    assert done(read_rows(path)) == {"b"}


def test_the_best_trial_tells_the_rate_and_those_that_were_not_completed_do_not_count() -> None:
    rows = [row(value=0.4, learning_rate=1.0), row(value=0.6, learning_rate=2.0), row(value=0.6, learning_rate=3.0)]
    rows += [row(value=None, learning_rate=4.0), row(task="sst2", value=0.1, learning_rate=5.0), row("run", value=9.0)]
    assert tuned_rates(rows) == {("rte", "lora", 2): 2.0, ("sst2", "lora", 2): 5.0}


def test_a_lucky_rate_beside_a_cliff_is_not_taken_where_neighbours_count() -> None:
    found = {0.9e-3: 0.87, 1.6e-3: 0.873, 4.6e-3: 0.876, 5.8e-3: 0.53, 8.2e-3: 0.53, 12e-3: None}
    rows = [row(value=value, learning_rate=rate) for rate, value in found.items()]
    assert tuned_rates(rows)["rte", "lora", 2] == 4.6e-3
    assert tuned_rates(rows, nearest=3)["rte", "lora", 2] == 1.6e-3
    assert tuned_rates(list(reversed(rows)), nearest=3) == tuned_rates(rows, nearest=3)
    assert tuned_rates([row(value=None)], nearest=3) == {}


@pytest.mark.parametrize("failed", [None, 0.34])
def test_a_rate_keeps_a_margin_to_the_lowest_that_failed(failed: float | None) -> None:
    found = {8e-4: 0.63, 13e-4: 0.69, 30e-4: 0.73, 37e-4: 0.735, 49e-4: 0.74, 69e-4: failed}
    rows = [row(value=value, learning_rate=rate) for rate, value in found.items()]
    assert tuned_rates(rows, nearest=3)["rte", "lora", 2] == 37e-4
    assert tuned_rates(rows, nearest=3, margin=2)["rte", "lora", 2] == 30e-4
    assert tuned_rates(rows, nearest=3, margin=20)["rte", "lora", 2] == 8e-4


def test_rates_that_are_too_low_to_learn_anything_have_not_failed() -> None:
    found = {1e-3: 0.0, 3e-3: 0.1, 4e-3: 0.12, 5e-3: 0.13}
    rows = [row(value=value, learning_rate=rate) for rate, value in found.items()]
    assert tuned_rates(rows, nearest=3, margin=2)["rte", "lora", 2] == 5e-3


def test_where_little_is_learned_a_rate_has_not_failed_for_being_near_the_others() -> None:
    found = {16e-4: 0.49, 26e-4: 0.51, 60e-4: 0.55, 73e-4: 0.542, 97e-4: 0.548, 137e-4: 0.536}
    rows = [row(value=value, learning_rate=rate) for rate, value in found.items()]
    assert tuned_rates(rows, nearest=3, margin=2)["rte", "lora", 2] == 60e-4
    rows += [row(value=None, learning_rate=98e-4)]
    assert tuned_rates(rows, nearest=3, margin=2)["rte", "lora", 2] == 26e-4


def test_a_trial_that_was_interrupted_and_made_again_takes_nothing_from_its_rate() -> None:
    interrupted = row(value=None, learning_rate=2e-3)
    rows = [row(value=0.5, learning_rate=1e-3), interrupted, row(value=0.6, learning_rate=2e-3)]
    assert without_interrupted(rows) == [rows[0], rows[2]]
    assert tuned_rates(rows)["rte", "lora", 2] == 2e-3


def test_a_rate_that_is_best_with_its_neighbours_stays() -> None:
    rows = [row(value=value, learning_rate=10.0**-place) for place, value in enumerate([0.5, 0.6, 0.7, 0.6, 0.4])]
    assert tuned_rates(rows, nearest=3) == tuned_rates(rows) == {("rte", "lora", 2): 0.01}


def test_trials_of_a_search_that_the_plan_no_longer_has_do_not_count() -> None:
    plan = read_plan(PLAN)
    cell = Cell("core", "rte", "lora", 2, 1)
    config = plan.hash_of(plan.tuned_by(cell), None)
    old = [row(learning_rate=rate, value=0.9, config="of another range") for rate in (0.1, 0.2, 0.3)]
    assert plan.rates(old) == {}
    own = [row(learning_rate=rate, value=0.6, config=config) for rate in (1e-3, 2e-3, 4e-3)]
    assert plan.rates([*old, *own])[cell] in {1e-3, 2e-3, 4e-3}


def test_a_task_may_have_a_range_of_rates_of_its_own() -> None:
    plan = read_plan(PLAN)
    run = plan.run_file(Cell("tuning", "rte", "lora", 2, 1000), None)
    assert run["optuna"]["search_space"]["learning_rate"]["high"] == plan.tasks["rte"].rates["lora"][1]
    assert run["training"]["learning_rate"] == plan.tasks["rte"].rates["lora"][0]
    run = plan.run_file(Cell("tuning", "sst2", "lora", 2, 1000), None)
    assert run["optuna"]["search_space"]["learning_rate"]["high"] == plan.tuning["high"]


def test_cells_are_chosen_by_their_ids() -> None:
    cells = read_plan(PLAN).cells()
    assert chosen(cells, []) == cells
    assert {cell.task for cell in chosen(cells, ["core-rte-*"])} == {"rte"}
    (one,) = chosen(cells, ["core-rte-lora-r1-seed3"])
    assert (one.id, one.seed) == ("core-rte-lora-r1", 3)


def test_what_is_repeated_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--plan", str(PLAN), "--rows", str(tmp_path / "rows.jsonl"), "--repeat"]) == 2
    assert "name them by --only" in capsys.readouterr().err


def made_data(folder: Path, rows: int) -> Path:
    """Rows whose label says whether the first sentence has the word "good", most of the time."""
    rng = random.Random(0)
    words = ["old", "new", "red", "blue", "warm", "cold"]
    sizes = {"train": rows, "validation": EVALUATED, "test": EVALUATED}
    for task, columns in {
        "rte": ("sentence1", "sentence2"), "mrpc": ("sentence1", "sentence2"), "cola": ("sentence",),
        "sst2": ("sentence",), "snli": ("premise", "hypothesis"),
    }.items():  # fmt: skip
        for split, size in sizes.items():
            count = SST2_ROWS + 5 if (task, split) == ("sst2", "train") else size
            labels = [place % 2 for place in range(count)]
            told = [label if rng.random() < 0.9 else 1 - label for label in labels]
            table = {column: [" ".join(rng.choices(words, k=5)) for _ in range(count)] for column in columns}
            table[columns[0]] = [
                f"a {'good' if one else 'bad'} {text}" for one, text in zip(told, table[columns[0]], strict=True)
            ]
            table |= {"label": labels, "idx": list(range(count))}
            (folder / task).mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(table), folder / task / f"{split}.parquet")
    return folder


def test_the_stated_subset_is_the_same_every_time(tmp_path: Path) -> None:
    data = made_data(tmp_path / "data", 30)
    once = prepare(data, tmp_path / "one")["nyu-mll/glue"] / "sst2" / "train.parquet"
    again = prepare(data, tmp_path / "two")["nyu-mll/glue"] / "sst2" / "train.parquet"
    assert pq.read_table(once).num_rows == SST2_ROWS
    assert pq.read_table(once).equals(pq.read_table(again))


def test_data_of_another_folder_takes_the_place_of_the_first_and_is_counted(tmp_path: Path) -> None:
    plan = read_plan(PLAN)
    first, second = made_data(tmp_path / "first", 128), made_data(tmp_path / "second", 64)
    for data, rows in ((first, 128), (second, 64)):
        served = prepare(data, tmp_path / "work")
        task = dataclasses.replace(plan.tasks["rte"], rows=rows)
        check_rows([task], served)
        with pytest.raises(PlanError, match=rf"rte/train.parquet has {rows} labelled rows and the plan 2490 for rte"):
            check_rows([plan.tasks["rte"]], served)
    shutil.rmtree(second)
    prepare(first, tmp_path / "work")  # over links that lead nowhere


def test_data_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--rows", str(tmp_path / "rows.jsonl")]
    assert main(options) == 2
    assert "train.parquet is not there" in capsys.readouterr().err


def test_a_cell_that_goes_wrong_keeps_no_other_from_being_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = []

    def run(_: Runner, cell: Cell) -> bool:
        if cell.arm == "lora":
            raise ValueError("two studies in one journal")
        made.append(cell)
        return True

    monkeypatch.setattr(Runner, "_run", run)
    recorder = Recorder(tmp_path / "recorder.sqlite")
    runner = Runner(read_plan(PLAN), tmp_path / "rows.jsonl", CONFIG.parents[1], tmp_path / "work", None, recorder, 1)
    cells = [Cell("core", "rte", arm, 2, 1) for arm in ("lora", "adalora", "glora")]
    assert runner.run(cells) == 1
    assert made == cells[1:]
    assert "core-rte-lora-r2 seed 1: ValueError: two studies in one journal" in capsys.readouterr().err


def test_what_was_begun_of_another_configuration_is_another_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finished run of an earlier plan is not filed under the plan's present configuration."""
    begun = []

    def start(_: Runner, __: Cell, run_id: str, ___: Path, *, afresh: bool) -> int:
        begun.append((run_id, afresh))
        return 1

    monkeypatch.setattr(Runner, "_start", start)
    data = yaml.safe_load(PLAN.read_text())
    cell = Cell("tuning", "rte", "lora", 2, 1000)
    for epochs in (3, 10, 10):
        data["tasks"]["rte"]["epochs"] = epochs
        path = tmp_path / "plan.yaml"
        path.write_text(yaml.safe_dump(data))
        recorder = Recorder(tmp_path / "recorder.sqlite")
        runner = Runner(read_plan(path), tmp_path / "rows.jsonl", CONFIG.parents[1], tmp_path / "w", None, recorder, 1)
        assert runner.run([cell]) == 1
    assert len({run_id for run_id, _ in begun}) == 2
    assert begun[1] == begun[2]
    assert all(run_id.startswith("tuning-rte-lora-r2-") and not afresh for run_id, afresh in begun)


def test_a_cell_waits_for_its_own_rate_alone() -> None:
    plan = read_plan(PLAN)
    searches = [cell for cell in plan.tuning_cells() if cell.task == "rte"]
    lora, glora = (Cell("core", "rte", arm, 2, 1) for arm in ("lora", "glora"))
    todo = Todo(plan, [*searches, glora, lora])
    assert [todo.take() for _ in searches] == searches
    todo.finish(plan.tuned_by(lora))
    assert todo.take() == lora  # the other still waits
    later = threading.Timer(0.1, todo.finish, [plan.tuned_by(glora)])
    later.start()
    assert todo.take() == glora
    assert todo.take() is None
    later.join()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_small_study_is_run_and_goes_on_from_its_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = yaml.safe_load(PLAN.read_text())
    plan["tuning"] |= {"trials": 3, "mean_ranks": [2], "low": 1e-5}  # from too small to learn to large enough
    sizes = {"rows": 128, "batch_size": 8, "epochs": 3, "max_length": 16, "rates": {}}
    plan["tasks"] = {"rte": {**plan["tasks"]["rte"], **sizes}}
    plan["grids"] = {"core": [{"arms": ["glora", "shuffled", "disturbed"], "mean_ranks": [2], "seeds": [1]}]}
    plan["dropped"] = []
    path, rows = tmp_path / "plan.yaml", tmp_path / "rows.jsonl"
    path.write_text(yaml.safe_dump(plan))
    data = made_data(tmp_path / "data", 128)
    options = ["--plan", str(path), "--rows", str(rows), "--data", str(data), "--work", str(tmp_path / "work")]
    assert main([*options, "--only", "*-glora-*", "--only", "core-*"]) == 0
    found = read_rows(rows)
    assert [one["kind"] for one in found if one["phase"] == "tuning"] == ["trial", "trial", "trial", "run"]
    runs = {one["arm"]: one for one in found if one["phase"] == "core"}
    assert runs.keys() == {"glora", "shuffled", "disturbed"}
    assert all(one["metrics"]["accuracy"] is not None and len(one["ranks"]) == 36 for one in runs.values())
    for one in runs.values():
        right = np.unpackbits(np.frombuffer(base64.b64decode(one["correct"]), dtype=np.uint8))
        assert right.sum() == round(one["metrics"]["accuracy"] * EVALUATED)
    assert sorted(runs["glora"]["ranks"].values()) == sorted(runs["shuffled"]["ranks"].values())
    assert runs["glora"]["ranks"] != runs["shuffled"]["ranks"]
    assert set(runs["disturbed"]["ranks"].values()) == {2}
    before = rows.read_bytes()
    assert main([*options, "--only", "*-glora-*", "--only", "core-*"]) == 0
    assert rows.read_bytes() == before
    last = next(one for one in reversed(found) if one["arm"] == "disturbed")
    rows.write_text("".join(line for line in before.decode().splitlines(keepends=True) if '"disturbed"' not in line))
    log = tmp_path / "work" / "logs" / "core-rte-disturbed-r2-seed1.log"
    told = log.stat().st_mtime_ns
    assert main([*options, "--only", "*-glora-*", "--only", "core-*"]) == 0  # as if it was stopped at the very end
    assert read_rows(rows)[-1]["metrics"] == last["metrics"]
    assert log.stat().st_mtime_ns == told
    assert main([*options, "--repeat", "--only", "core-rte-disturbed-r2-seed1", "--only", "tuning-*"]) == 0
    *_, repeated = read_rows(rows)
    assert (repeated["kind"], repeated["config"]) == ("repeat", last["config"])
    assert repeated["metrics"] == last["metrics"]  # of the same machine
    count = len(read_rows(rows))
    assert main([*options, "--repeat", "--only", "core-rte-disturbed-r2-seed1"]) == 0
    assert len(read_rows(rows)) == count
    capsys.readouterr()
    main([*options, "--list"])
    assert json.dumps(capsys.readouterr().out).count("done core") == 3
