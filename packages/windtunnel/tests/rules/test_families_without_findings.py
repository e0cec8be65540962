"""The two experiments of the tests have nothing that the families of data, models, gradients.

Leakage and metrics object to.
"""

from __future__ import annotations

from windtunnel.findings import Severity
from windtunnel.rules.base import Skip
from windtunnel.rules.registry import all_rules, family_of

FAMILIES = {"DAT", "MOD", "LIF", "LEA", "MET"}


def objections(submission) -> list[str]:
    made = []
    for rule in all_rules():
        if family_of(rule.code()) in FAMILIES:
            try:
                made += [
                    f"{finding.code} {finding.place}: {finding.message}"
                    for finding in rule().check(submission)
                    if finding.severity is not Severity.NOTE
                ]
            except Skip:
                continue
    return made


def test_a_right_classifier_is_left_alone(repo):
    assert objections(repo()) == []


def test_a_right_language_model_is_left_alone(causal_repo):
    assert objections(causal_repo()) == []
