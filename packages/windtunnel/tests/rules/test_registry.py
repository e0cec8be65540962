from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from windtunnel.contract import CRITERIA
from windtunnel.errors import UsageError
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.registry import all_rules, collect, did_you_mean, families, family_of, find

if TYPE_CHECKING:
    from collections.abc import Callable


def test_rules_come_sorted_by_code_and_bases_are_none(rule: Callable[..., type[Rule]]) -> None:
    classes = [rule("CFG010"), rule("_Base"), rule("CFG002"), rule("APP001")]
    assert [found.code() for found in collect(classes)] == ["APP001", "CFG002", "CFG010"]


def test_two_rules_with_one_code_are_refused(rule: Callable[..., type[Rule]]) -> None:
    with pytest.raises(TypeError, match="CFG002 is the code of two rules"):
        collect([rule("CFG002"), rule("CFG002")])


@pytest.mark.parametrize("name", ["MissingKey", "CFG2", "cfg002", "CFG0021"])
def test_a_class_named_like_neither_rule_nor_base_is_refused(rule: Callable[..., type[Rule]], name: str) -> None:
    with pytest.raises(TypeError, match=f"{name} is named like neither"):
        collect([rule(name)])


def test_rules_made_outside_the_package_are_not_registered() -> None:
    class ZZZ999(Rule):
        """A stray."""

    assert ZZZ999 not in all_rules()


def test_families_are_the_letters_of_codes(rule: Callable[..., type[Rule]]) -> None:
    rules = (rule("APP001"), rule("CFG001"), rule("CFG002"))
    assert family_of("CFG001") == "CFG"
    assert {family: len(members) for family, members in families(rules).items()} == {"APP": 1, "CFG": 2}


def test_a_rule_is_found_by_code_and_by_name(rule: Callable[..., type[Rule]]) -> None:
    wanted = rule("CFG001", name="missing-key")
    assert find("CFG001", [wanted]) is wanted
    assert find("missing-key", [wanted]) is wanted


def test_an_unknown_rule_is_named_with_those_that_come_close(rule: Callable[..., type[Rule]]) -> None:
    with pytest.raises(UsageError, match=r"no rule 'cfg001' \(did you mean CFG001"):
        find("cfg001", [rule("CFG001"), rule("XYZ009")])
    assert did_you_mean("entirely-different", ["CFG001"]) == ""


# every rule that the package has, whatever they are

RULES = all_rules()


def test_no_two_rules_share_a_name() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("rule", RULES, ids=[rule.code() for rule in RULES])
def test_every_rule_says_all_that_a_reader_needs(rule: type[Rule]) -> None:
    assert rule.__doc__, "its title is the first line of its docstring"
    assert rule.name
    assert rule.name == rule.name.lower()
    assert " " not in rule.name
    assert rule.criterion in CRITERIA
    assert isinstance(rule.doc, Doc)
    for text in (rule.doc.what, rule.doc.why, rule.doc.example, rule.doc.instead):
        assert text.strip()
