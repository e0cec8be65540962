from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import UsageError
from windtunnel.rules.select import check_ignored, choose, parse_ignored

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.rules.base import Rule


@pytest.fixture
def rules(rule: Callable[..., type[Rule]]) -> tuple[type[Rule], ...]:
    return (rule("APP001", criterion=1), rule("CFG001"), rule("CFG002"), rule("EVA001", criterion=8))


@pytest.mark.parametrize(
    ("wanted", "codes"),
    [
        ([], ["APP001", "CFG001", "CFG002", "EVA001"]),
        (["CFG"], ["CFG001", "CFG002"]),
        (["CFG002"], ["CFG002"]),
        (["criterion:8"], ["EVA001"]),
        (["EVA001, CFG001", "APP"], ["APP001", "CFG001", "EVA001"]),
        (["CFG", "CFG001"], ["CFG001", "CFG002"]),
    ],
)
def test_rules_are_chosen_by_code_beginning_and_criterion(
    rules: tuple[type[Rule], ...], wanted: list[str], codes: list[str]
) -> None:
    assert [rule.code() for rule in choose(rules, wanted)] == codes


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("CFG003", r"begins with 'CFG003' \(did you mean CFG00"),
        ("cfg", r"begins with 'cfg' \(did you mean CFG"),
        ("", "begins with ''"),
        ("CFG,", "begins with ''"),
        ("criterion:13", "no criterion '13'; the contract has 1 to 12"),
        ("criterion:", "no criterion ''"),
        ("criterion:5", "no rule answers criterion 5"),
    ],
)
def test_a_selection_of_nothing_is_refused(rules: tuple[type[Rule], ...], wanted: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        choose(rules, [wanted])


def test_reasons_for_ignoring_are_read() -> None:
    assert parse_ignored(["CFG001=a=b", " CFG002 = because "]) == {"CFG001": "a=b", "CFG002": "because"}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["CFG001"], "gives no reason"),
        (["CFG001= "], "gives no reason"),
        (["=why"], "gives no reason"),
        (["CFG001=a", "CFG001=b"], "CFG001 twice"),
    ],
)
def test_ignoring_without_one_reason_is_refused(texts: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_ignored(texts)


def test_an_ignored_rule_must_exist_and_have_a_reason(rules: tuple[type[Rule], ...]) -> None:
    assert check_ignored({"thing-of-cfg001": "why"}, rules) == {"CFG001": "why"}
    with pytest.raises(UsageError, match="did you mean CFG00"):
        check_ignored({"CFG003": "why"}, rules)
    with pytest.raises(UsageError, match="without a reason"):
        check_ignored({"CFG001": " "}, rules)
