"""Puts the fields of a row into the columns of a dataset, and fills the columns that no grammar knows.

A cell whose value is kept from the public is -1 where a number stands, "" where a text stands, and an empty list.
"""

from __future__ import annotations

import hashlib
import random
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windtunnel.hub.generate.grammar import Fields
    from windtunnel.knowledge.datasets import Column

Row = dict[str, Any]

# columns beside the task, by their names: where a row comes from, how it is called, of what sort it is
BESIDE = re.compile(
    r"(.*[_-]?(id|ids|url|link|date|timestamp|created_at|lang|langs|model|version|status|parse))|id.*|title|source|dataset"
    r"|domain|genre|category|topic|type|split|split_type|spans|meta|author|reason|rationale|file|filename|.*_?rating"
)
TASK_NUMBERS = frozenset({"label", "labels", "answer", "target", "score"})

COUNTERS = frozenset({"idx", "ind", "index", "id", "task_id"})
WORDS = ("amber", "birch", "cobalt", "delta", "ember", "fjord", "grove", "harbour")
FILLED = frozenset(
    {"string", "int8", "int16", "int32", "int64", "uint8", "float32", "float64", "bool", "struct"}
    | {"list<string>", "list<int32>", "list<int64>", "list<float32>", "list<float64>", "list<message>", "list<struct>"}
)


def can_fill(column: Column) -> bool:
    """Whether a column that no grammar knows can be given values of the right type."""
    if column.dtype == "struct":
        return bool(column.fields) and all(can_fill(field) for field in column.fields)
    return column.dtype in FILLED or bool(column.labels)


def is_beside(column: Column) -> bool:
    """Whether the name of a column that no grammar knows says that the task can be learned without it."""
    if column.dtype in {"string", "list<string>"}:
        return BESIDE.fullmatch(column.name.lower()) is not None
    return column.name.lower() not in TASK_NUMBERS


def lay_out(
    columns: Sequence[Column],
    roles: Mapping[str, str],
    rows: Sequence[Fields],
    *,
    hidden: Sequence[str] = (),
    seed: str,
) -> list[Row]:
    """Give every row its columns.

    Args:
        columns: of the dataset, in their order.
        roles: role → column.
        rows: the fields by role.
        hidden: roles whose values are not published.
        seed: decides the values of the columns that have no role.
    """
    rng = random.Random(f"{seed}/other columns")  # noqa: S311 - reproducible values, no secret
    role_of = {column: role for role, column in roles.items()}
    laid: list[Row] = []
    for place, fields in enumerate(rows):
        row: Row = {}
        for column in columns:
            role = role_of.get(column.name)
            if role is None or role not in fields:
                row[column.name] = _filler(column, place, rng, seed)
            elif role in hidden:
                row[column.name] = _kept_back(column)
            else:
                row[column.name] = _cell(fields[role], column)
        laid.append(row)
    return laid


def _cell(value: Any, column: Column) -> Any:
    if column.dtype == "string" and not isinstance(value, str):
        return str(value)
    if column.dtype == "bool":
        return bool(value)
    return value


def _kept_back(column: Column) -> Any:
    if column.dtype.startswith("list"):
        return []
    if column.dtype in {"string", "bool", "struct"}:
        return "" if column.dtype == "string" else None
    return -1


def _filler(column: Column, place: int, rng: random.Random, seed: str) -> Any:
    if column.labels and not column.dtype.startswith("list"):
        return rng.randrange(len(column.labels))
    if column.dtype.startswith("list"):
        return []
    if column.dtype == "struct":
        return {field.name: _filler(field, place, rng, seed) for field in column.fields}
    if column.dtype == "bool":
        return rng.random() < 0.5
    if column.dtype.startswith("float"):
        return round(rng.uniform(1.0, 5.0), 1)
    if column.dtype == "int8":
        return rng.randrange(8)
    if "int" in column.dtype:
        return place
    return _text(column.name, place, rng, seed)


def _text(name: str, place: int, rng: random.Random, seed: str) -> str:
    plain = name.lower()
    if plain in COUNTERS or plain.endswith(("id", "_id")):
        return hashlib.sha1(f"{seed}/{place}".encode(), usedforsecurity=False).hexdigest()[:24]
    if "url" in plain or "link" in plain:
        return f"https://example.org/{rng.choice(WORDS)}/{place}"
    if plain in {"timestamp", "date", "created_at"}:
        return f"2019-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:00Z"
    if "title" in plain:
        return f"{rng.choice(WORDS)} {rng.choice(WORDS)}".title()
    return rng.choice(WORDS)
