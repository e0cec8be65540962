"""The road through all three rooms: real flights of the real experiment, with the unmodified clients."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parents[1]
EXPERIMENT = ROOT / "experiments" / "glora-glue"
REAL_GLUE = ROOT.parent / "shared" / "data" / "glue"
MINILM = "all-MiniLM-L6-v2-22M--GLUE-SST-2"
TRIPLE = [f"proposed-{MINILM}", f"comparative-1-{MINILM}", f"comparative-2-{MINILM}"]
GIVEN = ["proposed-DeBERTa-v3-base-86M--GLUE-MNLI", "comparative-1-DeBERTa-v3-base-86M--GLUE-MNLI"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def fly(repository: Path, results: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(Path(sys.executable).parent / "windtunnel"),
            "fly",
            str(repository),
            "--results-dir",
            str(results),
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )


def shortened(folder: Path, **values: int) -> Path:
    """A copy of the experiment whose MiniLM runs are short."""
    copy = folder / "glora-glue"
    shutil.copytree(EXPERIMENT, copy, ignore=shutil.ignore_patterns("__pycache__", ".cache", "results"))
    for path in (copy / "config" / "run").glob(f"*{MINILM}.yaml"):
        text = path.read_text()
        for key, value in values.items():
            text, found = re.subn(rf"(?m)^(  {key}:) \S+", rf"\1 {value}", text)
            assert found == 1, key
        path.write_text(text)
    return copy


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in path.parts}


def states(results: Path) -> dict[str, str]:
    report = json.loads((results / "flight" / "report.json").read_text())
    assert report["status"] == "finished"
    with sqlite3.connect(f"file:{results}/flight/recorder.sqlite?mode=ro", uri=True) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return {run["name"]: run["state"] for run in report["recorder"]}


def runs(names: Iterable[str]) -> list[str]:
    return [part for name in names for part in ("--run", name)]


def test_every_method_passes_a_trial_and_touches_nothing_outside_its_results(tmp_path: Path) -> None:
    before = files_below(EXPERIMENT)
    done = fly(EXPERIMENT, tmp_path / "results", "--mode", "trial", *runs([*GIVEN, "*MiniLM*SST-2"]))
    assert done.returncode == 0, done.stdout + done.stderr
    assert files_below(EXPERIMENT) == before
    assert not (tmp_path / "results" / "flight" / "work").exists()
    for run_id in (*GIVEN, *TRIPLE):
        assert (tmp_path / "results" / run_id / "trial" / "adapter" / "adapter_model.safetensors").is_file()
        log = (tmp_path / "results" / "flight" / "logs" / f"{run_id}.log").read_text()
        assert f"{run_id}: finished" in log
    assert states(tmp_path / "results") == {}  # a trial tells W&B nothing
    assert not list((tmp_path / "results").rglob("*.pdf"))


@pytest.mark.parametrize("source", ["generated", "real"])
def test_a_full_flight_trains_three_methods_and_compares_them(tmp_path: Path, source: str) -> None:
    """The README's main job as it stands; on the real SST-2, where it lies beside this checkout, a short one."""
    results = tmp_path / "results"
    if source == "generated":
        done = fly(EXPERIMENT, results, "--mode", "full", *runs(["*MiniLM*SST-2"]))
    elif REAL_GLUE.is_dir():
        repository = shortened(tmp_path, train_rows=960, epochs=2)
        serve = ["--serve", f"nyu-mll/glue={REAL_GLUE}"]
        done = fly(repository, results, "--mode", "full", "--sandbox", "none", *runs(["*MiniLM*SST-2"]), *serve)
    else:
        pytest.skip("the real GLUE data is not beside this checkout")
    assert done.returncode == 0, done.stdout + done.stderr
    assert states(results) == dict.fromkeys(TRIPLE, "finished")
    comparison = json.loads((results / "comparison" / "aggregated_metrics.json").read_text())
    metrics, origins = comparison["metrics"], set(comparison["data"].values())
    assert set(metrics["accuracy"]) == set(TRIPLE)
    assert set(metrics["total_rank"].values()) == {72}
    assert comparison["gap"] is not None
    if source == "generated":
        assert origins == {"generated"}
        for run_id in TRIPLE:  # a recipe that does not train makes no comparison
            assert metrics["accuracy"][run_id] >= metrics["majority_class_accuracy"][run_id] + 0.05
    else:
        assert all("nyu-mll/glue@" in origin for origin in origins)
    for name in ("GLoRA", "AdaLoRA", "LoRA", "majority class", "comparison_accuracy_bar_chart.pdf"):
        assert name in done.stdout
    assert ("generated" in done.stdout) is (source == "generated")
    table, _, _ = done.stdout.partition(".pdf")
    assert max(len(line) for line in table.splitlines()[:-1]) <= 80
    for run_id in TRIPLE:
        assert (results / run_id / "metrics.json").is_file()
        assert (results / run_id / f"{run_id}_learning_curve.pdf").is_file()


def test_asking_for_a_split_that_the_served_folder_lacks_names_the_folder(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "glue" / "sst2").mkdir(parents=True)
    rows = pa.table({"sentence": ["good ", "bad "], "label": [1, 0], "idx": pa.array([0, 1], pa.int32())})
    pq.write_table(rows, tmp_path / "glue" / "sst2" / "validation.parquet")
    done = fly(
        EXPERIMENT,
        tmp_path / "results",
        "--mode",
        "trial",
        *runs(TRIPLE[:1]),
        "--serve",
        f"nyu-mll/glue={tmp_path}/glue",
    )
    assert done.returncode == 1
    said = done.stdout + done.stderr + (tmp_path / "results" / "flight" / "logs" / f"{TRIPLE[0]}.log").read_text()
    assert "no split 'train'" in said
    assert f"{tmp_path}/glue" in said


def test_the_experiment_runs_outside_the_workspace_with_a_wheel_of_the_method(tmp_path: Path) -> None:
    from windtunnel.hub import Hub

    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH")
    copy = shortened(tmp_path, train_rows=64, epochs=1)
    build = [uv, "build", "--package", "glora", "--wheel", "--out-dir", str(copy / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    ours = {"VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"}
    scrubbed = {key: value for key, value in os.environ.items() if key not in ours}

    def run(*command: str, **environment: str) -> str:
        done = subprocess.run(
            [uv, "run", "python", *command],
            cwd=copy,
            env={**scrubbed, "UV_FIND_LINKS": "dist", **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    location = run("-c", "import glora; print(glora.__file__)").strip()
    assert Path(location).is_relative_to(copy / ".venv")
    with Hub(store=tmp_path / "store") as hub:
        arguments = ["-u", "-m", "src.main", f"run={TRIPLE[0]}", f"results_dir={tmp_path}/results", "mode=trial"]
        said = run(*arguments, **hub.environment(tmp_path / "home"))
    assert f"{TRIPLE[0]}: finished" in said
