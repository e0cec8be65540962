"""What a first run by itself is expected to find where more than one thing may be found."""

from __future__ import annotations

from windtunnel.rehearsal.joining import is_none, options, same
from windtunnel.rehearsal.values import Alternatives, Thing, Value, truth


def doubtful(*, expected: bool) -> Thing:
    """A truth value that is not known, and the one it has in a first run by itself."""
    return Thing("bool", data={"expected": expected})


def expecting(value: Value, expected: Value | None) -> Value:
    """A value that may be several things, and the one it is in a first run by itself; None where that is not known."""
    if expected is None or value is expected:
        return value
    return Alternatives(options(value), expected)


def expectation(value: Value) -> bool | None:
    """Whether a value counts as true in a first run by itself, if it is not known for every run."""
    if isinstance(value, Thing):
        found = value.data.get("expected")
        return found if isinstance(found, bool) else None
    if isinstance(value, Alternatives) and value.expected is not None:
        known = truth(value.expected)
        return expectation(value.expected) if known is None else known
    return None


def expected_of(value: Value) -> Value:
    """What a value is in a first run by itself, as far as that is known."""
    return value.expected if isinstance(value, Alternatives) and value.expected is not None else value


def happens(value: Alternatives, option: Value) -> bool | None:
    """Whether ``option`` is what ``value`` is in a first run by itself; True also where it is all that can be used.

    Where ``value`` is used and one of its two options is None, it is the other one, or the program ends.
    """
    if value.expected is not None and not is_none(value.expected):
        return any(same(option, other) for other in options(value.expected))
    usable = [other for other in value.values if not is_none(other)]
    return True if value.expected is None and len(usable) == 1 and usable[0] is option else None
