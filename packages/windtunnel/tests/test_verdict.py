from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.findings import Place, Severity
from windtunnel.rules.base import Outcome
from windtunnel.stages import STAGE_OF_CRITERION, Stage
from windtunnel.verdict import merge

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.findings import Finding
    from windtunnel.rules.base import Rule
    from windtunnel.verdict import Verdict


@pytest.mark.parametrize(
    ("severities", "outcome", "exit_code"),
    [
        ([], "ready", 0),
        ([Severity.WARNING, Severity.NOTE], "ready", 0),
        ([Severity.UNDECIDED], "undecided", 3),
        ([Severity.UNDECIDED, Severity.BLOCKER], "not ready", 1),
        ([Severity.NOTE, Severity.BLOCKER], "not ready", 1),
    ],
)
def test_severities_decide(
    verdict: Callable[..., Verdict],
    finding: Callable[..., Finding],
    severities: list[Severity],
    outcome: str,
    exit_code: int,
) -> None:
    result = verdict(*(finding(severity=severity, message=severity.value) for severity in severities))
    assert (result.outcome, result.exit_code) == (outcome, exit_code)
    assert result.is_code_ready == (outcome == "ready")
    assert bool(result.code_issue) == (outcome != "ready")
    assert result.as_rubric_json() == {"is_code_ready": outcome == "ready", "code_issue": result.code_issue}


@pytest.mark.parametrize("trouble", [{"error": "KeyError: 'x' at rules/cfg.py:3"}, {"out_of_time": True}])
def test_a_rule_that_did_not_come_to_its_end_is_never_ready(
    verdict: Callable[..., Verdict],
    finding: Callable[..., Finding],
    rule: Callable[..., type[Rule]],
    trouble: dict[str, object],
) -> None:
    broken = Outcome(rule("ZZZ001"), **trouble)  # type: ignore[arg-type]
    fine = Outcome(rule("AAA002"))
    assert verdict(outcomes=(fine, broken)).outcome == "undecided"
    assert "ZZZ001" in verdict(outcomes=(fine, broken)).code_issue
    assert verdict(finding(), outcomes=(broken,)).outcome == "not ready"
    # whoever ignores the rule does without its answer
    assert verdict(outcomes=(fine, broken), ignored={"ZZZ001": "known"}).outcome == "ready"


def test_nothing_looked_at_is_undecided(verdict: Callable[..., Verdict], rule: Callable[..., type[Rule]]) -> None:
    skipped = verdict(outcomes=(Outcome(rule("AAA001"), skipped="no Python file"),))
    assert skipped.outcome == "undecided"
    assert "no rule could look at this" in skipped.code_issue
    one_looked = verdict(outcomes=(Outcome(rule("AAA001"), skipped="no Python file"), Outcome(rule("AAA002"))))
    assert one_looked.outcome == "ready"


def test_ignored_findings_do_not_count_but_stay(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    result = verdict(finding("AAA001"), finding("AAA002"), ignored={"AAA001": "known"})
    assert [found.code for found in result.findings] == ["AAA002"]
    assert [(ignored.finding.code, ignored.reason) for ignored in result.ignored] == [("AAA001", "known")]
    assert verdict(finding("AAA001"), ignored={"AAA001": "known"}).outcome == "ready"


def test_the_most_important_finding_comes_first(
    verdict: Callable[..., Verdict], finding: Callable[..., Finding]
) -> None:
    result = verdict(
        finding("AAA001", severity=Severity.NOTE, criterion=5),
        finding("AAA002", criterion=8),
        finding("AAA003", criterion=8, stage=Stage.PARSE),
        finding("AAA004", criterion=5, place=Place("src/train.py", 9)),
        finding("AAA005", criterion=5, place=Place("src/train.py", 8)),
        finding("AAA006", criterion=5, place=Place("pyproject.toml", 99)),
        finding("AAA007", criterion=5, severity=Severity.UNDECIDED),
    )
    assert [found.code[-1] for found in result.findings] == ["6", "5", "4", "3", "2", "7", "1"]


def test_every_criterion_has_a_stage(finding: Callable[..., Finding]) -> None:
    assert set(STAGE_OF_CRITERION) == set(range(1, 13))
    assert finding(criterion=8).stops_at is Stage.EVALUATION


def test_the_same_of_several_runs_is_one_finding(finding: Callable[..., Finding]) -> None:
    merged = merge(
        [
            finding(runs=("b",), modes=("full",)),
            finding(runs=("a",), modes=("trial",), related=(Place("config/config.yaml", 1),)),
            finding(runs=("a",), message="another"),
        ]
    )
    assert [(found.runs, found.modes, found.message[:7]) for found in merged] == [
        (("a", "b"), ("full", "trial"), "cfg.tra"),
        (("a",), (), "another"),
    ]
    assert merged[0].related == (Place("config/config.yaml", 1),)


def test_the_same_in_several_run_configurations_is_one_finding_that_names_them(
    finding: Callable[..., Finding],
) -> None:
    places = [Place("config/run/b.yaml", 3), Place("config/run/a.yaml", 4), Place("config/runs/c.yaml")]
    (merged,) = merge([finding(place=place, runs=(place.path[-6],)) for place in places])
    assert merged.place == places[1]
    assert merged.related == (places[0], places[2])
    assert merged.runs == ("a", "b", "c")


def test_a_finding_for_all_runs_is_not_narrowed_by_one_for_some(finding: Callable[..., Finding]) -> None:
    (merged,) = merge([finding(runs=()), finding(runs=("a",))])
    assert merged.runs == ()


def test_the_same_in_two_modules_stays_two_findings(finding: Callable[..., Finding]) -> None:
    assert len(merge([finding(place=Place("src/a.py", 1)), finding(place=Place("src/b.py", 1))])) == 2
