"""What a client that is not W&B's can do: nothing without the key or a token, and no malformed request is a fault."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from windtunnel.recorder import Recorder, app, blobs

if TYPE_CHECKING:
    from collections.abc import Iterator

UPSERT = """mutation UpsertBucket($name: String!, $config: JSONString) {
  upsertBucket(input: {modelName: "p", entityName: "e", name: $name, config: $config}) { bucket { id } inserted } }"""
CREATE_FILES = """mutation CreateRunFiles($files: [String!]!) {
  createRunFiles(input: {entityName: "e", projectName: "p", runName: "r", files: $files}) {
    runID files { name uploadUrl } } }"""
FILES = '{ project(name: "p", entityName: "e") { run(name: "r") { files { edges { node { name url sizeBytes } } } } } }'
STREAM = "/files/e/p/r/file_stream"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with Recorder(tmp_path_factory.mktemp("app") / "recorder.sqlite") as started:
        yield started


@pytest.fixture
def recorder(server: Recorder) -> Iterator[Recorder]:
    """The module's server without runs; to start one for each test would take most of the time."""
    yield server
    for run in server.store.runs():
        server.store.delete(run.key)


@pytest.fixture
def http(recorder: Recorder) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=recorder.url, auth=("api", recorder.api_key), timeout=20) as client:
        yield client


def ask(http: httpx.Client, query: str, **variables: Any) -> dict[str, Any]:
    response = http.post("/graphql", json={"query": query, "variables": variables, "operationName": ""})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def begin(http: httpx.Client) -> None:
    assert ask(http, UPSERT, name="r")["data"]["upsertBucket"]["inserted"] is True


def upload_url(http: httpx.Client, name: str) -> str:
    (file,) = ask(http, CREATE_FILES, files=[name])["data"]["createRunFiles"]["files"]
    assert file["name"] == name
    return str(file["uploadUrl"])


def row(step: int, **values: float) -> str:
    return json.dumps({"_step": step, **values})


def post_history(http: httpx.Client, offset: int, lines: list[str]) -> httpx.Response:
    return http.post(STREAM, json={"files": {"wandb-history.jsonl": {"offset": offset, "content": lines}}})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Basic YXBpOndyb25n"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic \xff"},
    ],
)
@pytest.mark.parametrize("path", ["/graphql", STREAM])
def test_no_request_is_served_without_the_key(recorder: Recorder, path: str, headers: dict[str, str]) -> None:
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    response = httpx.post(recorder.url + path, json={"query": "{ viewer { id } }"}, headers=encoded)
    assert response.status_code == 401
    assert "WANDB_API_KEY" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"7",
        b"null",
        b'"text"',
        b'{"query": 7}',
        b'{"query": "{ viewer { id } }", "variables": 3}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_a_malformed_operation_is_a_bad_request(http: httpx.Client, body: bytes) -> None:
    assert http.post("/graphql", content=body).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "{",
        "",
        "{ nothing }",
        "mutation { createArtifact(input: {}) { id } }",
        "{ viewer { secret } }",
        "query A { viewer { id } } query B { viewer { id } }",
    ],
)
def test_an_unknown_operation_is_answered_with_errors(http: httpx.Client, query: str) -> None:
    answer = ask(http, query)
    assert answer["errors"]
    assert answer["data"] is None


@pytest.mark.parametrize(
    "field",
    [
        'sampledHistory(specs: ["{"])',
        'sampledHistory(specs: ["[]"])',
        'sampledHistory(specs: ["{\\"keys\\": 3}"])',
        'sampledHistory(specs: ["{\\"keys\\": [\\"a\\"], \\"samples\\": \\"many\\"}"])',
        'files(after: "nowhere") { edges { node { name } } }',
        'logLines(after: "-1") { edges { node { line } } }',
    ],
)
def test_a_malformed_argument_is_an_error_that_is_no_fault(http: httpx.Client, field: str) -> None:
    begin(http)
    answer = ask(http, '{ project(name: "p", entityName: "e") { run(name: "r") { ' + field + " } } }")
    assert "a fault of the recorder" not in answer["errors"][0]["message"]


@pytest.mark.parametrize("config", ["{", "[1]", "3"])
def test_a_configuration_that_is_no_object_is_refused(http: httpx.Client, recorder: Recorder, config: str) -> None:
    assert "config" in ask(http, UPSERT, name="r", config=config)["errors"][0]["message"]
    assert recorder.store.runs() == []


@pytest.mark.parametrize("name", ["", "a/b", "a?b"])
def test_a_name_that_is_no_run_id_is_refused(http: httpx.Client, recorder: Recorder, name: str) -> None:
    assert ask(http, UPSERT, name=name)["errors"]
    assert recorder.store.runs() == []


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'{"files": 3}',
        b'{"files": {"wandb-history.jsonl": 3}}',
        b'{"files": {"wandb-history.jsonl": {"offset": -1, "content": []}}}',
        b'{"files": {"wandb-history.jsonl": {"offset": "0", "content": []}}}',
        b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": [3]}}}',
        b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{"]}}}',
        b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["[]"]}}}',
        b'{"files": {"wandb-history.jsonl": {"offset": 0, "content": ["{\\"a\\": \\"\\ud800\\"}"]}}}',
        b'{"files": {"wandb-summary.json": {"offset": 0, "content": ["[]"]}}}',
        b'{"complete": true, "exitcode": "none"}',
    ],
)
def test_a_malformed_stream_is_a_bad_request_and_leaves_nothing(
    http: httpx.Client, recorder: Recorder, body: bytes
) -> None:
    begin(http)
    assert http.post(STREAM, content=body).status_code == 400
    assert recorder.store.history("e", "p", "r") == []
    assert recorder.store.runs()[0].state == "running"


def test_a_repeated_chunk_adds_no_rows(http: httpx.Client, recorder: Recorder) -> None:
    begin(http)
    lines = [row(0, loss=3.0), row(1, loss=2.0)]
    for _ in range(2):
        assert post_history(http, 0, lines).status_code == 200
    assert post_history(http, 0, [*lines, row(2, loss=1.0)]).status_code == 200
    assert post_history(http, 2, [row(2, loss=1.0)]).status_code == 200
    assert [r["loss"] for r in recorder.store.history("e", "p", "r")] == [3.0, 2.0, 1.0]


def test_a_stream_of_an_unknown_run_is_not_found(http: httpx.Client) -> None:
    assert post_history(http, 0, [row(0)]).status_code == 404


def test_a_body_beyond_the_bound_is_refused(http: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MAX_BODY_BYTES", 1000)
    assert http.post("/graphql", content=b" " * 1001).status_code == 413


def test_a_file_beyond_the_bound_is_refused_and_leaves_nothing(
    http: httpx.Client, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "MAX_FILE_BYTES", 1000)
    begin(http)
    assert httpx.put(upload_url(http, "big"), content=b"x" * 1001).status_code == 413
    assert recorder.store.files("e", "p", "r") == []


def test_a_file_goes_in_and_out_at_signed_addresses_without_the_key(http: httpx.Client) -> None:
    begin(http)
    for content in (b"first", b"", b"the second version"):
        assert httpx.put(upload_url(http, "./sub/../my file.txt"), content=content).status_code == 200
        (edge,) = ask(http, FILES)["data"]["project"]["run"]["files"]["edges"]
        assert (edge["node"]["name"], edge["node"]["sizeBytes"]) == ("my file.txt", len(content))
        assert httpx.get(edge["node"]["url"]).content == content


def test_an_address_opens_one_file_in_one_direction(http: httpx.Client, recorder: Recorder) -> None:
    begin(http)
    write = upload_url(http, "a.txt")
    httpx.put(write, content=b"a")
    read = ask(http, FILES)["data"]["project"]["run"]["files"]["edges"][0]["node"]["url"]
    token = urlsplit(write).path.split("/")[4]
    assert httpx.put(write.replace("a.txt", "b.txt"), content=b"b").status_code == 403
    assert httpx.put(write.replace(token, "0" * 64), content=b"b").status_code == 403
    assert httpx.get(read.replace(urlsplit(read).path.split("/")[4], token)).status_code == 403
    assert httpx.get(write).status_code == 405
    # The key of an account opens no address by itself.
    assert http.get(f"/storage/read/1/{'0' * 64}/a.txt").status_code == 403
    assert [file.name for file in recorder.store.files("e", "p", "r")] == ["a.txt"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "", ".", "a\nb"])
def test_no_file_name_leaves_the_run(http: httpx.Client, name: str) -> None:
    begin(http)
    assert "no file name inside a run" in ask(http, CREATE_FILES, files=[name])["errors"][0]["message"]


def test_the_answers_never_carry_the_key(http: httpx.Client, recorder: Recorder) -> None:
    everything = "{ viewer { id name username email flags entity apiKeys { edges { node { id name } } } } }"
    assert recorder.api_key not in json.dumps(ask(http, everything))


def test_a_full_disk_is_an_error_the_client_does_not_repeat(http: httpx.Client, recorder: Recorder) -> None:
    begin(http)
    with recorder.store.database.transaction() as connection:
        connection.execute("PRAGMA max_page_count = 1")
    try:
        response = post_history(http, 0, [row(i, loss=0.5) for i in range(20_000)])
        assert response.status_code == 400
        assert "recorder.sqlite" in response.json()["error"]
    finally:
        with recorder.store.database.transaction() as connection:
            connection.execute("PRAGMA max_page_count = 1073741823")
    assert recorder.store.history("e", "p", "r") == []
    assert post_history(http, 0, [row(0, loss=0.5)]).status_code == 200
