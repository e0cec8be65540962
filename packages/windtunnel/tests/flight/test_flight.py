from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import FlightError, ServeError, UsageError, WindtunnelError
from windtunnel.flight.sandbox import bubblewrap_trouble
from windtunnel.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Experiment

HYDRA_MAIN = """
    import os
    import pathlib
    import hydra
    import wandb

    @hydra.main(version_base=None, config_path="../config", config_name="config")
    def main(cfg):
        out = pathlib.Path(cfg.results_dir) / cfg.run.run_id
        out.mkdir(parents=True, exist_ok=True)
        mode = "online" if cfg.mode == "full" else "disabled"
        with wandb.init(entity="tunnel", project="test", id=cfg.run.run_id, mode=mode) as run:
            for step in range(4):
                run.log({"loss": 1.0 / (step + 1)})
            run.summary["accuracy"] = cfg.run.accuracy
            if cfg.run.get("dies"):
                os.kill(os.getpid(), 9)

    main()
"""
HYDRA_CONFIG = """
    defaults:
      - _self_
      - run: ???
    mode: ???
    results_dir: ???
    hydra:
      run:
        dir: .
      output_subdir: null
"""
WANDB_EVALUATE = """
    import json, pathlib, sys
    import wandb

    arguments = dict(argument.split("=", 1) for argument in sys.argv[1:])
    results, run_ids = pathlib.Path(arguments["results_dir"]), json.loads(arguments["run_ids"])
    runs = {run_id: wandb.Api().run(f"tunnel/test/{run_id}") for run_id in run_ids}
    metrics = {
        "accuracy": {run_id: run.summary["accuracy"] for run_id, run in runs.items()},
        "total_rank": {run_id: len(run.history(keys=["loss"])) for run_id, run in runs.items()},
        "majority_class_accuracy": dict.fromkeys(run_ids, 0.5),
    }
    methods = {run_id: "GLoRA" if run_id.startswith("proposed") else "LoRA" for run_id in run_ids}
    for run_id in run_ids:
        (results / run_id / f"{run_id}_learning_curve.pdf").write_bytes(b"%PDF-1.4")
    (results / "comparison").mkdir()
    content = {"metrics": metrics, "methods": methods, "data": dict.fromkeys(run_ids, "generated")}
    (results / "comparison" / "aggregated_metrics.json").write_text(json.dumps(content))
"""

WAIT = "(out / 'pid').write_text(str(os.getpid())); time.sleep(300)"


def hydra_experiment(experiment: Experiment) -> None:
    experiment.write("src/main.py", HYDRA_MAIN)
    experiment.write("src/evaluate.py", WANDB_EVALUATE)
    experiment.write("config/config.yaml", HYDRA_CONFIG)


def tree_hash(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def start(experiment: Experiment, *arguments: str) -> subprocess.Popen[str]:
    command = [
        *(sys.executable, "-m", "windtunnel.cli", "fly", str(experiment.folder)),
        *("--results-dir", str(experiment.results_dir), "--sandbox", "none", *arguments),
    ]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path) -> str:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.05)
    return path.read_text()


def test_a_trial_flies_every_run_and_leaves_the_repository_as_it_was(experiment: Experiment) -> None:
    runs = [experiment.run("proposed-a"), experiment.run("comparative-1-a")]
    before = tree_hash(experiment.folder)
    flown = experiment.fly()
    assert flown.exit_code == 0, flown.err
    assert flown.report["status"] == "finished"
    assert [command["name"] for command in flown.report["commands"]] == runs
    assert all(command["exit_code"] == 0 for command in flown.report["commands"])
    assert all(f"{run} " in flown.out for run in runs)
    assert "flying proposed-a in trial mode" in (flown.results_dir / "flight/logs/proposed-a.log").read_text()
    assert {path.name for path in (flown.results_dir / "flight").iterdir()} == {
        "evidence.json",
        "logs",
        "recorder.sqlite",
        "report.json",
    }
    assert tree_hash(experiment.folder) == before
    assert "warning: flown without a sandbox" in flown.err


def test_a_full_flight_with_hydra_and_wandb_ends_with_the_table(experiment: Experiment) -> None:
    hydra_experiment(experiment)
    experiment.results_dir = experiment.folder.parent / "Results, (1st) = [it's mine]"
    experiment.write("config/run/proposed-x.yaml", "run_id: proposed-x\naccuracy: 0.875\n")
    experiment.write("config/run/comparative-1-x.yaml", "run_id: comparative-1-x\naccuracy: 0.75\n")
    flown = experiment.fly(mode="full")
    assert flown.exit_code == 0, flown.err
    rows = {line.split("  ")[0]: line.split() for line in flown.out.splitlines() if "  " in line}
    assert rows["GLoRA"][1:] in (["0.875", "4"], ["proposed-x"])
    assert "0.875" in flown.out
    assert rows["majority class"][2:] == ["0.500", "-"]
    assert "generated" in flown.out.splitlines()[0]
    assert "comparative-1-x/comparative-1-x_learning_curve.pdf" in flown.out
    states = {run["name"]: (run["state"], run["steps"]) for run in flown.report["recorder"]}
    assert states == {"proposed-x": ("finished", 4), "comparative-1-x": ("finished", 4)}


def test_a_run_that_is_killed_is_crashed_in_the_recorder_and_named(experiment: Experiment) -> None:
    hydra_experiment(experiment)
    experiment.write("config/run/proposed-x.yaml", "run_id: proposed-x\naccuracy: 0.5\ndies: true\n")
    flown = experiment.fly(mode="full")
    assert flown.exit_code == 1
    assert flown.command("proposed-x")["signal"] == signal.SIGKILL
    assert "ended by SIGKILL" in flown.err
    assert [run["state"] for run in flown.report["recorder"]] == ["crashed"]
    with Recorder(flown.results_dir / "flight" / "recorder.sqlite") as recorder:
        assert [run.state for run in recorder.store.runs()] == ["crashed"]


def test_a_failing_run_does_not_stop_the_others_but_the_evaluation(experiment: Experiment) -> None:
    experiment.run("proposed-a", "raise ValueError('the loss is NaN at step 3')")
    experiment.run("comparative-1-a")
    flown = experiment.fly(mode="full")
    assert flown.exit_code == 1
    assert flown.report["status"] == "failed"
    assert flown.command("proposed-a")["reason"] == "exit code 1: ValueError: the loss is NaN at step 3"
    assert flown.command("comparative-1-a")["status"] == "finished"
    assert "evaluate: not started" in flown.err
    assert f"log: {flown.results_dir}/flight/logs/proposed-a.log" in flown.err
    assert f"again: windtunnel fly {experiment.folder} --mode full --results-dir {flown.results_dir}" in flown.err
    assert not (flown.results_dir / "comparison").exists()


def test_every_failing_run_shows_its_own_error(experiment: Experiment) -> None:
    for name, said in (
        ("a", "unknown task glue_xyz"),
        ("b", "the checkpoint is another's"),
        ("c", "unknown task glue_xyz"),
    ):
        experiment.run(name, f"print({'error: ' + said!r}, file=sys.stderr); raise SystemExit(1)")
    flown = experiment.fly()
    assert [flown.command(name)["reason"] for name in "abc"] == [
        "exit code 1: unknown task glue_xyz",
        "exit code 1: the checkpoint is another's",
        "exit code 1: unknown task glue_xyz",
    ]
    assert "b failed: exit code 1: the checkpoint is another's" in flown.err


def test_a_run_over_its_time_is_ended_and_named(experiment: Experiment, gone: Callable[[int], bool]) -> None:
    experiment.run("slow", WAIT)
    flown = experiment.fly(timeout_seconds=1.0)
    assert flown.exit_code == 1
    assert flown.command("slow")["timed_out"]
    assert "slow failed: still running after 1 s" in flown.err
    assert gone(int((flown.results_dir / "slow" / "pid").read_text()))


def test_the_keys_of_the_user_do_not_reach_the_experiment(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WANDB_API_KEY", "HF_TOKEN", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "the user's own")
    experiment.run("a")
    flown = experiment.fly()
    seen = json.loads((flown.results_dir / "a" / "environment.json").read_text())
    assert "the user's own" not in seen.values()
    assert "GITHUB_TOKEN" not in seen
    assert seen["HF_ENDPOINT"].startswith("http://127.0.0.1:")
    assert seen["WANDB_BASE_URL"].startswith("http://127.0.0.1:")
    assert Path(seen["HOME"]).is_relative_to(flown.results_dir)
    assert seen["WANDB_API_KEY"] not in flown.out + flown.err + json.dumps(flown.report)


def test_a_detached_sleeper_ends_with_its_run(experiment: Experiment, gone: Callable[[int], bool]) -> None:
    experiment.run(
        "a",
        """
        sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
        (out / "pid").write_text(str(sleeper.pid))
        """,
    )
    flown = experiment.fly()
    assert flown.exit_code == 0
    assert flown.command("a")["leftover_processes"] == 1
    assert gone(int((flown.results_dir / "a" / "pid").read_text()))


@pytest.mark.parametrize(
    ("evaluate", "complaint"),
    [
        ("", "wrote no"),
        ("raise SystemExit(2)", "the evaluation failed"),
        ("open(sys.argv[1].split('=')[1] + '/comparison/aggregated_metrics.json', 'w').write('{')", "cannot be read"),
        ("open(sys.argv[1].split('=')[1] + '/comparison/aggregated_metrics.json', 'w').write('[]')", "no object"),
    ],
)
def test_an_evaluation_that_leaves_no_comparison_is_a_failure(
    experiment: Experiment, evaluate: str, complaint: str
) -> None:
    experiment.run("a", "(out.parent / 'comparison').mkdir()")
    experiment.write("src/evaluate.py", f"import sys\n{evaluate}\n")
    flown = experiment.fly(mode="full")
    assert flown.exit_code == 1
    assert flown.report["status"] == "failed"
    assert complaint in flown.report["problem"]
    assert complaint in flown.err


def test_a_comparison_that_lay_there_before_does_not_count(experiment: Experiment) -> None:
    content = json.dumps({"metrics": {"accuracy": {"a": 0.99}}})
    experiment.run(
        "a",
        f"""
        (out.parent / "comparison").mkdir()
        (out.parent / "comparison" / "aggregated_metrics.json").write_text({content!r})
        """,
    )
    experiment.write("src/evaluate.py", "")
    flown = experiment.fly(mode="full")
    assert flown.exit_code == 1
    assert "as it was before" in flown.err
    assert "0.99" not in flown.out


def test_an_earlier_flight_is_moved_aside(experiment: Experiment) -> None:
    experiment.run("a")
    experiment.fly()
    (experiment.results_dir / "a" / "checkpoint").write_text("first")
    flown = experiment.fly()
    [moved] = (experiment.results_dir / "earlier").iterdir()
    assert f"is now in {moved}" in flown.err
    assert (moved / "a" / "checkpoint").read_text() == "first"
    assert (moved / "flight" / "report.json").exists()
    assert not (experiment.results_dir / "a" / "checkpoint").exists()


def test_resume_keeps_what_finished_and_repeats_the_rest(experiment: Experiment) -> None:
    marker = experiment.folder.parent / "repaired"
    experiment.run("a", "print('first')")
    experiment.run("b", f"if not os.path.exists({str(marker)!r}): raise OSError('the network share is gone')")
    first = experiment.fly()
    assert first.exit_code == 1
    marker.touch()
    second = experiment.fly(resume=True)
    assert second.exit_code == 0, second.err
    assert "a: kept" in second.err
    assert second.command("a") == first.command("a")
    assert second.command("b")["exit_code"] == 0
    assert not (experiment.results_dir / "earlier").exists()


def test_resume_in_full_mode_asks_the_recorder_as_well(experiment: Experiment) -> None:
    experiment.run("a")
    assert experiment.fly(mode="full").exit_code == 0
    flown = experiment.fly(mode="full", resume=True)
    assert "a: flying" in flown.err, "the recorder knows no finished run of this name"


def test_a_run_that_was_cut_off_after_the_recorder_had_it_finished_stands(experiment: Experiment) -> None:
    hydra_experiment(experiment)
    experiment.write("config/run/proposed-x.yaml", "run_id: proposed-x\naccuracy: 0.5\n")
    assert experiment.fly(mode="full").exit_code == 0
    path = experiment.results_dir / "flight" / "report.json"
    report = json.loads(path.read_text())
    report["commands"] = [{**report["commands"][0], "status": "interrupted", "exit_code": None, "signal": 15}]
    path.write_text(json.dumps(report))
    flown = experiment.fly(mode="full", resume=True)
    assert flown.exit_code == 0, flown.err
    assert "proposed-x: kept" in flown.err
    assert "the earlier comparison" in flown.err
    assert flown.command("evaluate")["status"] == "finished"


def test_a_resumed_flight_that_fails_shows_no_comparison_from_before(experiment: Experiment) -> None:
    experiment.run("a")
    assert experiment.fly(mode="full").exit_code == 0
    flown = experiment.fly(mode="full", resume=True, timeout_seconds=1e-6)
    assert flown.exit_code == 1
    assert [command["name"] for command in flown.report["commands"]] == ["a"]
    assert not (experiment.results_dir / "comparison").exists()
    assert list((experiment.results_dir / "earlier").glob("*/comparison/aggregated_metrics.json"))


def test_resume_refuses_other_data(experiment: Experiment) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def serve(sentences: list[str]) -> None:
        count = len(sentences)
        columns = {"sentence": sentences, "label": [0] * count, "idx": pa.array(range(count), pa.int32())}
        pq.write_table(pa.table(columns), folder / "sst2" / "validation.parquet")

    folder = experiment.folder.parent / "glue"
    (folder / "sst2").mkdir(parents=True)
    serve(["one "])
    experiment.run("a")
    served = {"nyu-mll/glue": folder}
    assert experiment.fly(serve=served).exit_code == 0
    assert experiment.fly(serve=served, resume=True).exit_code == 0
    serve(["one ", "two "])
    with pytest.raises(UsageError, match=r"nyu-mll/glue/sst2/validation in .* has changed since"):
        experiment.fly(serve=served, resume=True)


def test_a_failure_on_served_data_says_what_the_folder_has(experiment: Experiment) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = experiment.folder.parent / "glue"
    (folder / "sst2").mkdir(parents=True)
    columns = {"sentence": ["one "], "label": [0], "idx": pa.array([0], pa.int32())}
    pq.write_table(pa.table(columns), folder / "sst2" / "validation.parquet")
    experiment.run("a", "raise ValueError('Unknown split train')")
    flown = experiment.fly(serve={"nyu-mll/glue": folder})
    assert f"nyu-mll/glue was served from {folder}, which has sst2/validation and nothing else" in flown.err


def test_a_disk_that_fills_up_is_told_with_the_run_and_the_way_on(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_self: object) -> list[str]:
        raise WindtunnelError("the recorder cannot use recorder.sqlite (database or disk is full)")

    monkeypatch.setattr(Recorder, "mark_crashed", full)
    experiment.run("a", "raise OSError(28, 'No space left on device')")
    experiment.run("b")
    flown = experiment.fly()
    assert flown.exit_code == 1
    assert "a failed: no space left on the disk" in flown.err
    assert "database or disk is full" in flown.err
    assert "--resume" in flown.err
    assert [command["name"] for command in flown.report["commands"]] == ["a"]
    assert flown.report["status"] == "failed"


def test_resume_refuses_to_mix(experiment: Experiment) -> None:
    experiment.run("a")
    experiment.fly()
    before = (experiment.results_dir / "flight" / "report.json").read_bytes()
    with pytest.raises(UsageError, match="--mode was trial, now full"):
        experiment.fly(mode="full", resume=True)
    experiment.write("src/helper.py", "changed = True\n")
    with pytest.raises(UsageError, match="would mix two versions"):
        experiment.fly(resume=True)
    assert (experiment.results_dir / "flight" / "report.json").read_bytes() == before
    assert not (experiment.results_dir / "flight" / "work").exists()


def test_resume_of_nothing_begins_a_flight_and_says_so(experiment: Experiment) -> None:
    experiment.run("a")
    flown = experiment.fly(resume=True)
    assert flown.exit_code == 0
    assert "nothing to resume" in flown.err


def test_a_report_that_is_broken_is_not_resumed(experiment: Experiment) -> None:
    experiment.run("a")
    experiment.fly()
    (experiment.results_dir / "flight" / "report.json").write_text('{"schema_version": 1')
    with pytest.raises(FlightError, match="fly without --resume"):
        experiment.fly(resume=True)


def test_a_folder_that_cannot_be_served_is_refused_before_anything_is_moved(experiment: Experiment) -> None:
    experiment.run("a")
    experiment.fly()
    empty = experiment.folder.parent / "empty"
    empty.mkdir()
    with pytest.raises(ServeError, match="empty"):
        experiment.fly(serve={"nyu-mll/glue": empty})
    assert not (experiment.results_dir / "earlier").exists()


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_flight_leaves_nothing_running_and_can_go_on(
    experiment: Experiment, gone: Callable[[int], bool], number: signal.Signals, exit_code: int
) -> None:
    go_on = experiment.folder.parent / "go-on"
    experiment.run("a")
    experiment.run(
        "b",
        f"""
        if not os.path.exists({str(go_on)!r}):
            sleeper = [sys.executable, "-c", "import time; time.sleep(300)"]
            (out / "sleeper").write_text(str(subprocess.Popen(sleeper, start_new_session=True).pid))
            {WAIT}
        """,
    )
    with start(experiment) as flight:
        pids = [int(wait_for(experiment.results_dir / "b" / name)) for name in ("sleeper", "pid")]
        flight.send_signal(number)
        _, err = flight.communicate(timeout=60)
    assert flight.returncode == exit_code, err
    assert all(gone(pid) for pid in pids)
    assert "1 of 2 runs finished" in err
    assert err.rstrip().endswith("--resume")
    interrupted = experiment.read_back()
    assert interrupted.report["status"] == "interrupted"
    assert interrupted.command("b")["status"] == "interrupted"
    assert not (experiment.results_dir / "flight" / "work").exists()

    go_on.touch()
    flown = experiment.fly(resume=True)
    assert flown.exit_code == 0, flown.err
    assert "a: kept" in flown.err
    assert flown.command("b")["exit_code"] == 0


def test_a_second_ctrl_c_hurries_and_leaves_nothing_running(
    experiment: Experiment, gone: Callable[[int], bool]
) -> None:
    experiment.run("a", f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {WAIT}")
    with start(experiment) as flight:
        pid = int(wait_for(experiment.results_dir / "a" / "pid"))
        flight.send_signal(signal.SIGINT)
        time.sleep(1)
        assert flight.poll() is None
        started = time.monotonic()
        flight.send_signal(signal.SIGINT)
        flight.communicate(timeout=60)
    assert time.monotonic() - started < 6
    assert flight.returncode == 130
    assert gone(pid)
    assert experiment.read_back().report["status"] == "interrupted"


def test_a_killed_flight_never_looks_finished_and_the_next_one_clears_up(
    experiment: Experiment, gone: Callable[[int], bool]
) -> None:
    go_on = experiment.folder.parent / "go-on"
    experiment.run("a", f"os.path.exists({str(go_on)!r}) or exec({WAIT!r})")
    with start(experiment) as flight:
        pid = int(wait_for(experiment.results_dir / "a" / "pid"))
        flight.kill()
        flight.communicate(timeout=60)
    killed = experiment.read_back()
    assert killed.report["status"] == "running"
    assert killed.command("a")["status"] == "running"
    assert not gone(pid)
    go_on.touch()
    flown = experiment.fly()
    assert flown.exit_code == 0, flown.err
    assert gone(pid)
    assert "1 processes of an earlier flight" in flown.err
    [moved] = (experiment.results_dir / "earlier").iterdir()
    assert not (moved / "flight" / "work").exists()
    tmp = Path(json.loads((moved / "a" / "environment.json").read_text())["TMPDIR"])
    assert not os.path.lexists(tmp)


@pytest.mark.parametrize("unsandboxed", [False, True])
def test_a_flight_deep_in_the_file_system_gives_the_commands_a_short_tmpdir(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, unsandboxed: bool
) -> None:
    if not unsandboxed and (reason := bubblewrap_trouble()):
        pytest.skip(reason)
    experiment.results_dir = experiment.results_dir / "deep" / "deeper" / ("x" * 80)
    temporary = experiment.folder.parent / ("t" * 80)
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    experiment.run("a", "import tempfile; (out / 'tmp').write_text(tempfile.mkdtemp())")
    flown = experiment.fly(unsandboxed=unsandboxed)
    assert flown.exit_code == 0, flown.err
    used = (flown.results_dir / "a" / "tmp").read_text()
    assert len(used) < 80
    assert not os.path.lexists(Path(used).parent)


@pytest.mark.parametrize("devices", [[], [Path("/dev/nvidia0")]])
def test_the_evidence_says_whether_there_was_an_accelerator(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, devices: list[Path]
) -> None:
    monkeypatch.setattr("windtunnel.flight.logbook.gpu_devices", lambda: devices)
    experiment.run("proposed-a")
    flown = experiment.fly()
    evidence = json.loads((flown.results_dir / "flight" / "evidence.json").read_text())
    assert evidence["accelerator"] is bool(devices)


def test_the_report_says_what_the_environment_cannot_show(experiment: Experiment) -> None:
    experiment.run("proposed-a")
    assert any("--env project" in note for note in experiment.fly().report["notes"])
