from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import httpx
import pytest

from windtunnel.hub import Hub
from windtunnel.hub.protocol import Address, read_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MNLI = ("mnli", "mnli_matched", "mnli_mismatched")
FILE = "/datasets/nyu-mll/glue/resolve/main/rte/validation-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def client(store: Path) -> Iterator[httpx.Client]:
    with Hub(store=store) as hub, httpx.Client(base_url=hub.url, trust_env=False, timeout=60) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/api/models/a/b", Address("info", "model", "a/b")),
        ("/api/datasets/a/b/revision/abc", Address("info", "dataset", "a/b", "abc")),
        ("/api/datasets/a/b/tree/main/sst2/x", Address("tree", "dataset", "a/b", "main", "sst2/x")),
        ("/api/datasets/a/b/paths-info/main", Address("paths-info", "dataset", "a/b", "main")),
        ("/a/b/resolve/main/c/d.json", Address("resolve", "model", "a/b", "main", "c/d.json")),
        ("/datasets/a/b/resolve/main/c", Address("resolve", "dataset", "a/b", "main", "c")),
        ("/spaces/a/b/resolve/v1/glue.py", Address("resolve", "space", "a/b", "v1", "glue.py")),
        ("/gpt2/resolve/main/config.json", Address("resolve", "model", "gpt2", "main", "config.json")),
        ("/datasets/glue/resolve/main/c", Address("resolve", "dataset", "glue", "main", "c")),
        ("/api/datasets/a/b/revision/refs/convert/parquet", Address("info", "dataset", "a/b", "refs/convert/parquet")),
        ("/datasets/a/b/resolve/refs/convert/parquet/c/d",
         Address("resolve", "dataset", "a/b", "refs/convert/parquet", "c/d")),
        ("/api/datasets/a/b/refs", Address("refs", "dataset", "a/b")),
        ("/api/telemetry/datasets", None),
        ("/a/b/raw/main/config.json", None),
    ],
)  # fmt: skip
def test_a_url_path_is_read_as_the_real_hub_reads_it(path: str, address: Address | None) -> None:
    assert read_address(path) == address


def test_a_file_is_served_with_its_identity_and_in_ranges(client: httpx.Client) -> None:
    whole = client.get(FILE)
    head = client.head(FILE)
    assert head.content == b""
    assert head.headers["content-length"] == str(len(whole.content))
    assert head.headers["etag"] == whole.headers["etag"]
    assert len(whole.headers["x-repo-commit"]) == 40
    int(whole.headers["x-repo-commit"], 16)

    part = client.get(FILE, headers={"Range": "bytes=4-99"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 4-99/{len(whole.content)}"
    assert part.content == whole.content[4:100]
    assert client.get(FILE, headers={"Range": f"bytes={len(whole.content)}-"}).status_code == 416


@pytest.mark.parametrize(
    ("path", "status", "code", "message"),
    [
        ("/no/such/resolve/main/config.json", 401, "RepoNotFound", "'no/such' is not in windtunnel's catalogue"),
        ("/api/datasets/PolyAI/banking77", 401, "RepoNotFound", "--serve PolyAI/banking77=DIR"),
        ("/api/models/llama-2-7b-hf", 401, "RepoNotFound", "lives under an organisation"),
        ("/api/datasets/a--b/c", 401, "RepoNotFound", "has '--'"),
        ("/datasets/Idavidrein/gpqa/resolve/main/README.md", 401, "GatedRepo", "Access to dataset Idavidrein/gpqa"),
        ("/api/datasets/hendrycks/competition_math", 403, None, "Access to this resource is disabled."),
        ("/datasets/nyu-mll/glue/resolve/main/glue.py", 404, "EntryNotFound", "'glue.py'"),
        ("/datasets/nyu-mll/glue/resolve/v2/README.md", 404, "RevisionNotFound", "'v2'"),
        ("/api/datasets/nyu-mll/glue/tree/main/none", 404, "EntryNotFound", "'none'"),
        ("/api/telemetry/datasets", 404, None, "does not answer"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_refused_with_the_code_clients_map(
    client: httpx.Client, path: str, status: int, code: str | None, message: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers.get("x-error-code") == code
    assert message in answer.headers["x-error-message"]
    assert status == 403 or message in answer.json()["error"]


def test_an_older_name_is_redirected_with_all_that_follows_it(client: httpx.Client) -> None:
    for asked, target in {
        "/api/datasets/glue": "/api/datasets/nyu-mll/glue",
        "/datasets/gsm8k/resolve/refs%2Fconvert%2Fparquet/main/test/0000.parquet?download=true": (
            "/datasets/openai/gsm8k/resolve/refs%2Fconvert%2Fparquet/main/test/0000.parquet?download=true"
        ),
        "/bert-base-uncased/resolve/main/config.json": "/google-bert/bert-base-uncased/resolve/main/config.json",
    }.items():
        answer = client.get(asked)
        assert (answer.status_code, answer.headers["location"]) == (307, target)


def test_what_a_gated_repository_is_can_be_seen_and_its_files_only_with_accepted_terms(store: Path) -> None:
    token = {"Authorization": "Bearer hf_some"}
    name = "/datasets/Idavidrein/gpqa/resolve/main/README.md"
    with Hub(store=store) as hub, httpx.Client(base_url=hub.url, trust_env=False) as anybody:
        info = anybody.get("/api/datasets/Idavidrein/gpqa").json()
        assert (info["gated"], next(one["rfilename"] for one in info["siblings"])) == ("auto", "README.md")
        assert anybody.get("/api/datasets/Idavidrein/gpqa/auth-check").headers["x-error-code"] == "GatedRepo"
        assert anybody.get("/api/datasets/openai/gsm8k/auth-check").status_code == 200
        refused = anybody.get(name, headers=token)
        assert (refused.status_code, refused.headers["x-error-code"]) == (403, "GatedRepo")
        assert "not in the authorized list" in refused.headers["x-error-message"]
        assert hub.environment(store)["HF_TOKEN"] == ""
    with Hub(store=store, terms_accepted=True) as hub:
        assert hub.environment(store)["HF_TOKEN"] != ""
        assert httpx.get(f"{hub.url}{name}", trust_env=False).status_code == 401
    assert [request.code for request in hub.requests] == ["GatedRepo"]


def test_a_missing_repository_is_404_for_a_client_with_a_token(client: httpx.Client) -> None:
    answer = client.get("/api/datasets/no/such", headers={"Authorization": "Bearer hf_some"})
    assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")


def test_the_parquet_conversion_is_a_revision(client: httpx.Client) -> None:
    tree = client.get("/api/datasets/openai/gsm8k/tree/refs%2Fconvert%2Fparquet", params={"recursive": "true"}).json()
    assert "main/train/0000.parquet" in [item["path"] for item in tree]
    assert len(client.get("/api/datasets/openai/gsm8k/commits/main").json()) == 1
    refs = client.get("/api/datasets/openai/gsm8k/refs").json()
    assert [one["ref"] for one in refs["converts"]] == ["refs/convert/parquet"]
    assert client.get(f"/api/datasets/openai/gsm8k/revision/{refs['converts'][0]['targetCommit']}").status_code == 200


@pytest.mark.parametrize("step", ["../", "..%2f", "%2e%2e/", "/etc/"])
def test_no_path_leads_out_of_a_repository(client: httpx.Client, step: str) -> None:
    with client.stream("GET", f"/datasets/nyu-mll/glue/resolve/main/{step * 8}passwd") as answer:
        assert answer.status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(client: httpx.Client, method: str) -> None:
    assert client.request(method, FILE).status_code in {404, 405}
    assert client.get(FILE).status_code == 200


def test_a_tree_lists_one_level_or_all(client: httpx.Client) -> None:
    root = client.get("/api/datasets/nyu-mll/glue/tree/main").json()
    assert [item["path"] for item in root] == [
        "README.md",
        "ax",
        "cola",
        *MNLI,
        "mrpc",
        "qnli",
        "qqp",
        "rte",
        "sst2",
        "stsb",
        "wnli",
    ]
    rte = client.get("/api/datasets/nyu-mll/glue/tree/main/rte", params={"recursive": "false"}).json()
    assert {item["path"].split("/")[1].split("-")[0] for item in rte} == {"train", "validation", "test"}
    assert all(item["lfs"]["size"] == item["size"] for item in rte)
    everything = client.get("/api/datasets/nyu-mll/glue/tree/main", params={"recursive": "true"}).json()
    assert len(everything) == 1 + 12 + 1 + 5 + 2 + 2 + 8 * 3


def test_paths_info_describes_what_exists(client: httpx.Client) -> None:
    asked = {"paths": ["rte", "rte/train-00000-of-00001.parquet", "gone"], "expand": "false"}
    answer = client.post("/api/datasets/nyu-mll/glue/paths-info/main", data=asked).json()
    assert [(item["path"], item["type"]) for item in answer] == [
        ("rte", "directory"),
        ("rte/train-00000-of-00001.parquet", "file"),
    ]


def test_a_model_that_cannot_be_made_says_so_to_the_client_and_once_to_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    with Hub(store=tmp_path) as hub:
        answers = [httpx.get(f"{hub.url}/api/models/microsoft/deberta-v3-base", trust_env=False) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {404}
    assert "pip install 'windtunnel[miniatures]'" in answers[1].headers["x-error-message"]
    assert hub.failures == [answers[0].json()["error"]]
