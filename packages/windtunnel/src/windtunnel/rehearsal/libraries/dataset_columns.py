"""Which columns a dataset has: from the hub table when it is loaded, and through every step that changes them.

A dataset keeps ``columns``, the type of each column by name ("" where only the name is known), or None if not all of
them
are known; and ``added``, what the submission's own functions put into columns.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from windtunnel.rehearsal.values import (
    Alternatives,
    Const,
    Mapping_,
    Sequence_,
    Thing,
    Value,
    constant,
    join_tags,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.knowledge.hub import Dataset
    from windtunnel.rehearsal.libraries.registry import Call

Columns = dict[str, str]


@cache
def _entry(name: str) -> Dataset | None:
    from windtunnel.knowledge.hub import HubTable  # noqa: PLC0415 - read when the first dataset is loaded

    return HubTable(date.max).dataset(name)  # what is known of a dataset does not depend on the date


def loaded(called: Call) -> Columns | None:
    """The columns of ``load_dataset(...)``."""
    name = called.plain(0, "path")
    config = called.plain(1, "name")
    entry = _entry(name) if isinstance(name, str) else None
    if entry is None or not (config is None or isinstance(config, str)):
        return None
    found = entry.columns(config)
    return {column.name: column.dtype for column in found.values()} if found is not None else None


def splits_of(called: Call) -> tuple[str, ...] | None:
    """The names of the splits that ``load_dataset(...)`` gives, None if they are not known."""
    name = called.plain(0, "path")
    config = called.plain(1, "name")
    entry = _entry(name) if isinstance(name, str) else None
    if (
        entry is None
        or not (config is None or isinstance(config, str))
        or {"data_files", "data_dir"} & called.keywords.keys()
    ):
        return None
    found = entry.splits(config)
    return tuple(found) if found is not None else None


def names_in(value: Value | None) -> list[str] | None:
    """Column names given as a string, a list or the keys of a mapping; None if not all are known."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return []
    if isinstance(value, Mapping_):
        return None if value.more or value.patterns else [str(key) for key in value.items]
    known, plain = constant(value)
    if not known:
        return None
    return (
        [plain]
        if isinstance(plain, str)
        else [str(name) for name in plain]
        if isinstance(plain, list | tuple | set)
        else None
    )


def after_map(
    before: Thing, removed: Value | None, result: Value, *, batched: bool
) -> tuple[Columns | None, dict[str, Value]]:
    """Columns after ``map``, and the values its function gave."""
    columns: Columns | None = before.data.get("columns")
    added = dict(before.data.get("added", {}))
    if _all_of(removed):
        columns, added = {}, {}
    elif removed is not None:
        names = names_in(removed)
        columns = (
            None
            if columns is None or names is None
            else {name: kind for name, kind in columns.items() if name not in names}
        )
        added = {name: value for name, value in added.items() if names is None or name not in names}
    given = given_by(result)
    if given is None:
        return None, added
    for name, value in given.items():
        added[name] = (example_of(value)) if batched else value
    return (None if columns is None else {**columns, **{name: kind_of(value) for name, value in given.items()}}), added


def _all_of(removed: Value | None) -> bool:
    """Whether what is removed is all that a dataset had, by whatever names."""
    return isinstance(removed, Thing) and removed.type in {"column_names", "features"}


def given_by(result: Value) -> dict[str, Value] | None:
    """What the function of a ``map`` gives, by column; None if not all of it is known."""
    if isinstance(result, Mapping_):
        return None if result.more or result.patterns else {str(key): value for key, value in result.items.items()}
    if isinstance(result, Thing) and result.type in {"transformers.BatchEncoding", "datasets.row"}:
        return {str(key): value for key, value in result.data.get("items", {}).items()}
    if isinstance(result, Const) and result.value is None:
        return {}
    if isinstance(result, Alternatives):
        options = [given_by(option) for option in result.values]
        if all(option is not None and option.keys() == (options[0] or {}).keys() for option in options):
            return options[0]
    return None


def example_of(value: Value) -> Value:
    """One item of a column given as a list."""
    if isinstance(value, Sequence_):
        return value.item or (value.items[0] if value.items else unknown())
    if isinstance(value, Thing):
        made = unknown(tags=value.tags)
        made.data |= {key: kept for key, kept in value.data.items() if key in {"encoded", "copy_of", "column"}}
        return made
    return unknown(tags=join_tags([value]))


def kind_of(value: Value) -> str:
    """The type of a column that holds this value: "string", "list", or "" if it is not known."""
    kind = getattr(value, "type", "")
    if isinstance(value, Sequence_):
        return "list"
    if isinstance(value, Const):
        return {str: "string", int: "int64", float: "float64", bool: "bool"}.get(type(value.value), "")
    return {"list": "list", "str": "string"}.get(kind, "")


def restricted(columns: Columns | None, names: list[str] | None) -> Columns | None:
    """Only some of the columns."""
    return None if columns is None or names is None else {name: columns.get(name, "") for name in names}


def renamed(columns: Columns | None, names: dict[str, str]) -> Columns | None:
    """The columns under new names."""
    return None if columns is None else {names.get(name, name): kind for name, kind in columns.items()}


_PYTHON_TYPES = {
    "string": "str",
    "int32": "int",
    "int64": "int",
    "class": "int",
    "float32": "float",
    "float64": "float",
    "bool": "bool",
}


def python_type(kind: str, *, batched: bool) -> str:
    """What a field of a row is in Python, "" if not known; a batch holds a list of them."""
    if batched:
        return "list"
    return "list" if kind.startswith("list") else _PYTHON_TYPES.get(kind, "")
