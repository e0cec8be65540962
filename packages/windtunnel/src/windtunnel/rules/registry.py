"""Every rule there is: the subclasses of :class:`Rule` in the modules of this package, and how to find one by code.

The modules whose names begin with ``flown`` have the rules that look at a flight, ``judged`` those that a language
model is asked; a check does not import them.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
import sys
from typing import TYPE_CHECKING

from windtunnel import rules as package
from windtunnel.errors import UsageError
from windtunnel.rules.base import Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_FLOWN = "flown"
_JUDGED = "judged"
_CODE = re.compile(r"[A-Z]{2,6}\d{3}")


@functools.cache
def all_rules() -> tuple[type[Rule], ...]:
    """Import every family once and return its rules, sorted by code."""
    return collect((*static_rules(), *flight_rules(), *judged_rules()))


@functools.cache
def static_rules() -> tuple[type[Rule], ...]:
    """The rules that need nothing but the files, sorted by code."""
    return _rules_in(lambda name: not name.startswith((_FLOWN, _JUDGED)))


@functools.cache
def flight_rules() -> tuple[type[Rule], ...]:
    """The rules that look at what a flight left behind, sorted by code."""
    return _rules_in(lambda name: name.startswith(_FLOWN))


@functools.cache
def judged_rules() -> tuple[type[Rule], ...]:
    """The questions that a language model is asked, sorted by code."""
    return _rules_in(lambda name: name.startswith(_JUDGED))


def _rules_in(wanted: Callable[[str], bool]) -> tuple[type[Rule], ...]:
    prefix = package.__name__ + "."
    names = [prefix + module.name for module in pkgutil.iter_modules(package.__path__) if wanted(module.name)]
    for name in names:
        importlib.import_module(name)
    chosen = frozenset(names)
    return collect(rule for rule in _descendants(Rule) if rule.__module__ in chosen)


def collect(classes: Iterable[type[Rule]]) -> tuple[type[Rule], ...]:
    """Return the rules among ``classes``, sorted by code; a class whose name begins with an underscore is a base.

    Raises:
        TypeError: two rules have one code, or a class is named like neither a rule nor a base.
    """
    found: dict[str, type[Rule]] = {}
    for rule in classes:
        code = rule.code()
        where = f"{rule.__module__}.{rule.__qualname__}"
        if code.startswith("_"):
            continue
        if not _CODE.fullmatch(code):
            raise TypeError(f"{where} is named like neither a rule (CFG003) nor a base of rules (_Base); rename it")
        if code in found:
            raise TypeError(f"{code} is the code of two rules, {found[code].__module__} and {where}; rename one")
        found[code] = rule
    return tuple(found[code] for code in sorted(found))


def family_of(code: str) -> str:
    """The letters of a code, which its family shares."""
    return code.rstrip("0123456789")


def families(rules: Iterable[type[Rule]]) -> Mapping[str, tuple[type[Rule], ...]]:
    """Return the rules by their family's letters, in the order of ``rules``."""
    grouped: dict[str, tuple[type[Rule], ...]] = {}
    for rule in rules:
        family = family_of(rule.code())
        grouped[family] = (*grouped.get(family, ()), rule)
    return grouped


def family_title(rules: tuple[type[Rule], ...]) -> str:
    """What a family is about: the first line of its module's docstring."""
    return (sys.modules[rules[0].__module__].__doc__ or "").strip().partition("\n")[0].rstrip(".")


def find(code: str, rules: Iterable[type[Rule]] | None = None) -> type[Rule]:
    """Return the rule with this code or name.

    Raises:
        UsageError: there is none; says which come close.
    """
    known = all_rules() if rules is None else tuple(rules)
    for rule in known:
        if code in {rule.code(), rule.name}:
            return rule
    names = [text for rule in known for text in (rule.code(), rule.name)]
    raise UsageError(f"there is no rule {code!r}{did_you_mean(code, names)}; `windtunnel rules` lists them all")


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return " (did you mean …?)" if something known comes close to ``text``, else nothing."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    by_folded = {name.casefold(): name for name in known}
    close = difflib.get_close_matches(text.casefold(), by_folded, n=3, cutoff=0.6)
    return f" (did you mean {' or '.join(by_folded[name] for name in close)}?)" if close else ""


def _descendants(rule: type[Rule]) -> Iterator[type[Rule]]:
    for child in rule.__subclasses__():
        yield child
        yield from _descendants(child)
