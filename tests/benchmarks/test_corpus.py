"""Which finding answers which label, what the tables say of it, and what is refused."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.corpus.__main__ import main
from benchmarks.corpus.labels import CorpusError, Label, Snapshot, read_judgements, read_labels
from benchmarks.corpus.measure import review
from benchmarks.corpus.tables import as_json, details, judge, recall_table, summary, totals

from windtunnel.errors import UsageError
from windtunnel.findings import Finding, Place, Severity
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from pathlib import Path

CATEGORIES = {"CFG001": ("cfg-key-missing",), "DEP001": ("deps-not-pep621", "dep-missing"), "NOP001": ()}


def finding(
    code: str,
    path: str,
    *related: str,
    severity: Severity = Severity.BLOCKER,
    line: int = 3,
    stage: Stage | None = None,
) -> Finding:
    places = tuple(Place(other) for other in related)
    return Finding(code, 2, severity, f"{code} says so", Place(path, line), related=places, stage=stage)


def snapshot(*labels: Label, findings: tuple[Finding, ...] = (), trained: bool = False, name: str = "one") -> Snapshot:
    made = Snapshot(name, trained, labels, findings)
    made.match(CATEGORIES)
    return made


def test_a_blocker_of_the_category_at_the_file_answers_a_label() -> None:
    label = Label("cfg-key-missing", "src/train.py")
    made = snapshot(label, findings=(finding("CFG001", "src/train.py"),))
    assert made.found(label)
    assert made.unlabelled == []


def test_a_related_place_counts_as_the_file() -> None:
    label = Label("cfg-key-missing", "config/config.yaml")
    assert snapshot(label, findings=(finding("CFG001", "src/train.py", "config/config.yaml"),)).found(label)


@pytest.mark.parametrize(
    ("labelled", "reported"),
    [("config/runs/a.yaml", "config/run/a.yaml"), ("config/run/a.yaml", "config/runs/a.yaml")],
)
def test_both_names_of_the_run_folder_are_one(labelled: str, reported: str) -> None:
    label = Label("cfg-key-missing", labelled)
    assert snapshot(label, findings=(finding("CFG001", reported),)).found(label)
    assert not snapshot(label, findings=(finding("CFG001", "config/run/b.yaml"),)).found(label)


def test_another_file_of_the_category_counts_as_anywhere_and_has_no_label() -> None:
    label = Label("cfg-key-missing", "src/train.py")
    made = snapshot(label, findings=(finding("CFG001", "src/model.py"),))
    assert not made.found(label)
    assert made.anywhere(label)
    assert len(made.unlabelled) == 1


@pytest.mark.parametrize(
    "other",
    [finding("DEP001", "src/train.py"), finding("NOP001", "src/train.py"), finding("NEW001", "src/train.py")],
)
def test_a_rule_of_another_category_answers_nothing(other: Finding) -> None:
    label = Label("cfg-key-missing", "src/train.py")
    made = snapshot(label, findings=(other,))
    assert not made.anywhere(label)
    assert made.unlabelled == [other]


@pytest.mark.parametrize("severity", [Severity.UNDECIDED, Severity.WARNING, Severity.NOTE])
def test_only_a_blocker_answers_a_blocking_label_and_anything_one_that_does_not_block(severity: Severity) -> None:
    found = (finding("CFG001", "src/train.py", severity=severity),)
    blocking = Label("cfg-key-missing", "src/train.py")
    lesser = Label("cfg-key-missing", "src/train.py", blocking=False)
    assert not snapshot(blocking, findings=found).found(blocking)
    assert snapshot(lesser, findings=found).found(lesser)


def test_a_blocker_that_answers_only_a_label_that_does_not_block_is_unlabelled() -> None:
    made = snapshot(
        Label("cfg-key-missing", "src/train.py", blocking=False), findings=(finding("CFG001", "src/train.py"),)
    )
    assert len(made.unlabelled) == 1


def test_sums_part_what_the_files_show_from_what_needs_a_run() -> None:
    made = snapshot(
        Label("cfg-key-missing", "src/train.py"),
        Label("autograd", "src/train.py"),
        Label("dep-missing", "pyproject.toml", statically_detectable="needs-run"),
        Label("cfg-key-missing", "src/model.py", blocking=False),
        findings=(finding("CFG001", "src/train.py"), finding("DEP001", "pyproject.toml")),
    )
    assert totals([made]) == {"static": (1, 2), "headline": (1, 1), "needs a run": (1, 1)}


def test_the_table_begins_with_the_category_that_has_most_labels() -> None:
    made = snapshot(
        Label("autograd", "src/train.py"),
        Label("cfg-key-missing", "src/train.py"),
        Label("cfg-key-missing", "src/model.py"),
        findings=(finding("CFG001", "src/train.py"),),
    )
    rows = [line.split() for line in recall_table([made], blocking=True).splitlines()[3:]]
    assert rows[0] == ["cfg-key-missing", "2", "1", "2", "1", "2", "50.0", "%"]
    assert rows[1] == ["autograd", "1", "0", "1", "0", "0", "0.0", "%"]
    assert rows[2][:5] == ["in", "all", "3", "1", "3"]
    assert "cfg-key-missing" not in recall_table([made], blocking=False)


def test_judgements_are_matched_by_place_and_stale_ones_are_told() -> None:
    made = snapshot(
        findings=(finding("CFG001", "a.py", line=1), finding("CFG001", "a.py", line=2), finding("NOP001", "b.py"))
    )
    judged = {
        ("one", "CFG001", "a.py", 1): "right",
        ("one", "CFG001", "a.py", 2): "wrong",
        ("two", "X", "a", 1): "right",
    }
    assert judge([made], judged) == {"right": 1, "wrong": 1, "unjudged": 1}
    told = summary([made], judged, cold=0.5)
    assert "1 right, 1 wrong, 0 unclear, 1 unjudged; wrong of those decided: 50.0 %" in told
    assert "1 judgements are of blockers that are not there, such as ('two', 'X', 'a', 1)" in told


def test_a_blocker_of_training_is_told_where_training_ran_to_completion() -> None:
    training = finding("CFG001", "src/train.py", stage=Stage.TRIAL)
    later = finding("NOP001", "src/evaluate.py", stage=Stage.EVALUATION)
    told = summary([snapshot(findings=(training, later), trained=True)], None, cold=0.5)
    assert "(1 snapshots): one CFG001 src/train.py:3\n" in told
    told = summary([snapshot(findings=(later,), trained=True), snapshot(findings=(training,))], None, cold=0.5)
    assert "(1 snapshots): none\n" in told


def test_details_name_what_was_missed_and_what_has_no_label() -> None:
    made = snapshot(
        Label("cfg-key-missing", "src/train.py", "a key is lacking"), findings=(finding("CFG001", "src/model.py"),)
    )
    told = details([made], {("one", "CFG001", "src/model.py", 3): "right"})
    assert "missed      cfg-key-missing in src/train.py (blocking, static yes): a key is lacking" in told
    assert "but elsewhere CFG001 src/model.py:3" in told
    assert "unlabelled  CFG001 src/model.py:3 [right]" in told


def test_json_says_which_rules_found_each_label() -> None:
    made = snapshot(Label("dep-missing", "pyproject.toml"), findings=(finding("DEP001", "pyproject.toml"),))
    told = json.loads(json.dumps(as_json([made], 0.5, date(2025, 12, 1))))
    assert told["snapshots"][0]["labels"][0]["found_by"] == ["DEP001"]
    assert told["snapshots"][0]["findings"][0]["severity"] == "blocker"
    assert told["totals"]["static"] == {"found": 1, "labels": 1}


def test_a_review_runs_the_check_twice_and_tells_when_it_changes_its_mind(tmp_path: Path) -> None:
    names = ("same", "fickle", "refused")
    for name in names:
        (tmp_path / name).mkdir()
    asked: list[str] = []

    def check(path: Path) -> tuple[list[Finding], list[str]]:
        asked.append(path.name)
        if path.name == "refused":
            raise UsageError("too large")
        line = len(asked) if path.name == "fickle" else 1
        return [finding("CFG001", "src/train.py", line=line)], []

    made = [
        Snapshot(name, False, (Label("cfg-key-missing", "src/train.py"),)) for name in ("same", "fickle", "refused")
    ]
    review(made, tmp_path, check, CATEGORIES)
    assert asked == ["same", "same", "fickle", "fickle", "refused"]
    assert [one.failures for one in made] == [(), ("a second check found something else",), ("refused: too large",)]
    assert [one.found(one.labels[0]) for one in made] == [True, True, False]


def test_a_snapshot_without_a_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text('[{"id": "here"}, {"id": "gone"}]')
    (tmp_path / "here").mkdir()
    with pytest.raises(CorpusError, match="has no folder gone;"):
        review(read_labels(labels), tmp_path, lambda _path: ((), ()), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot be read as JSON"),
        ("{}", "holds a dict, and a list is wanted"),
        ("[]", "holds no snapshot"),
        ('[{"id": 3}]', "snapshot 0 has no id"),
        ('[{"id": "a", "defects": [{"category": "x"}]}]', "snapshot 0 (a), defect 0: it has no category and file"),
    ],
)
def test_labels_of_another_form_are_refused(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.json"
    labels.write_text(text)
    assert main([str(labels), str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_labels_keep_what_they_say_and_ignore_what_is_new(tmp_path: Path) -> None:
    defect: dict[str, Any] = {"category": "x", "file": "a.py", "blocking": False, "phase": "import", "new": 1}
    path = tmp_path / "labels.json"
    path.write_text(json.dumps([{"id": "a", "ready": True, "repo": "b", "defects": [defect]}]))
    (read,) = read_labels(path)
    assert (read.id, read.trained) == ("a", True)
    assert read.labels == (Label("x", "a.py", phase="import", blocking=False),)


def test_judgements_need_a_verdict(tmp_path: Path) -> None:
    path = tmp_path / "judged.json"
    entry = {"snapshot": "a", "code": "X", "path": "p", "line": 1, "verdict": "right", "why": "read"}
    path.write_text(json.dumps([entry]))
    assert read_judgements(path) == {("a", "X", "p", 1): "right"}
    path.write_text(json.dumps([entry, {**entry, "verdict": "maybe"}]))
    with pytest.raises(CorpusError, match=r"entry 1 needs .* a verdict of right, wrong, unclear"):
        read_judgements(path)
