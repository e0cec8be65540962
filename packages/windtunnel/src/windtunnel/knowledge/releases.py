"""Which versions of the common libraries exist at a date, so that a requirement which none can meet is seen offline.

The table knows of each library the first version of every feature release (the first two numbers), of some only the
newest, and nothing after the day it was made. Lower bounds and exact versions are judged, up to the feature release;
a patch release that never was is not seen.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

_CLAUSE = re.compile(r"\s*(===|==|~=|>=|>|<=|<|!=)\s*v?(\d+(?:\.\d+)*)(\.\*)?")
_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")


def latest_before(distribution: str, as_of: date) -> str | None:
    """The newest feature release on a day, such as "2.9.0"; None if not known."""
    table = _table()
    day = as_of.isoformat()
    if day > table["as_of"]:
        return None
    out: list[str] = [version for version, released in table["releases"].get(_key(distribution), ()) if released <= day]
    if out:
        return max(out, key=_numbers)
    newest = table["newest"].get(_key(distribution))
    return str(newest[0]) if newest and newest[1] < day[:7] else None


def impossible(distribution: str, specifier: str, as_of: date) -> str:
    """Why no version on a day can meet a specifier, in a clause; "" if one may.

    Args:
        distribution: its name.
        specifier: as in ``>=99,<100``, without the name.
        as_of: the day; for one after the table was made nothing is said.
    """
    table = _table()
    if as_of.isoformat() > table["as_of"]:
        return ""
    exact = latest_before(distribution, as_of)
    newest = exact or table["newest"].get(_key(distribution), (None,))[0]
    if newest is None:
        return ""
    for clause in specifier.split(","):
        found = _CLAUSE.fullmatch(clause.rstrip())
        if found is None or found[1] not in {"===", "==", "~=", ">=", ">"}:
            continue
        if _feature(_numbers(found[2])) > _feature(_numbers(newest)):
            where = (
                f"the newest as of {as_of.isoformat()} is {newest}" if exact else f"even later there is only {newest}"
            )
            return f"no version {found[0].strip()} of {_key(distribution)} exists: {where}"
    return ""


def python_floor(distribution: str, version: str) -> str | None:
    """The oldest Python that a version installs on, such as "3.10"; None if not known."""
    asked = _numbers(version)
    floors = [python for since, python in _table()["python"].get(_key(distribution), ()) if _numbers(since) <= asked]
    return floors[-1] if floors else None


def is_before(version: str, other: str) -> bool:
    """Whether one version is older than another, by their numbers alone."""
    return _numbers(version) < _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    found = _NUMBERS.match(version)
    return tuple(int(part[:9]) for part in found[1].split(".")) if found else ()


def _feature(numbers: tuple[int, ...]) -> tuple[int, ...]:
    return (*numbers, 0, 0)[:2]


def _key(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


@cache
def _table() -> Mapping[str, Any]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / "releases.json").read_text(encoding="utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data
