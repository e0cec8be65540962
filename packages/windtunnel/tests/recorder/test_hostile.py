"""A client that means harm gets errors; the log stays free of faults, and nothing is written beside the database."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from windtunnel.recorder import Recorder, app, blobs, graph, history
from windtunnel.recorder.filestream import StreamPost

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UPSERT = 'mutation { upsertBucket(input: {modelName: "p", entityName: "e", name: "r"}) { inserted } }'
CREATE = """mutation($input: CreateArtifactInput!) { createArtifact(input: $input) { artifact { id state } } }"""
MANIFEST = """mutation($id: ID!, $name: String!, $type: ArtifactManifestType!, $base: ID) {
  createArtifactManifest(input: {artifactID: $id, name: $name, digest: "d", entityName: "e", projectName: "p",
    type: $type, baseArtifactID: $base}) { artifactManifest { id file { uploadUrl } } } }"""
FILES = """mutation($files: [CreateArtifactFileSpecInput!]!) { createArtifactFiles(input: {artifactFiles: $files}) {
  files { edges { node { uploadUrl uploadHeaders } } } } }"""
ARTIFACT_FILES = "query($id: ID!) { artifact(id: $id) { files { edges { node { name url } } } } }"
COMMIT = "mutation($id: ID!) { commitArtifact(input: {artifactID: $id}) { artifact { id state versionIndex size } } }"
RUN = '{ project(name: "p", entityName: "e") { run(name: "r") { %s } } }'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with Recorder(tmp_path_factory.mktemp("hostile") / "folder" / "recorder.sqlite") as started:
        yield started


@pytest.fixture
def http(server: Recorder, caplog: pytest.LogCaptureFixture) -> Iterator[httpx.Client]:
    """A client that knows the key; afterwards no fault is in the log and no file beside the database's."""
    with (
        caplog.at_level(logging.WARNING),
        httpx.Client(base_url=server.url, auth=("api", server.api_key), timeout=60) as client,
    ):
        assert ask(client, UPSERT)["data"]
        yield client
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    folder = server.store.database.path.parent
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in folder.iterdir()} == {"recorder.sqlite"}
    assert list(folder.parent.iterdir()) == [folder]
    for run in server.store.runs():
        server.store.delete(run.key)
    for collection in server.store.artifacts.collections.of_project("e", "p"):
        server.store.artifacts.collections.delete(collection.key)


def ask(http: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    response = http.post("/graphql", content=json.dumps({"query": query, "variables": variables}))
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def create(http: httpx.Client, digest: str = "d", **changes: Any) -> dict[str, Any]:
    values = {"entityName": "e", "projectName": "p", "runName": "r", "artifactTypeName": "t", "digest": digest}
    return ask(http, CREATE, input={**values, "artifactCollectionName": "a", **changes})


def begin(http: httpx.Client, digest: str = "d") -> str:
    return str(create(http, digest)["data"]["createArtifact"]["artifact"]["id"])


def upload_manifest(
    http: httpx.Client, key: str, content: bytes, *, kind: str = "FULL", base: str | None = None
) -> httpx.Response:
    made = ask(http, MANIFEST, id=key, name="wandb_manifest.json", type=kind, base=base)["data"]
    return httpx.put(made["createArtifactManifest"]["artifactManifest"]["file"]["uploadUrl"], content=content)


def manifest(**contents: Any) -> bytes:
    return json.dumps({"version": 1, "contents": contents}).encode()


def upload_file(http: httpx.Client, key: str, name: str, content: bytes, *, claimed: bytes | None = None) -> int:
    md5 = base64.b64encode(
        hashlib.md5(content if claimed is None else claimed, usedforsecurity=False).digest()
    ).decode()
    spec = {"artifactID": key, "name": name, "md5": md5}
    (edge,) = ask(http, FILES, files=[spec])["data"]["createArtifactFiles"]["files"]["edges"]
    headers = dict(header.split(":", 1) for header in edge["node"]["uploadHeaders"])
    return httpx.put(edge["node"]["uploadUrl"], content=content, headers=headers).status_code


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/../../x", "", ".", "..", "a\nb", "a\0b", "..\\x", "x" * 2000]
)
def test_no_file_of_an_artifact_leaves_it(http: httpx.Client, name: str) -> None:
    key = begin(http)
    answer = ask(http, FILES, files=[{"artifactID": key, "name": name, "md5": ""}])
    assert "no file name inside" in answer["errors"][0]["message"]
    answer = ask(http, MANIFEST, id=key, name=name or "..", type="FULL")
    assert "no file name inside" in answer["errors"][0]["message"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"contents": []}',
        b'{"contents": {"a": 3}}',
        b'{"contents": {"a": {}}}',
        b'{"contents": {"a": {"digest": "x", "size": "many"}}}',
        b'{"contents": {"a": {"digest": "x", "size": -1}}}',
        b'{"contents": {"a": {"digest": "x", "birthArtifactID": 7}}}',
        b'{"contents": {"../a": {"digest": "x"}}}',
        b'{"contents": {"/etc/passwd": {"digest": "x"}}}',
        b"[" * 100_000,
        b"\xff",
    ],
)
def test_what_is_no_manifest_commits_nothing(http: httpx.Client, server: Recorder, content: bytes) -> None:
    key = begin(http)
    assert upload_manifest(http, key, content).status_code == 200
    assert ask(http, COMMIT, id=key)["errors"]
    assert server.store.artifacts.find("e", "p", "a") is None


def test_nothing_is_committed_without_a_manifest(http: httpx.Client) -> None:
    key = begin(http)
    assert "no manifest" in ask(http, COMMIT, id=key)["errors"][0]["message"]


def test_a_file_that_is_not_what_was_announced_is_refused(http: httpx.Client, server: Recorder) -> None:
    key = begin(http)
    assert upload_file(http, key, "f", b"content", claimed=b"other") == 400
    assert server.store.artifacts.files.of(int(key)) == []
    assert upload_file(http, key, "f", b"content") == 200


def test_a_committed_version_never_changes(http: httpx.Client, server: Recorder) -> None:
    key = begin(http)
    spec = {"artifactID": key, "name": "f", "md5": ""}
    (edge,) = ask(http, FILES, files=[spec])["data"]["createArtifactFiles"]["files"]["edges"]
    assert upload_manifest(http, key, manifest(f={"digest": "x", "size": 3})).status_code == 200
    assert ask(http, COMMIT, id=key)["data"]["commitArtifact"]["artifact"]["versionIndex"] == 0
    assert httpx.put(edge["node"]["uploadUrl"], content=b"late").status_code == 404
    for query, variables in ((FILES, {"files": [spec]}), (MANIFEST, {"id": key, "name": "m", "type": "FULL"})):
        assert "can no longer change" in ask(http, query, **variables)["errors"][0]["message"]
    assert server.store.artifacts.files.of(int(key)) == []


def test_a_manifest_that_names_what_nobody_uploaded_gives_no_file(http: httpx.Client) -> None:
    key = begin(http)
    wild = {"digest": "!!", "birthArtifactID": "9" * 30}
    assert upload_manifest(http, key, manifest(x=wild, y=wild)).status_code == 200
    assert ask(http, COMMIT, id=key)["data"]
    answer = ask(http, ARTIFACT_FILES, id=key)
    assert "errors" not in answer
    files = answer["data"]["artifact"]["files"]
    assert [edge["node"]["url"] for edge in files["edges"]] == ["", ""]
    for path in ("x/y/z", f"default/e/{key}/00/../../etc/passwd", "1", f"e/{key}/{'0' * 32}/n", "e/-1/00/n", ""):
        assert http.get(f"/artifactsV2/{path}").status_code == 404
    assert httpx.get(f"{http.base_url}/artifactsV2/e/{key}/{'0' * 32}/n").status_code == 401


def test_parts_of_a_version_become_one(http: httpx.Client, server: Recorder) -> None:
    base = begin(http)
    assert upload_file(http, base, "a", b"a") == 200
    digest = base64.b64encode(hashlib.md5(b"a", usedforsecurity=False).digest()).decode()
    upload_manifest(http, base, manifest(a={"digest": digest, "size": 1}, gone={"digest": "x", "ref": "s3://b"}))
    ask(http, COMMIT, id=base)
    key = begin(http, "e")
    upload_manifest(http, key, manifest(b={"digest": "b", "size": 2}), kind="INCREMENTAL", base=base)
    upload_manifest(http, key, manifest(c={"digest": "c", "size": 3}), kind="PATCH")
    artifact = ask(http, COMMIT, id=key)["data"]["commitArtifact"]["artifact"]
    assert (artifact["versionIndex"], artifact["size"]) == (1, 6)
    entries = {entry.path: entry for entry in server.store.artifacts.manifests.entries(int(key))}
    assert sorted(entries) == ["a", "b", "c", "gone"]
    file = server.store.artifacts.manifests.file(int(key), entries["a"])
    assert file is not None
    assert (file.md5, entries["a"].birth, entries["gone"].birth) == (digest, base, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"artifactCollectionName": "a/b"},
        {"artifactCollectionName": "a:b"},
        {"artifactCollectionName": ""},
        {"artifactCollectionName": "x" * 200},
        {"artifactTypeName": ""},
        {"runName": "none"},
        {"metadata": "{"},
        {"metadata": {"a": 1}},
        {"labels": 7},
        {"historyStep": 2**70},
        {"historyStep": "x"},
        {"description": "\ud800"},
        {"digest": None},
        {"digestAlgorithm": "ROT13"},
        {"unknown": 1},
    ],
)
def test_an_artifact_that_cannot_be_is_refused(http: httpx.Client, server: Recorder, changes: dict[str, Any]) -> None:
    assert create(http, **changes)["errors"]
    assert server.store.artifacts.collections.of_project("e", "p") == []


@pytest.mark.parametrize("junk", ["' OR 1=1 --", '"; DROP TABLE runs; --', "%", "_", "\u202e", "ü" * 50])
def test_names_are_never_sql(http: httpx.Client, server: Recorder, junk: str) -> None:
    key = begin(http)
    upload_manifest(http, key, manifest())
    ask(http, COMMIT, id=key)
    query = (
        'query($n: String!) { project(name: "p", entityName: "e") { run(name: $n) { id } artifact(name: $n) { id } } }'
    )
    assert ask(http, query, n=junk)["data"] == {"project": {"run": None, "artifact": None}}
    assert ask(http, query.replace("$n) { id } artifact(name: $n)", '"r") { id } artifact(name: $n)'), n=f"a:{junk}")
    assert [run.name for run in server.store.runs()] == ["r"]


@pytest.mark.parametrize("key", ["0", "-1", "9" * 18, "9" * 40, "1 OR 1", "²", "x", ""])
@pytest.mark.parametrize(
    "query",
    [
        "query($id: ID!) { artifact(id: $id) { id currentManifest { id } } }",
        "query($id: ID!) { artifactCollection(id: $id) { name } }",
        COMMIT,
        "mutation($id: ID!) { updateArtifact(input: {artifactID: $id}) { artifact { id } } }",
        "mutation($id: ID!) { deleteArtifact(input: {artifactID: $id}) { artifact { id } } }",
        "mutation($id: ID!) { updateArtifactManifest(input: {artifactManifestID: $id}) { artifactManifest { id } } }",
        "mutation($id: ID!) { deleteArtifactSequence(input: {artifactSequenceID: $id}) { artifactCollection { id } } }",
        'mutation($id: ID!) { updateRunState(input: {id: $id, state: "finished"}) { success } }',
        "mutation($id: ID!) { deleteRun(input: {id: $id}) { success } }",
        """mutation($id: ID!) { useArtifact(input: {artifactID: $id, entityName: "e", projectName: "p", runName: "r"}) {
          artifact { id } } }""",
    ],
)
def test_ids_that_are_none_find_nothing(http: httpx.Client, query: str, key: str) -> None:
    answer = ask(http, query, id=key)
    assert answer.get("errors") or set(answer["data"].values()) == {None}


def test_an_alias_of_a_version_elsewhere_cannot_be_taken(http: httpx.Client) -> None:
    key = begin(http)
    alias = {"entityName": "e", "projectName": "p", "artifactCollectionName": "b", "alias": "x"}
    query = """mutation($a: [ArtifactCollectionAliasInput!]!, $id: ID!) {
      addAliases(input: {artifactID: $id, aliases: $a}) { success } }"""
    assert "is not in e/p/b" in ask(http, query, id=key, a=[alias])["errors"][0]["message"]


def test_a_query_without_end_is_cut(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "MAX_FIELDS", 1000)
    inner = "name"
    for _ in range(30):
        inner = f"project {{ runs {{ edges {{ node {{ a: name b: name {inner} }} }} }} }}"
    for i in range(4):
        ask(http, UPSERT.replace('"r"', f'"r{i}"'))
    answer = ask(http, RUN % inner)
    assert "more than 1000 fields" in answer["errors"][0]["message"]
    assert len(answer["errors"]) <= 50
    assert http.post("/graphql", json={"query": "{ viewer { id } }" + " " * 40_000}).status_code == 400


def test_deep_nesting_is_an_error(http: httpx.Client) -> None:
    assert ask(http, UPSERT)["data"]
    nested = "project { " * 2000 + "name" + " }" * 2000
    response = http.post("/graphql", json={"query": RUN % nested})
    assert response.status_code == 400 or response.json()["errors"]
    deep: dict[str, Any] = {"$not": {}}
    for _ in range(400):
        deep = {"$not": deep}
    answer = ask(
        http,
        'query($f: JSONString) { project(name: "p", entityName: "e") { runCount(filters: $f) } }',
        f=json.dumps(deep),
    )
    assert "data" in answer


def test_a_pattern_that_would_take_for_ever_does_not(http: httpx.Client, server: Recorder) -> None:
    run = server.store.run("e", "p", "r")
    assert run is not None
    server.store.update(run.key, fields={"display_name": "a" * 4000 + "!"})
    query = 'query($f: JSONString) { project(name: "p", entityName: "e") { runCount(filters: $f) } }'
    for pattern in ("(a+)+$", "^(a|aa)*$", "^(([a-z])+.)+[A-Z]([a-z])+$"):
        assert ask(http, query, f=json.dumps({"display_name": {"$regex": pattern}}))["data"]["project"]["runCount"] == 0
    upload = server.store.blobs.upload(run.key, "a" * 1000)
    upload.finish()
    assert (
        ask(http, RUN % 'files(pattern: "%s") { edges { node { name } } }' % ("%a" * 400 + "b"))["data"]["project"][
            "run"
        ]["files"]["edges"]
        == []
    )


@pytest.mark.parametrize(
    "config", ['{"_wandb": 3}', '{"_wandb": {"value": []}}', '{"a": {"value": NaN}}', '{"": null}', '{"\\ud800": 1}']
)
def test_a_strange_configuration_is_kept_or_refused(http: httpx.Client, server: Recorder, config: str) -> None:
    query = """mutation($c: JSONString) {
      upsertBucket(input: {modelName: "p", entityName: "e", name: "r", config: $c}) {
        bucket { config wandbConfig(keys: ["t"]) } } }"""
    answer = ask(http, query, c=config)
    assert answer.get("errors") or answer["data"]["upsertBucket"]["bucket"]["wandbConfig"] == "{}"
    assert len(server.recorded()) == 1


def test_rows_of_any_shape_are_read_back(http: httpx.Client, server: Recorder) -> None:
    rows = ['{"_step": 1e300}', '{"_step": "x", "": {"": {}}}', '{"a": {"_type": 7}}', '{"a": [[[]]], "b": null}', "{}"]
    post = {"files": {"wandb-history.jsonl": {"offset": 0, "content": rows}}, "unknown": 3}
    assert http.post("/files/e/p/r/file_stream", json=post).status_code == 200
    fields = 'history historyKeys events sampledHistory(specs: ["{}"]) systemMetrics summaryMetrics historyTail'
    answer = ask(http, RUN % fields)
    assert "errors" not in answer
    assert len(answer["data"]["project"]["run"]["history"]) == 5
    assert server.recorded()[0].steps == 5


def test_too_much_at_once_is_put_off(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_BUFFERED_BYTES", 1000)
    for _ in range(2):
        assert http.post("/graphql", content=b" " * 1001).status_code == 429
    assert ask(http, "{ viewer { id } }")["data"]


def test_an_answer_beyond_the_bound_is_an_error(
    http: httpx.Client, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_ANSWER_CHARACTERS", 1000)
    run = server.store.run("e", "p", "r")
    assert run is not None
    lines = [json.dumps({"_step": i, "a": i}) for i in range(100)]
    server.store.apply(run.key, StreamPost({"wandb-history.jsonl": (0, lines)}))
    for field in ("history(samples: 100)", "history(minStep: 0, maxStep: 100)", 'sampledHistory(specs: ["{}"])'):
        assert "more than 1000 characters" in ask(http, RUN % field)["errors"][0]["message"]
    assert len(ask(http, RUN % "history(samples: 10)")["data"]["project"]["run"]["history"]) == 10


def test_a_file_of_an_artifact_beyond_the_bound_is_refused(
    http: httpx.Client, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "MAX_FILE_BYTES", 1000)
    key = begin(http)
    assert upload_file(http, key, "big", b"0" * 1001) == 413
    assert server.store.artifacts.files.of(int(key)) == []


def test_a_database_that_is_full_is_an_error_and_what_it_has_stays(tmp_path: Path) -> None:
    with Recorder(tmp_path / "recorder.sqlite", max_bytes=2 << 20) as recorder:
        with httpx.Client(base_url=recorder.url, auth=("api", recorder.api_key), timeout=60) as http:
            ask(http, UPSERT)
            run = recorder.store.run("e", "p", "r")
            assert run is not None
            recorder.store.apply(run.key, StreamPost({"wandb-history.jsonl": (0, ['{"_step": 0}'])}))
            key = begin(http)
            assert upload_file(http, key, "f", b"0" * (4 << 20)) == 400
            assert recorder.store.history("e", "p", "r") == [{"_step": 0}]
            assert ask(http, "{ viewer { id } }")["data"]
        assert (tmp_path / "recorder.sqlite").stat().st_size <= 2 << 20


def test_addresses_of_files_never_lead_elsewhere(http: httpx.Client, server: Recorder) -> None:
    key = begin(http)
    query = {"query": FILES, "variables": {"files": [{"artifactID": key, "name": "f", "md5": ""}]}}
    response = http.post("/graphql", json=query, headers={"Host": "elsewhere:7"})
    (edge,) = response.json()["data"]["createArtifactFiles"]["files"]["edges"]
    assert edge["node"]["uploadUrl"].startswith(f"{server.url}/")
