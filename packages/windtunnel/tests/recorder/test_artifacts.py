"""The round trip of artifacts with the real client: what one process logs is what another one finds and downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.recorder import Recorder

from .conftest import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITE = """
import json, wandb
from pathlib import Path

run = wandb.init(entity="lab", project="arts", id="writer")
Path("d/sub").mkdir(parents=True)
Path("d/a.txt").write_text("alpha")
Path("d/sub/b.bin").write_bytes(bytes(range(256)) * 12288)
Path("referred.txt").write_text("referred")

def data(**arguments):
    artifact = wandb.Artifact("data", type="dataset", metadata={"n": 3}, description="first", **arguments)
    artifact.add_dir("d")
    return artifact

versions = [run.log_artifact(data(), aliases=["good"]).wait().version]
versions.append(run.log_artifact(data()).wait().version)
Path("d/c.txt").write_text("gamma")
versions.append(run.log_artifact(data(), aliases=["good", "best"]).wait().version)
Path("new.txt").write_text("new")
addition = wandb.Artifact("data", type="dataset", incremental=True)
addition.add_file("new.txt")
versions.append(run.log_artifact(addition).wait().version)

reference = wandb.Artifact("refs", type="dataset")
reference.add_reference(Path("referred.txt").resolve().as_uri())
reference.add_reference("http://127.0.0.1:9/x.bin", name="x.bin", checksum=False)
run.log_artifact(reference).wait()
table = wandb.Artifact("tables", type="result")
table.add(wandb.Table(columns=["a", "b"], data=[[1, "x"], [2, "y"]]), "t")
run.log_artifact(table).wait()
run.log_model("d/a.txt", name="weights", aliases=["prod"])
run.log({"logged": wandb.Table(columns=["a"], data=[[1], [2]])})
run.log_code("d", include_fn=lambda path: path.endswith(".txt"))
wrong = "taken"
try:
    other = wandb.Artifact("data", type="another")
    other.add_file("new.txt")
    run.log_artifact(other).wait()
except Exception as error:
    wrong = str(error)
run.finish()
print("JSON", json.dumps({"versions": versions, "wrong": wrong}))
"""

READ = """
import json, wandb
from pathlib import Path

run = wandb.init(entity="lab", project="arts", id="reader")
latest = run.use_artifact("data:latest", type="dataset")
folder = Path(latest.download())
latest.verify()
first = run.use_artifact("lab/arts/data:v0")
good = run.use_artifact("data:good")
refs = run.use_artifact("refs:latest")
referred = Path(refs.get_entry("referred.txt").download(root="refs")).read_text()
model = Path(run.use_model("weights:prod")).read_text()
table = run.use_artifact("tables:v0").get("t").data

draft = good.new_draft()
draft.remove("c.txt")
Path("draft.txt").write_text("draft")
draft.add_file("draft.txt")
draft = run.log_artifact(draft).wait()
linked = run.link_artifact(first, "lab/arts/chosen", aliases=["one"])
run.finish()

api = wandb.Api()
by_link = api.artifact("lab/arts/chosen:one")
first = api.artifact("lab/arts/data:v0")
first.aliases.append("kept")
first.metadata["k"] = 2
first.description = "changed"
first.tags.append("tagged")
first.save()
again = wandb.Api().artifact("lab/arts/data:kept")
again.aliases.remove("kept")
again.save()
missing = []
for name in ("lab/arts/data:kept", "lab/arts/none:latest", "lab/other/data:v0"):
    try:
        wandb.Api().artifact(name)
    except Exception as error:
        missing.append(type(error).__name__)
refused = "deleted"
try:
    wandb.Api().artifact("lab/arts/data:latest").delete()
except Exception as error:
    refused = str(error)
wandb.Api().artifact("lab/arts/data:latest").delete(delete_aliases=True)
api = wandb.Api()
print("JSON", json.dumps({
    "latest": {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.rglob("*.*")},
    "size": latest.size, "count": latest.file_count,
    "first": [first.version, sorted(again.metadata.items()), again.description, again.tags],
    "good": [good.version, sorted(good.aliases), good.type, good.metadata],
    "referred": referred, "ref": refs.get_entry("x.bin").ref, "model": model, "table": table,
    "draft": [draft.version, sorted(draft.manifest.entries)],
    "link": [by_link.version, by_link.digest == first.digest],
    "missing": missing, "refused": refused, "left": api.artifact("lab/arts/data:latest").version,
    "versions": [artifact.version for artifact in api.artifacts("dataset", "lab/arts/data")],
    "tagged": [artifact.version for artifact in api.artifacts("dataset", "lab/arts/data", tags=["tagged"])],
    "types": sorted(kind.name for kind in api.artifact_types("lab/arts")),
    "collections": sorted(c.name for c in api.artifact_type("dataset", "lab/arts").collections()),
    "files": sorted(file.name for file in api.artifact("lab/arts/data:v1").files()),
    "by": [api.artifact("lab/arts/data:v0").logged_by().id, [r.id for r in api.artifact("lab/arts/data:v0").used_by()]],
    "logged": sorted(artifact.name for artifact in api.run("lab/arts/writer").logged_artifacts()),
    "used": sorted(artifact.name for artifact in api.run("lab/arts/reader").used_artifacts()),
    "of_run": api.artifact("lab/arts/run-writer-logged:latest").get("logged").data,
    "exists": [api.artifact_exists("lab/arts/data:v0"), api.artifact_exists("lab/arts/data:v77")],
}))
"""


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a writer and then a reader of artifacts saw, with the recorder restarted in between."""
    folder = tmp_path_factory.mktemp("artifacts")
    with Recorder(folder / "recorder.sqlite") as recorder:
        written = Client.start(recorder, folder / "writer", WRITE).result()
    with Recorder(folder / "recorder.sqlite") as recorder:
        seen = Client.start(recorder, folder / "reader", READ).result()
        yield {"written": written, **seen, "recorder": recorder}


def test_new_content_is_a_new_version_and_the_same_content_is_not(flown: dict[str, Any]) -> None:
    assert flown["written"]["versions"] == ["v0", "v0", "v1", "v2"]


def test_a_name_keeps_its_type(flown: dict[str, Any]) -> None:
    assert "another" in flown["written"]["wrong"]


def test_an_incremental_version_has_what_the_one_before_had(flown: dict[str, Any]) -> None:
    assert flown["latest"] == {"a.txt": 5, "c.txt": 5, "new.txt": 3, "sub/b.bin": 256 * 12288}
    assert (flown["size"], flown["count"]) == (256 * 12288 + 13, 4)


def test_an_alias_is_the_version_that_it_was_given_to_last(flown: dict[str, Any]) -> None:
    assert flown["good"] == ["v1", ["best", "good"], "dataset", {"n": 3}]


def test_references_models_and_tables_come_back(flown: dict[str, Any]) -> None:
    assert (flown["referred"], flown["ref"]) == ("referred", "http://127.0.0.1:9/x.bin")
    assert flown["model"] == "alpha"
    assert flown["table"] == [[1, "x"], [2, "y"]]
    assert flown["of_run"] == [[1], [2]]


def test_a_draft_of_a_version_is_a_version_of_its_own(flown: dict[str, Any]) -> None:
    assert flown["draft"] == ["v3", ["a.txt", "draft.txt", "sub/b.bin"]]


def test_a_linked_version_is_found_under_both_names(flown: dict[str, Any]) -> None:
    assert flown["link"] == ["v0", True]


def test_a_version_can_be_described_anew(flown: dict[str, Any]) -> None:
    assert flown["first"] == ["v0", [["k", 2], ["n", 3]], "changed", ["tagged"]]
    assert flown["tagged"] == ["v0"]


def test_what_is_not_there_is_an_error(flown: dict[str, Any]) -> None:
    assert flown["missing"] == ["CommError"] * 3
    assert flown["exists"] == [True, False]


def test_deleting_takes_aliases_only_when_told_and_gives_latest_to_the_one_before(flown: dict[str, Any]) -> None:
    assert "delete_aliases=True" in flown["refused"]
    assert (flown["left"], flown["versions"]) == ("v2", ["v2", "v1", "v0"])


def test_lists_have_what_was_logged(flown: dict[str, Any]) -> None:
    assert flown["types"] == ["code", "dataset", "model", "result", "run_table"]
    assert flown["collections"] == ["chosen", "data", "refs"]
    assert flown["files"] == ["a.txt", "c.txt", "sub/b.bin"]


def test_runs_and_artifacts_know_of_each_other(flown: dict[str, Any]) -> None:
    assert flown["by"] == ["writer", ["reader"]]
    assert {"data:v0", "data:v1", "data:v2", "refs:v0", "tables:v0", "weights:v0"} <= set(flown["logged"])
    assert flown["used"] == ["data:v0", "data:v1", "data:v2", "refs:v0", "tables:v0", "weights:v0"]


def test_what_was_read_is_remembered_with_the_run_that_logged_it(flown: dict[str, Any]) -> None:
    asked = {(question.run, question.what) for question in flown["recorder"].asked}
    assert {("writer", "artifact:data:latest"), ("writer", "artifact:weights:prod")} <= asked
    assert ("", "artifact:none:latest") in asked
