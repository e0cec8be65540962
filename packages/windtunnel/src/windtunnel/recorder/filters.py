"""Selecting and ordering runs as ``wandb.Api().runs(filters=…, order=…)`` asks: a MongoDB query over run properties.

Artifacts and their collections are selected by the same queries over properties of their own.

Operators: ``$and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $all $size $exists $regex
$contains``. Regular expressions are Rust's, which take linear time whatever they are. Another one is an error, never
ignored: a filter that silently lets everything through would give wrong comparisons.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from windtunnel.recorder.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.recorder.records import RunRecord


class Dated(Protocol):
    """What can be selected and ordered."""

    @property
    def key(self) -> int:
        """Its number in the database."""

    @property
    def created_at(self) -> float:
        """Seconds since the epoch."""


T = TypeVar("T", bound=Dated)

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


def selected(
    items: list[T], *, query: dict[str, Any], order: str | None = None, value: Callable[[T, str], Any]
) -> list[T]:
    """Return the items that match ``query``, in the order asked for.

    Args:
        items: candidates.
        query: a MongoDB query; empty matches all.
        order: property with ``+`` (ascending, default) or ``-`` before it; default ``+created_at``. Items that lack the
            property come last.
        value: returns a property of an item by its name.

    Raises:
        MalformedRequestError: the query has an operator or a property that the recorder does not know.
    """
    try:
        matching = [item for item in items if _matches(partial(value, item), query)]
    except RecursionError as error:
        raise MalformedRequestError("the filter is nested too deeply") from error
    name = (order or "+created_at").strip()
    descending = name.startswith("-")
    name = name.lstrip("+-")
    if name.replace("_", "").lower() == "createdat":
        ordered = sorted(matching, key=lambda item: (item.created_at, item.key))
        return ordered[::-1] if descending else ordered
    values = {item.key: value(item, name) for item in matching}
    present = [item for item in matching if isinstance(values[item.key], int | float | str)]
    absent = [item for item in matching if not isinstance(values[item.key], int | float | str)]
    present.sort(key=lambda item: _sort_key(values[item.key]), reverse=descending)
    return present + absent


def of_run(run: RunRecord, name: str) -> Any:
    """Return a property of a run by its name in a query, such as ``config.lr`` or ``summary_metrics.loss``.

    Raises:
        MalformedRequestError: a run has no such property.
    """
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


def of_record(properties: dict[str, Any], name: str) -> Any:
    """Return a property by its name in a query, in camel or snake case.

    Args:
        properties: the known ones by their names in lower case without underscores.
        name: as the query has it.

    Raises:
        MalformedRequestError: it is none of them.
    """
    simple = name.replace("_", "").lower()
    if simple not in properties:
        raise MalformedRequestError(
            f"the recorder cannot filter or order by {name!r} here; it knows {', '.join(sorted(properties))}"
        )
    return properties[simple]


def _matches(value: Callable[[str], Any], query: dict[str, Any]) -> bool:
    return all(_clause(value, name, condition) for name, condition in query.items())


def _clause(value: Callable[[str], Any], name: str, condition: Any) -> bool:
    if name in {"$and", "$or", "$nor"}:
        if not isinstance(condition, list) or not all(isinstance(entry, dict) for entry in condition):
            raise MalformedRequestError(f"the filter operator {name} takes a list of queries, not {condition!r}")
        results = [_matches(value, entry) for entry in condition]
        return all(results) if name == "$and" else any(results) == (name == "$or")
    if name == "$not" and isinstance(condition, dict):
        return not _matches(value, condition)
    if name.startswith("$"):
        raise MalformedRequestError(f"the recorder does not know the filter operator {name}")
    return _holds(value(name), condition)


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
    if operator == "$all":
        if not isinstance(wanted, list):
            raise MalformedRequestError(f"the filter operator $all takes a list, not {wanted!r}")
        return isinstance(value, list) and all(entry in value for entry in wanted)
    if operator == "$size":
        return isinstance(value, list) and len(value) == wanted
    if operator == "$exists":
        return (value is not _ABSENT and value is not None) == bool(wanted)
    if operator == "$contains":
        return isinstance(value, str) and str(wanted) in value
    if operator == "$regex":
        return isinstance(value, str) and _expression(str(wanted)).fits(value)
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


class _Expression:
    def __init__(self, pattern: str) -> None:
        try:
            self._adapter = TypeAdapter(Annotated[str, StringConstraints(pattern=pattern)])
        except SchemaError as error:
            raise MalformedRequestError(
                f"the filter's regular expression {pattern[:80]!r} cannot be read ({error})"
            ) from error

    def fits(self, text: str) -> bool:
        try:
            self._adapter.validate_python(text)
        except ValidationError:
            return False
        return True


@lru_cache(maxsize=64)
def _expression(pattern: str) -> _Expression:
    return _Expression(pattern)
