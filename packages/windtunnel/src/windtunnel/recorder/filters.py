"""Selecting and ordering runs as ``wandb.Api().runs(filters=…, order=…)`` asks: a MongoDB query over run properties.

Operators: ``$and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $exists $regex``. Another one is an error, never
ignored: a filter that silently lets everything through would give wrong comparisons.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from windtunnel.recorder.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.recorder.records import RunRecord

_ABSENT = object()

_PROPERTIES: dict[str, Callable[[RunRecord], Any]] = {
    "state": lambda run: run.state,
    "name": lambda run: run.name,
    "displayname": lambda run: run.display_name,
    "entity": lambda run: run.entity,
    "project": lambda run: run.project,
    "group": lambda run: run.group,
    "jobtype": lambda run: run.job_type,
    "tags": lambda run: list(run.tags),
    "notes": lambda run: run.notes,
    "createdat": lambda run: timestamp(run.created_at),
    "heartbeatat": lambda run: timestamp(run.heartbeat_at),
}

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda seen, wanted: seen > wanted,
    "$gte": lambda seen, wanted: seen >= wanted,
    "$lt": lambda seen, wanted: seen < wanted,
    "$lte": lambda seen, wanted: seen <= wanted,
}


def timestamp(seconds: float) -> str:
    """Return seconds since the epoch as W&B writes a time: ISO 8601 in UTC, to the second, with ``Z``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def selected(runs: list[RunRecord], *, query: dict[str, Any], order: str | None = None) -> list[RunRecord]:
    """Return the runs that match ``query``, in the order asked for.

    Args:
        runs: candidates.
        query: a MongoDB query; empty matches all.
        order: property with ``+`` (ascending, default) or ``-`` before it; default ``+created_at``. Runs that lack the
            property come last.

    Raises:
        MalformedRequestError: the query has an operator or a property that the recorder does not know.
    """
    matching = [run for run in runs if matches(run, query)]
    name = (order or "+created_at").strip()
    descending = name.startswith("-")
    name = name.lstrip("+-")
    if name.replace("_", "").lower() == "createdat":
        ordered = sorted(matching, key=lambda run: (run.created_at, run.key))
        return ordered[::-1] if descending else ordered
    values = {run.key: _value(run, name) for run in matching}
    present = [run for run in matching if isinstance(values[run.key], int | float | str)]
    absent = [run for run in matching if not isinstance(values[run.key], int | float | str)]
    present.sort(key=lambda run: _sort_key(values[run.key]), reverse=descending)
    return present + absent


def matches(run: RunRecord, query: dict[str, Any]) -> bool:
    """Return whether one run matches a MongoDB query.

    Raises:
        MalformedRequestError: the query has an operator or a property that the recorder does not know.
    """
    return all(_clause(run, name, condition) for name, condition in query.items())


def _clause(run: RunRecord, name: str, condition: Any) -> bool:
    if name in {"$and", "$or", "$nor"}:
        if not isinstance(condition, list) or not all(isinstance(entry, dict) for entry in condition):
            raise MalformedRequestError(f"the filter operator {name} takes a list of queries, not {condition!r}")
        results = [matches(run, entry) for entry in condition]
        return all(results) if name == "$and" else any(results) == (name == "$or")
    if name.startswith("$"):
        raise MalformedRequestError(f"the recorder does not know the filter operator {name}")
    return _holds(_value(run, name), condition)


def _holds(value: Any, condition: Any) -> bool:
    if not isinstance(condition, dict) or not any(str(key).startswith("$") for key in condition):
        return _equal(value, condition)
    return all(_operator(value, operator, wanted) for operator, wanted in condition.items())


def _operator(value: Any, operator: str, wanted: Any) -> bool:
    if operator == "$not":
        return not _holds(value, wanted)
    if operator in {"$eq", "$ne"}:
        return _equal(value, wanted) == (operator == "$eq")
    if operator in {"$in", "$nin"}:
        if not isinstance(wanted, list):
            raise MalformedRequestError(f"the filter operator {operator} takes a list, not {wanted!r}")
        return any(_equal(value, entry) for entry in wanted) == (operator == "$in")
    if operator == "$exists":
        return (value is not _ABSENT and value is not None) == bool(wanted)
    if operator == "$regex":
        try:
            return isinstance(value, str) and re.search(str(wanted), value) is not None
        except re.error as error:
            raise MalformedRequestError(
                f"the filter's regular expression {wanted!r} cannot be read ({error})"
            ) from error
    if operator in _COMPARISONS:
        try:
            return value is not _ABSENT and value is not None and _COMPARISONS[operator](value, wanted)
        except TypeError:  # values of two types have no order, so the run does not match
            return False
    raise MalformedRequestError(f"the recorder does not know the filter operator {operator}")


def _equal(value: Any, wanted: Any) -> bool:
    if value is _ABSENT:
        return wanted is None
    if isinstance(value, list) and not isinstance(wanted, list):
        return wanted in value
    return bool(value == wanted)


def _value(run: RunRecord, name: str) -> Any:
    head, _, rest = name.partition(".")
    if rest and head == "config":
        path = rest.split(".")
        # The service addresses a key as config.KEY.value as well as config.KEY.
        if len(path) > 1 and path[1] == "value" and not isinstance(run.config.get(path[0]), dict):
            del path[1]
        return _descend(run.config, path)
    if rest and head in {"summary_metrics", "summaryMetrics", "summary"}:
        return _descend(run.summary, rest.split("."))
    simple = name.replace("_", "").lower()
    if simple not in _PROPERTIES:
        raise MalformedRequestError(
            f"the recorder cannot filter or order runs by {name!r}; it knows config.*, summary_metrics.*, "
            f"{', '.join(sorted(_PROPERTIES))}"
        )
    return _PROPERTIES[simple](run)


def _descend(tree: dict[str, Any], path: list[str]) -> Any:
    if (whole := ".".join(path)) in tree:
        return tree[whole]
    value: Any = tree
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return _ABSENT
        value = value[key]
    return value


def _sort_key(value: float | str) -> tuple[int, float, str]:
    return (1, 0.0, value) if isinstance(value, str) else (0, float(value), "")
