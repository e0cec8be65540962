"""Which rules run, and which of their findings do not count: ``--select`` and ``--ignore``.

Rules are chosen before they run. An ignored rule runs all the same: what it finds stays in the report, with the reason
why it does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.contract import CRITERIA
from windtunnel.errors import UsageError
from windtunnel.rules.registry import did_you_mean, family_of, find

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from windtunnel.rules.base import Rule

_CRITERION = "criterion:"


def choose(rules: Sequence[type[Rule]], wanted: Iterable[str]) -> tuple[type[Rule], ...]:
    """Return the rules that ``wanted`` names, all of them if it names none, in the order of ``rules``.

    Args:
        rules: those to choose from.
        wanted: codes ("CFG003"), beginnings of codes ("CFG") or criteria ("criterion:8"), several of them in one
            text if commas part them.

    Raises:
        UsageError: one of them names no rule.
    """
    chosen: set[type[Rule]] = set()
    words = [word.strip() for text in wanted for word in text.split(",")]
    for word in words:
        matching = [rule for rule in rules if _names(word, rule)]
        if not matching:
            raise UsageError(_no_such(word, rules))
        chosen.update(matching)
    return tuple(rule for rule in rules if rule in chosen) if words else tuple(rules)


def parse_ignored(texts: Iterable[str]) -> dict[str, str]:
    """Return the reasons by code that ``CODE=REASON`` texts give.

    Raises:
        UsageError: a text has no code, no reason, or gives a second one for the same code.
    """
    reasons: dict[str, str] = {}
    for text in texts:
        code, _, reason = (part.strip() for part in text.partition("="))
        if not code or not reason:
            raise UsageError(f"--ignore {text!r} gives no reason; write CODE=REASON, such as CFG003='seed is fixed'")
        if code in reasons:
            raise UsageError(f"--ignore names {code} twice, for {reasons[code]!r} and for {reason!r}; give one reason")
        reasons[code] = reason
    return reasons


def check_ignored(ignored: Mapping[str, str], rules: Sequence[type[Rule]]) -> dict[str, str]:
    """Return the reasons by code, each for a rule that exists.

    Raises:
        UsageError: a code is none, or its reason is empty.
    """
    checked = {}
    for code, reason in ignored.items():
        if not reason.strip():
            raise UsageError(f"{code} is ignored without a reason; say why its findings do not count")
        checked[find(code, rules).code()] = reason
    return checked


def _names(word: str, rule: type[Rule]) -> bool:
    if word.startswith(_CRITERION):
        return word.removeprefix(_CRITERION) == str(rule.criterion)
    return bool(word) and rule.code().startswith(word)


def _no_such(word: str, rules: Sequence[type[Rule]]) -> str:
    if word.startswith(_CRITERION):
        number = word.removeprefix(_CRITERION)
        if number in map(str, CRITERIA):
            return f"no rule answers criterion {number} on its own; `windtunnel rules` lists which rule answers which"
        return f"there is no criterion {number!r}; the contract has {min(CRITERIA)} to {max(CRITERIA)}"
    known = {text for rule in rules for text in (rule.code(), family_of(rule.code()))}
    return (
        f"no rule's code begins with {word!r}{did_you_mean(word, sorted(known))}; give a code, the beginning of one "
        f"or criterion:N, as `windtunnel rules` lists them"
    )
