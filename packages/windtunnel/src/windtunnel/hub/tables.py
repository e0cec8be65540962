"""Tables as the real repositories store them: the catalogue's columns and types, Parquet that names its features."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from windtunnel.hub.catalog import Column
    from windtunnel.hub.generate import Row

ARROW_TYPES = {"string": pa.string(), "int32": pa.int32(), "int64": pa.int64(), "float32": pa.float32()}


class TableError(Exception):
    """A table cannot be read as the columns it must have; the text lists every problem."""


def table_of_rows(rows: Sequence[Row], columns: Sequence[Column]) -> pa.Table:
    """Lay out generated rows in the order and types of ``columns``."""
    return pa.table(
        {column.name: pa.array([row[column.name] for row in rows], ARROW_TYPES[column.dtype]) for column in columns}
    )


def read_projected(path: Path, columns: Sequence[Column]) -> pa.Table:
    """Read a Parquet file and keep exactly ``columns``, in their order and types.

    Further columns are dropped and other widths of the same kind converted; a value is never changed.

    Raises:
        TableError: not Parquet, damaged, without rows, a column missing or of another kind, an empty cell, a class
            label that is neither -1 nor the position of a name.
    """
    try:
        table = pq.read_table(path)
        table.validate(full=True)  # text that is no UTF-8 would fail in the client, far from here
    except (pa.ArrowException, OSError) as error:
        raise TableError(f"is not a readable Parquet file ({_first_line(error)})") from error
    problems = []
    if table.num_rows == 0:
        problems.append("has no rows")
    kept: dict[str, pa.ChunkedArray] = {}
    for column in columns:
        if column.name not in table.column_names:
            problems.append(f"has no column {column.name!r} (its columns: {', '.join(table.column_names)})")
            continue
        try:
            kept[column.name] = _converted(table.column(column.name), column)
        except TableError as error:
            problems.append(str(error))
    if problems:
        raise TableError("; ".join(problems))
    return pa.table(kept)


def write_parquet(table: pa.Table, columns: Sequence[Column], path: Path) -> int:
    """Write ``table`` with its features in the file's metadata; return the size of its values in bytes."""
    info = {"info": {"features": {column.name: _feature(column) for column in columns}}}
    pq.write_table(table.replace_schema_metadata({"huggingface": json.dumps(info)}), path, compression="zstd")
    return int(table.nbytes)


def _feature(column: Column) -> dict[str, Any]:
    if column.labels:
        return {"names": list(column.labels), "_type": "ClassLabel"}
    return {"dtype": column.dtype, "_type": "Value"}


def _converted(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    wanted = ARROW_TYPES[column.dtype]
    if _kind(values.type) != _kind(wanted):
        raise TableError(f"column {column.name!r} is {values.type}, it must be {wanted}")
    if values.null_count:
        raise TableError(f"column {column.name!r} has {values.null_count} empty cells")
    try:
        # a score may lose digits on its way to float32, an integer or a text must not change at all
        converted = values.cast(wanted, safe=not pa.types.is_floating(wanted))
    except pa.ArrowInvalid as error:
        raise TableError(f"column {column.name!r} does not fit into {wanted} ({_first_line(error)})") from error
    if column.labels and len(values):
        low, high = pc.min_max(converted).as_py().values()
        if low < -1 or high >= len(column.labels):
            names = ", ".join(f"{position} {name}" for position, name in enumerate(column.labels))
            raise TableError(
                f"column {column.name!r} has the label {low if low < -1 else high}, known are {names}, -1 none"
            )
    return converted


def _kind(dtype: pa.DataType) -> str:
    if pa.types.is_dictionary(dtype):
        dtype = dtype.value_type
    if pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return "text"
    if pa.types.is_integer(dtype):
        return "integer"
    return "number" if pa.types.is_floating(dtype) else str(dtype)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
