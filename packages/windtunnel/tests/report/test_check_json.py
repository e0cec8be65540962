from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

import windtunnel.report
from windtunnel import __version__
from windtunnel.findings import Place, Severity
from windtunnel.report.check_json import document, render, render_rubric
from windtunnel.rules.base import Outcome
from windtunnel.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Rule
    from windtunnel.verdict import Verdict

SCHEMA = json.loads((Path(windtunnel.report.__file__).parent / "check.schema.json").read_text())


@pytest.fixture
def full(verdict: Callable[..., Verdict], finding: Callable[..., Finding], rule: Callable[..., type[Rule]]) -> Verdict:
    """A verdict with something of everything."""
    return verdict(
        finding(related=(Place("config/config.yaml", 2),), runs=("a",), modes=("trial",)),
        *(finding("AAA002", severity=severity, stage=stage) for severity in Severity for stage in Stage),
        finding("AAA003", source="table", place=Place("")),
        outcomes=(
            Outcome(rule("BBB001"), skipped="no evaluation"),
            Outcome(rule("BBB002"), error="KeyError"),
            Outcome(rule("BBB003"), out_of_time=True),
            Outcome(rule("BBB004"), dropped=3),
        ),
        ignored={"AAA003": "known"},
        selection=("AAA", "BBB"),
    )


def test_the_schema_is_one_and_the_document_obeys_it(full: Verdict, verdict: Callable[..., Verdict]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for given in (full, verdict()):
        jsonschema.validate(json.loads(render(given)), SCHEMA)


def test_the_schema_refuses_what_is_not_in_it(full: Verdict) -> None:
    for changed in ({"outcome": "perhaps"}, {"time": "12:00"}, {"schema_version": 2}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**document(full), **changed}, SCHEMA)


def test_a_finding_carries_all_its_fields(verdict: Callable[..., Verdict], finding: Callable[..., Finding]) -> None:
    (record,) = document(
        verdict(finding(related=(Place("config/config.yaml", 2),), runs=("a", "b"), modes=("trial",)))
    )["findings"]
    assert record == {
        "code": "AAA001",
        "criterion": 7,
        "severity": "blocker",
        "stage": "config",
        "message": "cfg.training.lr is read, and no configuration has it",
        "path": "src/train.py",
        "line": 5,
        "column": 10,
        "evidence": "cfg.training.lr",
        "fix": "add training.lr to config/config.yaml",
        "source": "static",
        "related": [{"path": "config/config.yaml", "line": 2, "column": 0}],
        "runs": ["a", "b"],
        "modes": ["trial"],
    }


def test_the_document_tells_the_verdict_and_what_was_looked_at(full: Verdict) -> None:
    record: dict[str, Any] = json.loads(render(full))
    assert record["tool"] == {"name": "windtunnel", "version": __version__}
    assert record["as_of"] == "2025-12-01"
    assert record["submission"] == {"origin": "experiment", "kind": "folder", "digest": "0" * 64}
    assert record["selection"] == ["AAA", "BBB"]
    assert (record["outcome"], record["is_code_ready"], record["code_issue"]) == ("not ready", False, full.code_issue)
    assert [(entry["finding"]["code"], entry["reason"]) for entry in record["ignored"]] == [("AAA003", "known")]
    assert record["rules"] == {
        "run": [
            {"code": "AAA001", "findings": 1},
            {"code": "AAA002", "findings": 28},
            {"code": "AAA003", "findings": 1},
            {"code": "BBB004", "findings": 3},
        ],
        "skipped": [{"code": "BBB001", "reason": "no evaluation"}, {"code": "BBB003", "reason": "time budget"}],
        "errors": [{"code": "BBB002", "error": "KeyError"}],
        "left_out": [{"code": "BBB004", "findings": 3}],
    }


def test_the_rubric_has_exactly_two_keys(full: Verdict, verdict: Callable[..., Verdict]) -> None:
    assert json.loads(render_rubric(full)) == {"is_code_ready": False, "code_issue": full.code_issue}
    assert json.loads(render_rubric(verdict())) == {"is_code_ready": True, "code_issue": ""}


def test_text_that_is_not_unicode_still_makes_json(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    text = render(verdict(finding(evidence="caf\xe9 \udcff \x00")))
    written = text.encode(errors="backslashreplace")  # as the command line writes it
    assert json.loads(written)["findings"][0]["evidence"] == "caf\xe9 \udcff \x00"
