"""What experiment code does with the real client beside logging numbers: media, charts, resuming, editing, search."""

from __future__ import annotations

from typing import Any

import pytest

from windtunnel.evidence.flight import Asked, RunRecorded
from windtunnel.recorder import Recorder, recorded_in

from .conftest import Client

WRITE = """
import numpy as np
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import wandb

table = wandb.Table(columns=["x", "y"], data=[[1, 2], [3, 4]])
truth, scores = [0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]
with wandb.init(entity="lab", project="study", id="media") as run:
    figure = plt.figure()
    plt.plot([1, 2])
    run.log({
        "table": table, "images": [wandb.Image(np.full((4, 4), i, dtype=np.uint8)) for i in range(2)],
        "figure": wandb.Image(figure), "histogram": wandb.Histogram(np.arange(10)), "page": wandb.Html("<b>x</b>"),
        "line": wandb.plot.line(table, "x", "y"), "bar": wandb.plot.bar(table, "x", "y"),
        "confusion": wandb.plot.confusion_matrix(y_true=truth, preds=[0, 1, 0], class_names=["a", "b"]),
        "roc": wandb.plot.roc_curve(truth, scores), "pr": wandb.plot.pr_curve(truth, scores),
    })
    run.alert(title="Look", text="at this", level=wandb.AlertLevel.WARN)

config = {"lr": 0.1, "net": {"depth": 2}, "none": None}
with wandb.init(entity="lab", project="study", id="tuned", group="g", job_type="train", tags=["a"], notes="n",
                name="Tuned", config=config) as run:
    run.define_metric("epoch")
    run.define_metric("peak", summary="max", step_metric="epoch")
    for epoch, accuracy in enumerate([0.1, 0.9, 0.5]):
        run.log({"epoch": epoch, "accuracy": accuracy, "peak": accuracy, "deep": {"er": epoch}})
    wandb.config.update({"lr": 0.2}, allow_val_change=True)
    run.summary.update({"best": {"epoch": 1}, "list": [1, 2]})
for i in range(3):
    with wandb.init(entity="lab", project="study", id=f"small-{i}", config={"i": i}, reinit=True) as run:
        run.log({"value": i})
run = wandb.init(entity="lab", project="study", id="ended")
run.finish(exit_code=3)
for mode in ("offline", "disabled"):
    with wandb.init(entity="lab", project="ghost", id=mode, mode=mode) as run:
        run.log({"value": 1})
"""

RESUME = """
import wandb

with wandb.init(entity="lab", project="study", id="tuned", resume="must") as run:
    run.log({"epoch": 3, "accuracy": 0.7})
"""

READ = """
import json, wandb
from pathlib import Path

api = wandb.Api()
media, tuned = api.run("lab/study/media"), api.run("lab/study/tuned")
summary = {key: media.summary[key] for key in ("table", "images", "figure", "histogram", "page")}
for file in [summary["table"]["path"], summary["figure"]["path"]]:
    media.file(file).download(root="download", replace=True).close()

def found(**arguments):
    return [run.id for run in api.runs("lab/study", **arguments)]

filters = [
    found(filters={"config.i": {"$gte": 1}}, order="+created_at"),
    found(filters={"$or": [{"config.i": 0}, {"config.net.depth": 2}]}, order="-created_at"),
    found(filters={"display_name": {"$regex": "^Tu"}}), found(filters={"tags": {"$in": ["a"]}}),
    found(filters={"group": "g", "jobType": "train"}), found(filters={"state": "failed"}),
    found(filters={"summary_metrics.value": {"$gt": 0}}, order="-summary_metrics.value"),
]
everything = sorted(found(per_page=2))
history = tuned.history(pandas=False)
scanned = [row["accuracy"] for row in tuned.scan_history(keys=["accuracy"], page_size=2)]
window = [row["_step"] for row in tuned.scan_history(min_step=1, max_step=3)]

tuned.tags.append("b")
tuned.notes, tuned.name, tuned.config["added"] = "edited", "Renamed", 5
tuned.summary["after"] = 9
tuned.summary.update()
tuned.update()
edited = wandb.Api().run("lab/study/tuned")
api.run("lab/study/small-2").delete()
Path("later.txt").write_text("later")
edited.upload_file("later.txt")
uploaded = edited.file("later.txt").download(root="download", replace=True).read()
edited.file("later.txt").delete()
api.create_project("made", "lab")
print("JSON", json.dumps({
    "types": {key: value["_type"] for key, value in summary.items()}, "images": summary["images"]["count"],
    "charts": sorted(key for key in media.summary.keys() if key.endswith("_table")),
    "filters": filters, "everything": everything, "history": history, "scanned": scanned, "window": window,
    "summary": edited.summary._json_dict, "config": edited.config, "notes": edited.notes, "tags": edited.tags,
    "name": edited.name, "identity": [tuned.group, tuned.job_type, tuned.state], "uploaded": uploaded,
    "files": [file.name for file in edited.files()], "left": sorted(run.id for run in wandb.Api().runs("lab/study")),
    "projects": [project.name for project in api.projects("lab")],
    "viewer": [api.viewer.username, api.default_entity],
    "table": json.loads(Path("download", summary["table"]["path"]).read_text())["data"],
}))
"""


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a reader sees of many runs, one of them resumed by a second process, and what the recorder tells of it."""
    folder = tmp_path_factory.mktemp("experiments")
    with Recorder(folder / "recorder.sqlite") as recorder:
        seen: dict[str, Any] = {}
        for phase, script in (("first", WRITE), ("second", RESUME), ("evaluate", READ)):
            recorder.phase = phase
            client = Client.start(recorder, folder / phase, script)
            if phase == "evaluate":
                seen.update(client.result())
            else:
                output = client.finish()
                assert client.process.returncode == 0, output
            seen[f"asked {phase}"] = recorder.take_asked()
        seen["recorded"] = {run.name: run for run in recorder.recorded()}
        seen["alerts"] = recorder.store.alerts.of(recorder.store.run("lab", "study", "media").key)  # type: ignore[union-attr]
    return {**seen, "database": folder / "recorder.sqlite"}


def test_media_and_charts_come_back(flown: dict[str, Any]) -> None:
    assert flown["types"] == {
        "table": "table-file",
        "images": "images/separated",
        "figure": "image-file",
        "histogram": "histogram",
        "page": "html-file",
    }
    assert (flown["images"], flown["table"]) == (2, [[1, 2], [3, 4]])
    assert {"line_table", "bar_table", "confusion_table", "roc_table", "pr_table"} <= set(flown["charts"])
    assert [(alert.title, alert.text, alert.severity) for alert in flown["alerts"]] == [("Look", "at this", "WARN")]


def test_summaries_follow_the_metrics_definition_and_may_be_nested(flown: dict[str, Any]) -> None:
    summary = flown["summary"]
    assert summary["peak"] == {"max": 0.9}
    assert (summary["best"], summary["list"], summary["after"]) == ({"epoch": 1}, [1, 2], 9)


def test_what_is_nested_in_a_row_has_a_name_with_dots(flown: dict[str, Any]) -> None:
    assert [row.get("deep.er") for row in flown["history"]] == [0, 1, 2, None]


def test_a_scan_has_each_row_once_whatever_its_pages(flown: dict[str, Any]) -> None:
    assert flown["scanned"] == [0.1, 0.9, 0.5, 0.7]
    assert flown["window"] == [1, 2]


def test_runs_are_found_by_what_they_have(flown: dict[str, Any]) -> None:
    assert flown["filters"] == [
        ["small-1", "small-2"],
        ["small-0", "tuned"],
        ["tuned"],
        ["tuned"],
        ["tuned"],
        ["ended"],
        ["small-2", "small-1"],
    ]
    assert flown["everything"] == ["ended", "media", "small-0", "small-1", "small-2", "tuned"]


def test_a_run_can_be_edited_and_deleted(flown: dict[str, Any]) -> None:
    assert flown["config"] == {"lr": 0.2, "net": {"depth": 2}, "none": None, "added": 5}
    assert (flown["notes"], flown["tags"], flown["name"]) == ("edited", ["a", "b"], "Renamed")
    assert flown["identity"] == ["g", "train", "finished"]
    assert flown["uploaded"] == "later"
    assert "later.txt" not in flown["files"]
    assert flown["left"] == ["ended", "media", "small-0", "small-1", "tuned"]


def test_offline_and_disabled_runs_leave_nothing(flown: dict[str, Any]) -> None:
    assert flown["projects"] == ["made", "study"]
    assert flown["viewer"] == ["windtunnel", "windtunnel"]


def test_what_was_read_is_told_by_phase(flown: dict[str, Any]) -> None:
    # While it logs tables the client itself looks up their artifacts.
    assert {question.what.partition(":")[0] for question in flown["asked first"]} <= {"artifact"}
    assert flown["asked second"] == []
    asked = flown["asked evaluate"]
    assert Asked("tuned", "history") in asked
    assert Asked("", "runs") in asked
    assert Asked("media", "files") in asked
    assert {question.keys for question in asked if question.run == "tuned" and question.keys} == {("accuracy",)}
    assert {"summary", "config"} <= {question.what for question in asked if question.run == "tuned"}


def test_a_run_tells_the_phase_it_began_in_and_how_often_it_started(flown: dict[str, Any]) -> None:
    recorded: dict[str, RunRecorded] = flown["recorded"]
    assert {name: (run.command, run.starts) for name, run in recorded.items()} == {
        "media": ("first", 1),
        "tuned": ("first", 2),
        "small-0": ("first", 1),
        "small-1": ("first", 1),
        "ended": ("first", 1),
    }
    tuned = recorded["tuned"]
    assert (tuned.steps, [row["accuracy"] for row in tuned.history]) == (4, [0.1, 0.9, 0.5, 0.7])
    assert tuned.config == {"lr": 0.2, "net": {"depth": 2}, "none": None, "added": 5}
    assert (recorded["ended"].state, tuned.display_name) == ("failed", "Renamed")


def test_the_file_alone_tells_the_same(flown: dict[str, Any]) -> None:
    before = flown["database"].read_bytes()
    assert {run.name: run for run in recorded_in(flown["database"])} == flown["recorded"]
    assert flown["database"].read_bytes() == before
