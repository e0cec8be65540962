"""datasets: which rows a value comes from, and which columns are left.

A dataset carries the tag ``split:<name>`` of its rows, and so does everything made from them; that is how rows of a
test split that reach a gradient are seen.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from windtunnel.rehearsal.libraries.dataset_columns import (
    after_map,
    loaded,
    names_in,
    python_type,
    renamed,
    restricted,
    splits_of,
)
from windtunnel.rehearsal.libraries.registry import Call, attributes, function, items, method
from windtunnel.rehearsal.values import (
    NONE,
    Const,
    Function,
    Mapping_,
    Partial,
    Path_,
    Sequence_,
    Thing,
    Value,
    constant,
    unknown,
)

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

DATASET = "datasets.Dataset"
DICT = "datasets.DatasetDict"
_SPLIT = re.compile(r"\w+")


def split_tag(name: str) -> frozenset[str]:
    """The tag of a split: ``train[:90%]`` is the split ``train``."""
    match = _SPLIT.match(name)
    return frozenset({f"split:{match.group(0) if match else name}"})


@function("datasets.load_dataset", "datasets.load_from_disk", "datasets.load.load_dataset")
def _load(machine: Machine, called: Call) -> Value | None:
    _taken_from_hub(called)
    split = called.keywords.get("split")
    if called.name.endswith("load_from_disk"):
        return Thing(DATASET)
    if split is None or split == NONE:
        return Thing(DICT, data={"load": called, "columns": loaded(called), "keys": splits_of(called)})
    known, plain = constant(split)
    if known and isinstance(plain, list | tuple):
        return Sequence_("list", [_dataset(called, str(name)) for name in plain])
    if known and isinstance(plain, str):
        return _dataset(called, plain)
    return Thing(DATASET, data={"load": called, "columns": loaded(called)})


@function("huggingface_hub.snapshot_download")
def _snapshot(machine: Machine, called: Call) -> Value | None:
    kind = called.plain(99, "repo_type")
    return Thing("str", data={"hub": called.argument(0, "repo_id") or NONE, "repo_type": kind}, origin=called.tags)


def _taken_from_hub(called: Call) -> None:
    """Files of a dataset that were downloaded first are that dataset: the call is seen as one that names it."""
    given = called.argument(0, "path")
    path = given.data.get("path") if isinstance(given, Thing) else given
    folder = path.text if isinstance(path, Path_) else given
    name = folder.data.get("hub") if isinstance(folder, Thing) and folder.data.get("repo_type") == "dataset" else None
    if isinstance(name, Const):
        if called.args:
            called.args[0] = name
        else:
            called.keywords["path"] = name
        called.keywords.pop("data_files", None)


def _dataset(called: Call, split: str) -> Thing:
    return Thing(DATASET, data={"load": called, "split": split, "columns": loaded(called)}, origin=split_tag(split))


@items(DICT)
def _split(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    known, plain = constant(key) if key is not None else (False, None)
    machine.note(
        "split", at, load=receiver.data.get("load"), split=plain if known else None, receiver=receiver, key=key
    )
    kept = {name: value for name, value in receiver.data.items() if name not in {"keys", "splits"}}
    made = Thing(
        DATASET,
        data={**kept, "split": plain if known else None},
        origin=split_tag(plain) if isinstance(plain, str) else receiver.tags,
    )
    held = receiver.data.get("splits", {})
    if known and plain in held:
        return held[plain]  # type: ignore[no-any-return]
    return made


@items(DATASET)
def _column(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    known, plain = constant(key) if key is not None else (False, None)
    if known and isinstance(plain, str):
        machine.note("column", at, dataset=receiver, column=plain)
        return Thing("list", data={"column": (receiver, plain)}, origin=receiver.tags)
    if (known and isinstance(plain, int)) or (isinstance(key, Thing) and key.type in {"", "int"}):
        return row(receiver)
    return unknown(tags=receiver.tags)


def row(dataset: Thing, *, batched: bool = False) -> Value:
    """One row of a dataset, or a batch of rows: a list for each column."""
    return Thing("datasets.row", data={"dataset": dataset, "batched": batched}, origin=dataset.tags)


@items("datasets.row")
def _field(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    known, plain = constant(key) if key is not None else (False, None)
    if known and isinstance(plain, str):
        held = receiver.data.get("items", {}).get(plain)
        if isinstance(held, Value):
            return held
        machine.note(
            "column",
            at,
            dataset=receiver.data.get("dataset"),
            column=plain,
            row=True,
            batched=bool(receiver.data.get("batched")),
        )
        return field(receiver, plain)
    return Thing("", data={"column": (receiver.data.get("dataset"), plain)}, origin=receiver.tags)


def field(receiver: Thing, name: str) -> Value:
    """A column's value in a row, or its list of values in a batch."""
    dataset = receiver.data.get("dataset")
    data = dataset.data if isinstance(dataset, Thing) else {}
    kind = (data.get("columns") or {}).get(name, "")
    batched = bool(receiver.data.get("batched"))
    made = Thing(python_type(kind, batched=False), data={"column": (dataset, name), "kind": kind}, origin=receiver.tags)
    value = data.get("added", {}).get(name)
    if isinstance(value, Thing):
        made.type = value.type
        made.data = {**value.data, **made.data}
    elif value is not None:
        made.data["value"] = value
    if not batched:
        return made
    return Thing(
        "list", data={"column": (dataset, name), "kind": kind, "batched": True, "element": made}, origin=receiver.tags
    )


@method("datasets.row", "get")
def _field_get(machine: Machine, receiver: Value, called: Call) -> Value | None:
    known, plain = constant(called.args[0]) if called.args else (False, None)
    dataset = receiver.data.get("dataset") if isinstance(receiver, Thing) else None
    columns = dataset.data.get("columns") if isinstance(dataset, Thing) else None
    if isinstance(receiver, Thing) and known and isinstance(plain, str) and plain in (columns or {}):
        return field(receiver, plain)
    if columns is not None and known and isinstance(plain, str):
        return called.argument(1, "default") or NONE
    return unknown(tags=receiver.tags)


@method("datasets.row", "keys", "items", "values")
def _field_names(machine: Machine, receiver: Value, called: Call) -> Value | None:
    dataset = receiver.data.get("dataset") if isinstance(receiver, Thing) else None
    columns = dataset.data.get("columns") if isinstance(dataset, Thing) else None
    if columns is None or not isinstance(receiver, Thing):
        return None
    names: list[Value] = [Const(name) for name in columns]
    fields = [field(receiver, name) for name in columns]
    if called.name == "items":
        return Sequence_("list", [Sequence_("tuple", [name, value]) for name, value in zip(names, fields, strict=True)])
    return Sequence_("list", names if called.name == "keys" else fields)


@method("list", "copy")
def _list_copy(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if not isinstance(receiver, Thing):
        return None
    return Thing("list", data={**receiver.data, "copy_of": receiver}, origin=receiver.tags)


@method(DATASET, "map", "filter")
@method(DICT, "map", "filter")
def _map(machine: Machine, receiver: Value, called: Call) -> Value | None:
    from windtunnel.rehearsal.calls import call  # noqa: PLC0415 - the two call each other

    if not isinstance(receiver, Thing):
        return None
    mapped = called.argument(0, "function")
    result: Value = NONE
    if isinstance(mapped, Function | Partial):
        extra: dict[str, Value] = {}
        given = called.keywords.get("fn_kwargs")
        if isinstance(given, Mapping_):
            extra = {str(key): value for key, value in given.items.items()}
        indices: list[Value] = [unknown("int")] if called.plain(99, "with_indices") is True else []
        result = call(machine, mapped, [_mapped_input(receiver, called), *indices], extra, called.node)
    machine.note(
        "mapped",
        called.node,
        how=called.name,
        dataset=receiver,
        result=result,
        keywords=called.keywords,
        function=mapped,
    )
    made = Thing(
        receiver.type, data={**receiver.data, "mapped": (called, result), "before": receiver}, origin=receiver.tags
    )
    if called.name == "map":
        removed = called.keywords.get("remove_columns")
        made.data["removed"] = removed
        batched = called.plain(99, "batched") is True
        made.data["columns"], made.data["added"] = after_map(receiver, removed, result, batched=batched)
    return made


def _mapped_input(receiver: Thing, called: Call) -> Value:
    columns = called.keywords.get("input_columns")
    batched = called.plain(99, "batched") is True
    names = names_in(columns) if columns is not None else None
    if columns is not None and names and len(names) == 1:
        return field(
            Thing("datasets.row", data={"dataset": receiver, "batched": batched}, origin=receiver.tags), names[0]
        )
    return row(receiver, batched=batched)


@method(
    DATASET,
    "select",
    "shuffle",
    "sort",
    "skip",
    "take",
    "shard",
    "with_format",
    "remove_columns",
    "rename_column",
    "rename_columns",
    "select_columns",
    "with_transform",
    "cast_column",
    "flatten_indices",
    "to_iterable_dataset",
)
@method(
    DICT, "shuffle", "with_format", "remove_columns", "rename_column", "rename_columns", "select_columns", "cast_column"
)
def _derived(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if not isinstance(receiver, Thing):
        return None
    steps = [*receiver.data.get("steps", []), called]
    made = Thing(receiver.type, data={**receiver.data, "steps": steps, "before": receiver}, origin=receiver.tags)
    _change_columns(made, called)
    return made


def _change_columns(made: Thing, called: Call) -> None:
    columns, added = made.data.get("columns"), made.data.get("added", {})
    if called.name == "remove_columns":
        gone = called.argument(0, "column_names")
        names = names_in(gone)
        made.data["columns"] = (
            None
            if columns is None or names is None
            else {name: kind for name, kind in columns.items() if name not in names}
        )
    elif called.name == "select_columns":
        made.data["columns"] = restricted(columns, names_in(called.argument(0, "column_names")))
    elif called.name in {"rename_column", "rename_columns"}:
        known, mapping = constant(called.args[0]) if called.args else (False, None)
        if called.name == "rename_column":
            old, new = called.plain(0, "original_column_name"), called.plain(1, "new_column_name")
            known, mapping = isinstance(old, str) and isinstance(new, str), {old: new}
        if known and isinstance(mapping, dict):
            made.data["columns"] = renamed(columns, mapping)
            made.data["added"] = {mapping.get(name, name): value for name, value in added.items()}
        else:
            made.data["columns"] = None
    elif called.name == "with_format":
        made.data["output"] = names_in(called.argument(1, "columns")) or None
    elif called.name in {"with_transform", "cast_column"}:
        made.data["output"] = None


@method(DATASET, "set_format", "set_transform", "reset_format")
@method(DICT, "set_format", "set_transform")
def _format(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if isinstance(receiver, Thing):
        receiver.data["steps"] = [*receiver.data.get("steps", []), called]
        receiver.data["output"] = names_in(called.argument(1, "columns")) or None
    return NONE


@method(DATASET, "train_test_split")
def _halves(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if not isinstance(receiver, Thing):
        return None
    halves = {
        name: Thing(DATASET, data={**receiver.data, "half": name}, origin=receiver.tags | {f"half:{name}"})
        for name in ("train", "test")
    }
    return Thing(
        DICT, data={**receiver.data, "splits": halves, "keys": ("train", "test"), "halves": True}, origin=receiver.tags
    )


@attributes(DATASET, "column_names", "features", "num_rows")
@attributes(DICT, "column_names", "features", "num_rows")
def _facts(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    name = getattr(at, "attr", "")
    columns = receiver.data.get("columns")
    if name == "column_names" and columns is not None and receiver.type == DATASET:
        return Sequence_("list", [Const(column) for column in columns])
    return Thing("int" if name == "num_rows" else name, data={"dataset": receiver})


@items("features", "column_names")
def _feature(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    known, plain = constant(key) if key is not None else (False, None)
    dataset = receiver.data.get("dataset")
    if receiver.type == "column_names" and isinstance(dataset, Thing):
        columns = dataset.data.get("columns")
        return (
            Sequence_("list", [Const(name) for name in columns])
            if columns is not None
            else Thing("column_names", data=dict(receiver.data))
        )
    machine.note("feature", at, dataset=receiver.data.get("dataset"), column=plain if known else None)
    return Thing("feature", data={"dataset": receiver.data.get("dataset"), "column": plain})


@function("datasets.concatenate_datasets")
def _concatenate(machine: Machine, called: Call) -> Value | None:
    return Thing(DATASET, origin=called.tags)


__all__ = ["Const", "row"]
