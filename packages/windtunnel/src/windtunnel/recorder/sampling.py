"""Which history rows and which keys of them a reader gets; pure functions.

The real service samples at random; here samples are evenly spaced over the rows and always contain the first and the
last, so that the same question has the same answer. Rows that carry a key rarely vanish from samples in both cases:
a reader that needs them asks for the key.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

T = TypeVar("T")

_TYPE_NAMES: dict[type, str] = {bool: "boolean", int: "number", float: "number", str: "string", list: "list"}


def evenly_spaced(rows: Sequence[T], samples: int) -> list[T]:
    """Return at most ``samples`` of ``rows`` in order, the first and the last among them.

    Args:
        rows: all rows.
        samples: how many to keep; below 1 keeps none.
    """
    if samples >= len(rows):
        return list(rows)
    if samples < 2:
        return list(rows[-1:]) if samples == 1 else []
    last = len(rows) - 1
    return [rows[i * last // (samples - 1)] for i in range(samples)]


def flattened(row: dict[str, Any], *, prefix: str = "") -> dict[str, Any]:
    """Return a row with nested keys joined by dots; typed media (``{"_type": …}``) stay whole.

    Args:
        row: as logged.
        prefix: what all keys begin with.
    """
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and value and "_type" not in value:
            flat |= flattened(value, prefix=f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def has_keys(row: dict[str, Any], keys: Sequence[str]) -> bool:
    """Return whether a flattened row has a value for each of ``keys``, which have dots for nested ones."""
    return all(row.get(key) is not None for key in keys)


def strict(value: Any) -> Any:
    """Return ``value`` with NaN and infinities as the texts ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.

    JSON has no such numbers; the real service writes these texts.

    Args:
        value: parsed JSON.
    """
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return "NaN"
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: strict(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [strict(entry) for entry in value]
    return value


def key_statistics(rows: Iterable[dict[str, Any]], *, last_step: int) -> dict[str, Any]:
    """Return which keys a history has, as ``historyKeys`` of the W&B API states it.

    Args:
        rows: flattened rows.
        last_step: highest ``_step``, -1 where there is none.

    Returns:
        ``{"keys": {key: {"typeCounts": [{"type": "number", "count": 3}], "previousValue": 0.5}}, "lastStep": 2,
        "sets": []}``, where the previous value is the last one logged.
    """
    counts: dict[str, dict[str, int]] = {}
    latest: dict[str, Any] = {}
    for row in rows:
        for key, value in row.items():
            if value is None:
                continue
            of_key = counts.setdefault(key, {})
            name = _type_name(value)
            of_key[name] = of_key.get(name, 0) + 1
            latest[key] = value
    keys = {
        key: {
            "typeCounts": [{"type": name, "count": count} for name, count in of_key.items()],
            "previousValue": strict(latest[key]),
        }
        for key, of_key in counts.items()
    }
    return {"keys": keys, "lastStep": last_step, "sets": []}


def _type_name(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("_type", "map"))
    return _TYPE_NAMES.get(type(value), "map")
