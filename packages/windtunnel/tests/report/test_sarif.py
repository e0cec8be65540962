from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from windtunnel.findings import Place, Severity
from windtunnel.report.sarif import log, render
from windtunnel.rules.base import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Rule
    from windtunnel.verdict import Verdict

SCHEMA = json.loads((Path(__file__).parent / "data" / "sarif-schema-2.1.0.json").read_text())
VALIDATOR = jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


@pytest.fixture
def full(verdict: Callable[..., Verdict], finding: Callable[..., Finding], rule: Callable[..., type[Rule]]) -> Verdict:
    """A verdict with something of everything."""
    return verdict(
        finding(related=(Place("config/config.yaml", 2), Place("")), runs=("a",), modes=("trial",)),
        *(finding(f"BBB00{number}", severity=severity) for number, severity in enumerate(Severity)),
        finding("CCC001", place=Place("")),
        finding("CCC002", place=Place("config/run/ü b:\udcff.yaml", 3)),
        finding("CCC003", place=Place("src/gone.py"), evidence="", fix=""),
        outcomes=(
            Outcome(rule("DDD001"), skipped="no evaluation"),
            Outcome(rule("DDD002"), error="KeyError"),
            Outcome(rule("DDD003"), out_of_time=True),
        ),
        ignored={"CCC003": "known"},
    )


def results(verdict: Verdict) -> dict[str, dict[str, Any]]:
    return {result["ruleId"]: result for result in log(verdict)["runs"][0]["results"]}


def test_the_log_obeys_the_standard(full: Verdict, verdict: Callable[..., Verdict]) -> None:
    for given in (full, verdict()):
        VALIDATOR.validate(json.loads(render(given).encode(errors="backslashreplace")))


def test_the_schema_in_the_test_refuses_other_logs(full: Verdict) -> None:
    wrong = log(full)
    wrong["runs"][0]["results"][0]["level"] = "blocker"
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate(wrong)


def test_severities_become_levels(full: Verdict) -> None:
    found = results(full)
    assert [(found[f"BBB00{number}"]["kind"], found[f"BBB00{number}"]["level"]) for number in range(4)] == [
        ("fail", "error"),
        ("open", "none"),
        ("fail", "warning"),
        ("fail", "note"),
    ]


def test_a_result_names_its_rule_and_its_place(full: Verdict) -> None:
    result = results(full)["AAA001"]
    rules = log(full)["runs"][0]["tool"]["driver"]["rules"]
    assert rules[result["ruleIndex"]]["id"] == "AAA001"
    assert rules[result["ruleIndex"]]["name"] == "ThingOfAaa001"
    assert rules[result["ruleIndex"]]["properties"]["criterion"] == 7
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "src/train.py", "uriBaseId": "SUBMISSION"},
        "region": {"startLine": 5, "startColumn": 10, "snippet": {"text": "cfg.training.lr"}},
    }
    assert [related["physicalLocation"]["artifactLocation"]["uri"] for related in result["relatedLocations"]] == [
        "config/config.yaml"
    ]
    assert result["message"]["text"].endswith("Fix: add training.lr to config/config.yaml")


def test_paths_are_written_as_uris(full: Verdict) -> None:
    location = results(full)["CCC002"]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location["uri"] == "config/run/%C3%BC%20b%3A%5Cudcff.yaml"
    assert results(full)["CCC001"]["locations"] == []


def test_ignored_findings_are_suppressed_with_their_reason(full: Verdict) -> None:
    found = results(full)
    assert found["CCC003"]["suppressions"] == [{"kind": "external", "status": "accepted", "justification": "known"}]
    assert "suppressions" not in found["AAA001"]


def test_the_invocation_tells_what_failed_and_what_was_skipped(full: Verdict, verdict: Callable[..., Verdict]) -> None:
    invocation = log(full)["runs"][0]["invocations"][0]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 1)
    assert [(note["level"], note["message"]["text"]) for note in invocation["toolExecutionNotifications"]] == [
        ("note", "DDD001 was skipped: no evaluation"),
        ("error", "DDD002 failed: KeyError"),
        ("error", "no time was left for DDD003"),
    ]
    fine = log(verdict())["runs"][0]["invocations"][0]
    assert (fine["executionSuccessful"], fine["exitCode"], fine["toolExecutionNotifications"]) == (True, 0, [])
