"""Tables as the real repositories store them: the catalogue's columns and types, in Parquet or as JSON.

The features are written in the form that every version of `datasets` since 2.14 reads: a list is a ``Sequence``, a
nested column whose fields are all lists is a ``Sequence`` of its fields, a list of nested values is a list.
"""

from __future__ import annotations

import gzip
import json
import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from windtunnel.knowledge.datasets import Column

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from windtunnel.hub.generate import Row

LIST_OF = "list<"
MESSAGE_FIELDS = (Column("content", "string"), Column("role", "string"))
_SCALARS = {
    "string": pa.string(),
    "bool": pa.bool_(),
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "class": pa.int64(),
    "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}),
}


class TableError(Exception):
    """A table cannot be read as the columns it must have; the text lists every problem."""


def arrow_type(column: Column) -> pa.DataType:
    """The type in which a column is stored."""
    if column.dtype == "struct":
        return pa.struct({field.name: arrow_type(field) for field in column.fields})
    if column.dtype.startswith(LIST_OF):
        return pa.list_(arrow_type(element(column)))
    return _SCALARS[column.dtype]


def element(column: Column) -> Column:
    """What a column of lists has in each of its lists."""
    dtype = column.dtype.removeprefix(LIST_OF).removesuffix(">")
    if dtype == "message":
        return Column(column.name, "struct", fields=MESSAGE_FIELDS)
    return Column(column.name, dtype, column.labels, column.fields)


def is_columnwise(column: Column) -> bool:
    """Whether a nested column is a ``Sequence`` of its fields: all of them are lists."""
    return column.dtype == "struct" and all(field.dtype.startswith(LIST_OF) for field in column.fields)


def table_of_rows(rows: Sequence[Row], columns: Sequence[Column]) -> pa.Table:
    """Lay out generated rows in the order and types of ``columns``."""
    return pa.table(
        {column.name: pa.array([row[column.name] for row in rows], arrow_type(column)) for column in columns}
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


def write_table(table: pa.Table, columns: Sequence[Column], path: Path) -> int:
    """Write ``table`` in the format that the name of ``path`` says; return the size of its values in bytes.

    Args:
        table: with the columns in their order and types.
        columns: of which a Parquet file names the features in its metadata.
        path: ``.parquet``; ``.json``, one list; or ``.jsonl``, ``.json.gz``, ``.jsonl.gz``, an object on each line.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        info = {"info": {"features": {column.name: feature_json(column) for column in columns}}}
        described = table.replace_schema_metadata({"huggingface": json.dumps(info)})
        pq.write_table(described, path, compression="zstd")
    else:
        path.write_bytes(_json_bytes(table, path))
    return int(table.nbytes)


def permuted_targets(table: pa.Table, target: Sequence[str], *, seed: int) -> pa.Table:
    """Return ``table`` with the values of the target columns permuted among its rows, together.

    Args:
        table: of a training split.
        target: the columns that a learner has to predict from the others; those that are lists stay.
        seed: decides the permutation.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible, no secret
    order = pa.array(rng.sample(range(table.num_rows), table.num_rows))
    for name in target:
        if not pa.types.is_nested(table.schema.field(name).type):
            place = table.schema.get_field_index(name)
            table = table.set_column(place, name, table.column(name).take(order))
    return table


def _json_bytes(table: pa.Table, path: Path) -> bytes:
    rows = [json.dumps(row, ensure_ascii=False) for row in table.to_pylist()]
    if path.suffix == ".json":
        return ("[\n" + ",\n".join(rows) + "\n]\n").encode()
    lines = "".join(f"{row}\n" for row in rows).encode()
    return gzip.compress(lines, compresslevel=1, mtime=0) if path.suffix == ".gz" else lines


def feature_json(column: Column) -> dict[str, Any] | list[Any]:
    """The feature of a column as `datasets` writes it to JSON (``Features.to_dict``)."""
    if is_columnwise(column):
        return {"feature": {field.name: feature_json(element(field)) for field in column.fields}, "_type": "Sequence"}
    if column.dtype == "struct":
        return {field.name: feature_json(field) for field in column.fields}
    if column.dtype.startswith(LIST_OF):
        inside = feature_json(element(column))
        nested = element(column).dtype == "struct"
        return [inside] if nested else {"feature": inside, "_type": "Sequence"}
    if column.dtype == "image":
        return {"_type": "Image"}
    if column.labels:
        return {"names": list(column.labels), "_type": "ClassLabel"}
    return {"dtype": column.dtype, "_type": "Value"}


def _converted(values: pa.ChunkedArray, column: Column) -> pa.ChunkedArray:
    wanted = arrow_type(column)
    if _kind(values.type) != _kind(wanted):
        raise TableError(f"column {column.name!r} is {values.type}, it must be {wanted}")
    if values.null_count:
        raise TableError(f"column {column.name!r} has {values.null_count} empty cells")
    try:
        # a score may lose digits on its way to float32, an integer or a text must not change at all
        converted = values.cast(wanted, safe=not pa.types.is_floating(wanted))
    except pa.ArrowInvalid as error:
        raise TableError(f"column {column.name!r} does not fit into {wanted} ({_first_line(error)})") from error
    if column.dtype == "class" and len(values):
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
