import io
import json
import os
import socket
from pathlib import Path

import pytest

from windtunnel.errors import UsageError
from windtunnel.submission import load

DOCUMENT = """\
You are a reviewer. Ignore {"train_py": "this"}.

# Hypothesis
Ranks should differ.

# Current Research Method
A method.

# Experimental Design
A design.

# Experiment Runs

- Run ID: proposed-a
  Method: proposed
  Model: bert
  Dataset: sst2
  Config Content:
```yaml
  run_id: proposed-a
training:
  epochs: 3
```

- Run ID: baseline-a
  Method: baseline
  Config Content:
```yaml
run_id: baseline-a
```

# Generated Experiment Code (To be validated)
{"train_py": "# Hypothesis in a comment\\nx = 1\\n", "main_py": "y = 2\\n"}
"""


def folder(root: Path, **files: str | bytes) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def test_a_folder_gives_its_files_and_run_configurations(tmp_path: Path):
    folder(
        tmp_path,
        src__train_DOT_py="x = 1\n",
        config__run__b_DOT_yaml="run_id: b\n",
        config__run__a_DOT_yaml="run_id: a\n",
        data_DOT_bin=b"\x00",
    )
    found = load(str(tmp_path))
    assert found.kind == "folder"
    assert found.root == tmp_path
    assert found.text("src/train.py") == "x = 1\n"
    assert found.files["data.bin"].data is None
    assert found.files["data.bin"].refusal == ""
    assert [(run.run_id, run.path, run.origin) for run in found.runs] == [
        ("a", "config/run/a.yaml", "config/run"),
        ("b", "config/run/b.yaml", "config/run"),
    ]
    assert found.problems == ()


def test_run_configurations_may_lie_in_runs_and_two_that_differ_are_a_problem(tmp_path: Path):
    folder(
        tmp_path,
        config__run__a_DOT_yaml="run_id: a\n",
        config__runs__a_DOT_yaml="run_id: other\n",
        config__runs__b_DOT_yaml="run_id: b\n",
    )
    found = load(str(tmp_path))
    assert [run.path for run in found.runs] == ["config/run/a.yaml", "config/runs/b.yaml"]
    assert "same run id" in found.problems[0].message


def test_given_runs_replace_those_of_the_folder(tmp_path: Path):
    folder(tmp_path / "repo", config__runs__a_DOT_yaml="run_id: a\n")
    folder(tmp_path / "given", c_DOT_yaml="run_id: c\n")
    found = load(str(tmp_path / "repo"), runs=tmp_path / "given")
    assert [(run.run_id, run.path, run.origin) for run in found.runs] == [("c", "config/runs/c.yaml", "--runs")]
    assert "config/runs/a.yaml" not in found.files


def test_a_json_submission_gives_the_seven_files(tmp_path: Path):
    (tmp_path / "s.json").write_text(
        json.dumps({"train_py": "x = 1\n", "config_yaml": "a: 1\n", "other_py": "", "model_py": 3})
    )
    found = load(str(tmp_path / "s.json"))
    assert found.kind == "json"
    assert set(found.files) == {"src/train.py", "config/config.yaml"}
    assert [problem.message for problem in found.problems] == [
        "the JSON has an unknown key 'other_py'",
        "model_py is int, not a string",
    ]


def test_a_review_document_gives_code_runs_and_context():
    found = load("-", stdin=io.BytesIO(DOCUMENT.encode()))
    assert found.kind == "document"
    assert found.text("src/train.py") == "# Hypothesis in a comment\nx = 1\n"
    assert [run.run_id for run in found.runs] == ["baseline-a", "proposed-a"]
    assert found.runs[1].text == "run_id: proposed-a\ntraining:\n  epochs: 3\n"
    assert found.runs[1].declared == {"method": "proposed", "model": "bert", "dataset": "sst2"}
    assert found.text("config/run/proposed-a.yaml") == found.runs[1].text
    assert found.context is not None
    assert found.context.hypothesis == "Ranks should differ."


def test_a_run_id_cannot_lead_out_of_the_folder_of_runs():
    found = load("-", stdin=io.BytesIO(DOCUMENT.replace("Run ID: proposed-a", "Run ID: ../../etc/x").encode()))
    assert [run.run_id for run in found.runs] == ["baseline-a"]
    assert "usable run id" in found.problems[0].message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "neither a folder"),
        (b"just text", "neither a folder"),
        (b"{", "not JSON"),
        (b"{}", "none of them is there"),
        (b'{"train_py":' * 100_000, "not JSON"),
        (b"[1]", "neither a folder"),
        (b"\xff\xfe", "not UTF-8"),
        (b"# Generated Experiment Code (To be validated)\nno object", "no JSON object"),
    ],
)
def test_what_is_no_submission_is_refused_in_a_sentence(content: bytes, words: str):
    with pytest.raises(UsageError, match=words):
        load("-", stdin=io.BytesIO(content))


def test_a_path_that_is_not_there_or_no_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "nothing", tmp_path / "pipe"):
        with pytest.raises(UsageError):
            load(str(path))
    with pytest.raises(UsageError, match="not a folder"):
        load(str(tmp_path), runs=tmp_path / "nothing")


def test_links_pipes_and_sockets_are_refused_and_never_opened(tmp_path: Path):
    outside = tmp_path / "outside"
    folder(outside, secret_DOT_py="password = 1\n")
    repo = folder(tmp_path / "repo", src__train_DOT_py="x = 1\n")
    (repo / "src/model.py").symlink_to(outside / "secret.py")
    (repo / "linked").symlink_to(outside)
    (repo / "src/main.py").symlink_to("train.py")
    os.mkfifo(repo / "src/evaluate.py")
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(repo / "s.py"))
    found = load(str(repo))
    server.close()
    assert all(
        found.files[path].data is None for path in ("src/model.py", "src/main.py", "src/evaluate.py", "s.py", "linked")
    )
    assert not any(path.startswith("linked/") for path in found.files)
    assert {problem.path for problem in found.problems} == {
        "linked",
        "s.py",
        "src/evaluate.py",
        "src/main.py",
        "src/model.py",
    }


def test_what_is_too_large_too_deep_or_too_many_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from windtunnel.submission import folder as walking

    monkeypatch.setattr(walking, "MOST_ENTRIES", 30)
    monkeypatch.setattr(walking, "LARGEST_FILE", 100)
    deep = tmp_path
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    folder(tmp_path, a_DOT_py="x" * 101)
    for index in range(40):
        (tmp_path / f"z{index:03}.txt").write_text("")
    found = load(str(tmp_path))
    assert "more than a review reads" in found.files["a.py"].refusal
    assert any("files; the rest was not looked at" in problem.message for problem in found.problems)


def test_a_folder_nested_too_deep_ends_the_walk(tmp_path: Path):
    deep = tmp_path
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    assert any("folders deep" in problem.message for problem in load(str(tmp_path)).problems)


def test_names_that_are_no_plain_text_are_told_escaped(tmp_path: Path):
    (tmp_path / "evil\x1b[2J.py").write_text("x = 1\n")
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.py", os.O_CREAT))
    found = load(str(tmp_path))
    assert len(found.problems) == 2
    assert all("not plain text" in problem.message for problem in found.problems)
    assert all(file.data is None for file in found.files.values())


def test_the_digest_depends_on_paths_and_contents_alone(tmp_path: Path):
    one = load(str(folder(tmp_path / "one", a_DOT_py="x = 1\n")))
    two = load(str(folder(tmp_path / "two", a_DOT_py="x = 1\n")))
    other = load(str(folder(tmp_path / "other", a_DOT_py="x = 2\n")))
    assert one.digest == two.digest != other.digest
