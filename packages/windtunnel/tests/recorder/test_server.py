"""The round trip with the real client: what is logged is what is read, and every end of a run is told apart."""

from __future__ import annotations

import math
import os
import signal
import socket
import stat
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from windtunnel.errors import PortTakenError, UsageError
from windtunnel.recorder import Recorder

from .conftest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


WRITE_LONG = """
import wandb
from pathlib import Path

run = wandb.init(entity="lab", project="study", id="long", name="A long run", tags=["a", "b"], group="g",
                 config={"optimizer": {"lr": 1e-3, "betas": [0.9, 0.999]}, "model": "m", "epochs": 3})
for step in range(5000):
    row = {"loss": 1 / (step + 1), "nested": {"inner": step}}
    if step in (1666, 3333, 4998):
        row["val/accuracy"] = step / 5000
    run.log(row)
run.log({"loss": float("nan"), "bound": float("-inf"), "word": "NaN"})
run.summary["best"] = {"accuracy": 0.75, "epoch": 2}
run.summary["unbounded"] = float("inf")
Path("sub").mkdir()
Path("predictions.csv").write_text("index,label\\n0,1\\n")
Path("sub/big.bin").write_bytes(bytes(range(256)) * 12288)  # 3 MiB: several pieces
run.save("predictions.csv")
run.save("sub/big.bin")
print("a line of the console")
run.finish()
"""

WRITE_FAILING = """
import wandb

wandb.init(entity="lab", project="study", id="failing", config={"model": "n"})
wandb.log({"loss": 2.0})
raise RuntimeError("the training went wrong")
"""

WRITE_FOREVER = """
import time, wandb

run = wandb.init(entity="lab", project="study", id="killed")
run.log({"loss": 1.0})
run.log({"loss": 0.5}, commit=True)
print("LOGGED", flush=True)
time.sleep(600)
"""

READ = """
import json, wandb

api = wandb.Api()
run = api.run("lab/study/long")
plain = run.history(pandas=False)
accuracy = run.history(keys=["val/accuracy"], pandas=False)
sampled = run.history(keys=["loss"], samples=40, pandas=False)
scanned = list(run.scan_history(keys=["val/accuracy"]))
whole = list(run.scan_history())
missing = "found"
try:
    api.run("lab/study/absent")
except Exception as error:
    missing = type(error).__name__
sweep = "made"
try:
    wandb.sweep({"method": "grid", "parameters": {"x": {"values": [1]}}}, entity="lab", project="study")
except Exception as error:
    sweep = str(error)
with run.file("predictions.csv").download(root="download", replace=True) as file:
    predictions = file.read()
run.file("sub/big.bin").download(root="download", replace=True).close()
print("JSON", json.dumps({
    "state": run.state, "name": run.name, "config": run.config, "tags": run.tags, "group": run.group,
    "summary": {key: run.summary[key] for key in ("unbounded", "loss", "word")},
    "best": dict(run.summary["best"]), "last_step": run.lastHistoryStep,
    "plain": len(plain), "two": len(run.history(samples=2, pandas=False)), "last_row": plain[-1],
    "accuracy": accuracy, "sampled": [row["_step"] for row in sampled], "scanned": scanned,
    "both": run.history(keys=["loss", "nested.inner"], samples=3, pandas=False),
    "nan": run.history(keys=["loss"], samples=2, pandas=False)[-1]["loss"],
    "whole": len(whole), "missing": missing, "sweep": sweep,
    "files": sorted(file.name for file in run.files()), "predictions": predictions,
    "metadata": (run.metadata or {}).get("program") is not None,
    "console": [line.content for line in run.console_logs()],
    "all": {r.id: r.state for r in api.runs("lab/study")},
    "filtered": [r.id for r in api.runs("lab/study", filters={"state": "finished", "config.model": "m"})],
    "by_loss": [r.id for r in api.runs("lab/study", order="-summary_metrics.unbounded")],
    "count": len(api.runs("lab/study", filters={"state": "failed"})),
    "projects": [project.name for project in api.projects("lab")],
    "failing_loss": api.run("lab/study/failing").summary["loss"],
}))
"""

CONTINUE = """
import json, sys, wandb

def attempt(rows, id="same", **arguments):
    try:
        run = wandb.init(entity="lab", project="again", id=id, **arguments)
    except wandb.errors.Error as error:
        return {"refused": str(error)}
    for row in rows:
        run.log(row)
    seen = {"resumed": run.resumed, "start": run.starting_step}
    run.finish()
    return seen

rows = [{"loss": 1.0}, {"loss": 2.0}]
if sys.argv[1] == "resume":
    seen = [
        attempt(rows, resume="allow", config={"n": 1}),
        attempt(rows, resume="allow", config={"m": 2}),
        attempt(rows, resume="never", config={"n": 0}),
        attempt(rows, id="absent", resume="must"),
    ]
else:
    seen = [attempt([{"anew": 1}], config={"n": 3})]
print("JSON", json.dumps(seen))
"""

INIT = """
import sys, time, wandb

try:
    wandb.init(project="study", settings=wandb.Settings(init_timeout=2))
except wandb.errors.Error as error:
    print("REFUSED", type(error).__name__, error)
    sys.exit(7)
"""


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a reader sees of a long run and a failing one, with the recorder restarted in between."""
    folder = tmp_path_factory.mktemp("flown")
    with Recorder(folder / "recorder.sqlite") as recorder:
        key = recorder.api_key
        writers = [
            Client.start(recorder, folder / "long", WRITE_LONG),
            Client.start(recorder, folder / "failing", WRITE_FAILING),
        ]
        outputs = [writer.finish() for writer in writers]
        assert writers[0].process.returncode == 0, outputs[0]
        assert writers[1].process.returncode == 1, outputs[1]
    with Recorder(folder / "recorder.sqlite") as recorder:
        assert recorder.api_key == key
        seen = Client.start(recorder, folder / "reader", READ).result()
        yield {**seen, "recorder": recorder, "download": folder / "reader" / "download"}


def test_configuration_summary_and_identity_come_back(flown: dict[str, Any]) -> None:
    assert flown["config"] == {"optimizer": {"lr": 1e-3, "betas": [0.9, 0.999]}, "model": "m", "epochs": 3}
    assert (flown["state"], flown["name"], flown["tags"], flown["group"]) == (
        "finished",
        "A long run",
        ["a", "b"],
        "g",
    )
    assert flown["best"] == {"accuracy": 0.75, "epoch": 2}
    assert flown["summary"]["unbounded"] == math.inf
    assert math.isnan(flown["summary"]["loss"])
    assert flown["summary"]["word"] == "NaN"
    assert flown["metadata"]


def test_plain_history_is_sampled_and_history_by_key_has_every_row_of_the_key(flown: dict[str, Any]) -> None:
    assert (flown["plain"], flown["two"], flown["whole"], flown["last_step"]) == (500, 2, 5001, 5000)
    steps = [1666, 3333, 4998]
    assert flown["accuracy"] == [{"_step": step, "val/accuracy": step / 5000} for step in steps]
    assert [row["val/accuracy"] for row in flown["scanned"]] == [step / 5000 for step in steps]


def test_samples_are_honoured_and_spread_over_the_run(flown: dict[str, Any]) -> None:
    steps = flown["sampled"]
    assert len(steps) == 40
    assert (steps[0], steps[-1]) == (0, 5000)
    assert max(b - a for a, b in pairwise(steps)) < 200


def test_keys_asked_for_together_are_rows_that_have_all_of_them(flown: dict[str, Any]) -> None:
    assert [row["nested.inner"] for row in flown["both"]] == [0, 2499, 4999]


def test_not_a_number_and_infinity_survive(flown: dict[str, Any]) -> None:
    assert math.isnan(flown["last_row"]["loss"])
    assert flown["last_row"]["bound"] == -math.inf
    assert flown["nan"] == "NaN"  # no JSON number; the real service says the same
    last = flown["recorder"].store.history("lab", "study", "long")[-1]
    assert math.isnan(last["loss"])
    assert last["word"] == "NaN"


def test_files_come_back_as_they_were(flown: dict[str, Any]) -> None:
    assert {"predictions.csv", "sub/big.bin", "output.log", "config.yaml"} <= set(flown["files"])
    assert flown["predictions"] == "index,label\n0,1\n"
    big = bytes(range(256)) * 12288
    assert (flown["download"] / "sub" / "big.bin").read_bytes() == big
    assert b"".join(flown["recorder"].store.read_file("lab", "study", "long", "sub/big.bin")) == big
    assert "a line of the console" in flown["console"]


def test_runs_are_listed_filtered_and_ordered(flown: dict[str, Any]) -> None:
    assert flown["all"] == {"long": "finished", "failing": "failed"}
    assert flown["filtered"] == ["long"]
    assert flown["by_loss"] == ["long", "failing"]
    assert (flown["count"], flown["projects"]) == (1, ["study"])


def test_a_program_that_raises_leaves_a_failed_run_with_its_rows(flown: dict[str, Any]) -> None:
    failing = flown["recorder"].store.run("lab", "study", "failing")
    assert (failing.state, failing.exit_code, failing.steps) == ("failed", 1, 1)
    assert flown["failing_loss"] == 2.0


def test_what_is_not_covered_is_an_error_that_names_it(flown: dict[str, Any]) -> None:
    assert flown["missing"] == "CommError"
    assert "upsertSweep" in flown["sweep"]


def test_resuming_continues_and_starting_anew_replaces(recorder: Recorder, tmp_path: Path) -> None:
    first, resumed, never, must = Client.start(recorder, tmp_path / "a", CONTINUE, arguments=["resume"]).result()
    assert "does not exist" in must["refused"]
    assert first == {"resumed": False, "start": 0}
    assert resumed == {"resumed": True, "start": 2}
    assert "refused" in never
    rows = recorder.store.history("lab", "again", "same")
    assert [(row["_step"], row["loss"]) for row in rows] == [(0, 1.0), (1, 2.0), (2, 1.0), (3, 2.0)]
    (run,) = recorder.store.runs()
    assert (run.config, run.state, run.steps) == ({"n": 1, "m": 2}, "finished", 4)

    Client.start(recorder, tmp_path / "b", CONTINUE, arguments=["anew"]).result()
    assert [row.get("anew") for row in recorder.store.history("lab", "again", "same")] == [1]
    (run,) = recorder.store.runs()
    assert run.config == {"n": 3}
    assert "loss" not in run.summary


def test_a_killed_process_leaves_a_crashed_run(tmp_path: Path) -> None:
    with Recorder(tmp_path / "recorder.sqlite") as recorder:
        client = Client.start(recorder, tmp_path / "home", WRITE_FOREVER)
        try:
            deadline = time.monotonic() + 60
            while not recorder.store.runs() and time.monotonic() < deadline:
                time.sleep(0.05)
            assert client.process.stdout is not None
            assert any("LOGGED" in line for line in client.process.stdout)
            (run,) = recorder.store.runs()
            assert run.state == "running"
        finally:
            _kill_tree(client.process.pid)
            client.process.communicate(timeout=30)
        recorder.store.heartbeat_seconds = 0.2
        time.sleep(0.3)
        assert [run.state for run in recorder.store.runs()] == ["crashed"]
        recorder.store.heartbeat_seconds = 120.0
        assert [run.state for run in recorder.store.runs()] == ["running"]
        assert recorder.mark_crashed() == ["killed"]
        assert [run.state for run in recorder.store.runs()] == ["crashed"]
        assert recorder.mark_crashed() == []


def test_a_wrong_key_and_a_server_that_is_down_fail_soon(tmp_path: Path) -> None:
    with Recorder(tmp_path / "down.sqlite") as stopped:
        pass
    with Recorder(tmp_path / "recorder.sqlite") as recorder:
        began = time.monotonic()
        wrong = Client.start(recorder, tmp_path / "wrong", INIT, WANDB_API_KEY="9" * 40)
        down = Client.start(stopped, tmp_path / "down", INIT)
        wrong_output = wrong.finish()
        wrong_seconds = time.monotonic() - began
        down_output = down.finish()
        assert wrong.process.returncode == 7, wrong_output
        assert "not this recorder's" in wrong_output
        assert recorder.api_key not in wrong_output
        assert wrong_seconds < 30
        assert down.process.returncode == 7, down_output
        assert "connection refused" in down_output
        assert time.monotonic() - began < 60  # the client first tries to log in, then waits its init_timeout
        assert recorder.store.runs() == []


def test_a_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            Recorder(tmp_path / "recorder.sqlite", port=port)


def test_a_unix_socket_leads_to_the_same_server(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "recorder.sqlite")
    recorder.listen_on(tmp_path / "socket")
    with recorder:
        transport = httpx.HTTPTransport(uds=str(tmp_path / "socket"))
        with httpx.Client(base_url=recorder.url, auth=("api", recorder.api_key), transport=transport) as http:
            query = """mutation { upsertBucket(input: {modelName: "p", entityName: "e", name: "r"}) { inserted } }"""
            assert http.post("/graphql", json={"query": query}).json()["data"]["upsertBucket"]["inserted"]
            query = """mutation { createRunFiles(input: {
              entityName: "e", projectName: "p", runName: "r", files: ["f"]}) { files { uploadUrl } } }"""
            (file,) = http.post("/graphql", json={"query": query}).json()["data"]["createRunFiles"]["files"]
        assert file["uploadUrl"].startswith(f"{recorder.url}/storage/")
        assert httpx.put(file["uploadUrl"], content=b"x").status_code == 200
    assert not (tmp_path / "socket").exists()


def test_the_key_is_kept_and_the_database_is_private(tmp_path: Path) -> None:
    database = tmp_path / "new" / "recorder.sqlite"
    with Recorder(database) as recorder:
        key = recorder.api_key
        assert len(key) >= 40
        assert recorder.url.startswith("http://127.0.0.1:")
        assert stat.S_IMODE(database.stat().st_mode) == 0o600
    with Recorder(database, api_key="k" * 40) as recorder:
        assert recorder.api_key == "k" * 40
    with Recorder(database) as recorder:
        assert recorder.api_key == "k" * 40
        assert recorder.api_key != key


def test_a_key_that_the_client_would_refuse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="40"):
        Recorder(tmp_path / "recorder.sqlite", api_key="short")


def test_the_environment_keeps_the_clients_files_under_its_home(recorder: Recorder, tmp_path: Path) -> None:
    environment = recorder.environment(tmp_path / "home")
    assert environment["WANDB_BASE_URL"] == recorder.url
    assert environment["WANDB_ERROR_REPORTING"] == "false"
    assert environment["WANDB_SERVICE"] == ""
    for name in ("WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR"):
        assert environment[name].startswith(str(tmp_path / "home"))


def test_a_file_that_is_no_database_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "recorder.sqlite"
    path.write_text("this is no database, it is a text that is long enough to be read as a header " * 20)
    with pytest.raises(UsageError, match=r"recorder\.sqlite"):
        Recorder(path)


def _kill_tree(pid: int) -> None:
    import psutil

    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for process in family:
        os.kill(process.pid, signal.SIGKILL)
