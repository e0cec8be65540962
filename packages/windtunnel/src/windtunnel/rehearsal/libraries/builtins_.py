"""Python's built-in functions."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from windtunnel.rehearsal.config_nodes import path_text
from windtunnel.rehearsal.expectations import expecting
from windtunnel.rehearsal.iteration import items_of
from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.values import (
    NONE,
    Alternatives,
    Class,
    Const,
    Function,
    Instance,
    Library,
    Mapping_,
    Method,
    Node,
    Sequence_,
    Thing,
    Value,
    constant,
    lift,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine


@function("builtins.getattr")
def _getattr(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.attributes import attribute  # noqa: PLC0415 - the two call each other

    name = called.plain(1, "name")
    if not called.args or not isinstance(name, str):
        return unknown(tags=called.tags)
    return attribute(
        machine, called.args[0], name, called.node, default=called.args[2] if len(called.args) > 2 else None
    )


@function("builtins.hasattr")
def _hasattr(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.operators import contains  # noqa: PLC0415

    name = called.plain(1, "name")
    owner = called.args[0] if called.args else NONE
    if not isinstance(name, str):
        return unknown("bool")
    if isinstance(owner, Node):
        found = contains(machine, owner, Const(name), called.node)
        return unknown("bool") if found is None else Const(found)
    if isinstance(owner, Instance):
        if name in owner.attributes or owner.cls.find(name) is not None:
            return Const(value=True)
        return unknown("bool")
    if isinstance(owner, Const):
        return Const(hasattr(owner.value, name))
    machine.note("contains", called.node, type=owner.type if isinstance(owner, Thing) else "", receiver=owner, key=name)
    return unknown("bool")


@function("builtins.setattr")
def _setattr(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.assignments import set_attribute  # noqa: PLC0415

    name = called.plain(1, "name")
    if len(called.args) == 3 and isinstance(name, str):
        set_attribute(machine, called.args[0], name, called.args[2], called.node)
    return NONE


@function("builtins.len")
def _len(machine: Machine, called: Call) -> Value | None:
    value = called.args[0] if called.args else NONE
    if isinstance(value, Sequence_) and not value.more:
        return Const(len(value.items))
    if isinstance(value, Mapping_) and not value.more and not value.patterns:
        return Const(len(value.items))
    if isinstance(value, Node):
        return Const(len(value.config))
    if isinstance(value, Const) and hasattr(value.value, "__len__"):
        return Const(len(value.value))
    if isinstance(value, Alternatives) and value.expected is not None:
        return expecting(unknown("int"), _len(machine, replace(called, args=[value.expected])) or NONE)
    return unknown("int")


@function(
    "builtins.list",
    "builtins.tuple",
    "builtins.set",
    "builtins.frozenset",
    "builtins.sorted",
    "builtins.reversed",
    "builtins.iter",
)
def _collect(machine: Machine, called: Call) -> Value | None:
    kind = called.name.removeprefix("builtins.")
    name = {"sorted": "list", "frozenset": "set", "reversed": "list", "iter": "generator"}.get(kind, kind)
    if not called.args:
        return Sequence_(name, [], born=machine.open_loops)
    items, more, example = items_of(machine, called.args[0], called.node)
    items = list(items)
    key = called.keywords.get("key")
    if kind == "sorted" and not more and key is None:
        plain = [constant(item) for item in items]
        if all(known for known, _ in plain):
            with contextlib.suppress(TypeError):
                items = [
                    Const(value) if not isinstance(value, list | dict) else lift(value)
                    for value in sorted((value for _, value in plain), reverse=called.plain(9, "reverse") is True)
                ]
    if kind == "sorted" and key is not None:
        from windtunnel.rehearsal.library_calls import call_back  # noqa: PLC0415 - the two call each other

        call_back(machine, called)
    if kind == "reversed":
        items.reverse()
    if name == "set":
        items = _unique(items)
    return Sequence_(name, items, more=more, item=example if more else None, born=machine.open_loops)


def _unique(items: list[Value]) -> list[Value]:
    found: list[Value] = []
    seen: set[Any] = set()
    for item in items:
        if isinstance(item, Const):
            try:
                if item.value in seen:
                    continue
                seen.add(item.value)
            except TypeError:
                pass
        found.append(item)
    return found


@function("builtins.dict", "collections.OrderedDict")
def _dict(machine: Machine, called: Call) -> Value | None:
    made = Mapping_({}, more=called.starred)
    for value in called.args[:1]:
        if isinstance(value, Mapping_):
            made = Mapping_(dict(value.items), value.more, value.item, list(value.patterns))
        elif isinstance(value, Node):
            from windtunnel.rehearsal.config_nodes import get_key  # noqa: PLC0415

            for key in items_of(machine, value, called.node)[0]:
                if isinstance(key, Const):
                    made.items[key.value] = get_key(machine, value, key.value, called.node)
        elif isinstance(value, Thing) and value.type == "transformers.BatchEncoding":
            made = Mapping_(dict(value.data.get("items", {})))
        elif isinstance(value, Thing):
            return Thing(
                "dict",
                data={"copied": value, **{key: item for key, item in value.data.items() if key == "wandb"}},
                origin=value.tags,
            )
        else:
            items, more, _ = items_of(machine, value, called.node)
            made.more = more
            for pair in items:
                if isinstance(pair, Sequence_) and len(pair.items) == 2 and isinstance(pair.items[0], Const):
                    made.items[pair.items[0].value] = pair.items[1]
                else:
                    made.more = True
    made.items |= dict(called.keywords)
    return made


@function("builtins.dict.fromkeys", "collections.OrderedDict.fromkeys")
def _fromkeys(machine: Machine, called: Call) -> Value | None:
    items, more, _ = items_of(machine, called.args[0] if called.args else NONE, called.node)
    value = called.argument(1, "value") or NONE
    keys = [constant(item) for item in items]
    try:
        return Mapping_(
            {key: value for known, key in keys if known}, more=more or not all(known for known, _ in keys), item=value
        )
    except TypeError:
        return Mapping_({}, more=True, item=value)


@function("builtins.range")
def _range(machine: Machine, called: Call) -> Value | None:
    plain = [constant(value) for value in called.args]
    if plain and all(known and isinstance(value, int) for known, value in plain):
        try:
            return Const(range(*(value for _, value in plain)))
        except (ValueError, TypeError):
            return unknown()
    return Sequence_("range", [], more=True, item=unknown("int"))


@function("builtins.enumerate")
def _enumerate(machine: Machine, called: Call) -> Value | None:
    if not called.args:
        return unknown()
    items, more, example = items_of(machine, called.args[0], called.node)
    start = called.plain(1, "start", 0)
    if more or not isinstance(start, int):
        return Sequence_("generator", [], more=True, item=Sequence_("tuple", [unknown("int"), example]))
    return Sequence_(
        "generator", [Sequence_("tuple", [Const(index + start), item]) for index, item in enumerate(items)]
    )


@function("builtins.zip")
def _zip(machine: Machine, called: Call) -> Value | None:
    parts = [items_of(machine, value, called.node) for value in called.args]
    if any(more for _, more, _ in parts) or not parts:
        return Sequence_(
            "generator",
            [],
            more=True,
            item=Sequence_(
                "tuple", [example if more else (items[0] if items else example) for items, more, example in parts]
            ),
        )
    return Sequence_(
        "generator", [Sequence_("tuple", list(row)) for row in zip(*(items for items, _, _ in parts), strict=False)]
    )


@function("builtins.map", "builtins.filter")
def _map(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.calls import call  # noqa: PLC0415

    if len(called.args) != 2:
        return unknown(tags=called.tags)
    items, more, example = items_of(machine, called.args[1], called.node)
    if called.name == "builtins.filter":
        return Sequence_("generator", [], more=True, item=items[0] if items else example)
    made = [call(machine, called.args[0], [item], {}, called.node) for item in items[:64]]
    if more:
        return Sequence_("generator", [], more=True, item=call(machine, called.args[0], [example], {}, called.node))
    return Sequence_("generator", made)


_OF_NOTHING = {"any": False, "all": True, "sum": 0}


@function(
    "builtins.min", "builtins.max", "builtins.sum", "builtins.any", "builtins.all", "builtins.pow", "builtins.divmod"
)
def _reduce(machine: Machine, called: Call) -> Value | None:
    name = called.name.removeprefix("builtins.")
    values = called.args
    if len(values) == 1 or name == "sum":
        items, more, _ = items_of(machine, values[0], called.node) if values else ([], False, NONE)
        values = items if not more else [unknown()]
        if not items and not more and name in _OF_NOTHING:
            return Const(_OF_NOTHING[name])
    plain = [constant(value) for value in values]
    if (
        values
        and all(known for known, _ in plain)
        and not called.keywords
        and name in {"min", "max", "any", "all", "sum"}
    ):
        try:
            reduce: Any = {"min": min, "max": max, "any": any, "all": all, "sum": sum}[name]
            return lift(reduce([value for _, value in plain]))
        except (TypeError, ValueError):
            return unknown()
    kinds = {value.type for value in values if isinstance(value, Thing)}
    return unknown("bool" if name in {"any", "all"} else next(iter(kinds)) if len(kinds) == 1 else "", called.tags)


@function("builtins.next")
def _next(machine: Machine, called: Call) -> Value | None:
    items, more, example = items_of(machine, called.args[0], called.node) if called.args else ([], True, unknown())
    return example if more or not items else items[0]


@function("builtins.open")
def _open(machine: Machine, called: Call) -> Value | None:
    mode = called.plain(1, "mode", "r")
    what = "write" if isinstance(mode, str) and set(mode) & set("wax+") else "read"
    path = called.argument(0, "file") or NONE
    from windtunnel.rehearsal.libraries.paths import touched  # noqa: PLC0415

    touched(machine, path, what, called.node)
    return Thing("io.TextIOWrapper", data={"path": path, "mode": mode})


@function("builtins.type")
def _type(machine: Machine, called: Call) -> Value | None:
    value = called.args[0] if called.args else NONE
    if isinstance(value, Instance):
        return value.cls
    if isinstance(value, Const):
        return Library(f"builtins.{type(value.value).__name__}")
    return Library(value.type) if isinstance(value, Thing) and value.type else unknown()


@function("builtins.print", "builtins.id", "builtins.hash", "builtins.callable", "builtins.input")
def _print(machine: Machine, called: Call) -> Value | None:
    if called.name == "builtins.print":
        machine.note("print", called.node, args=called.args, keywords=called.keywords)
        return NONE
    if (
        called.name == "builtins.callable"
        and called.args
        and isinstance(called.args[0], Function | Class | Library | Method)
    ):
        return Const(value=True)
    return unknown()


@function("builtins.exit", "builtins.quit", "sys.exit", "os._exit")
def _exit(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.machine import Left  # noqa: PLC0415

    machine.note("exit", called.node, code=called.args[0] if called.args else Const(0))
    raise Left


@function("builtins.super", "builtins.property", "builtins.staticmethod", "builtins.classmethod")
def _wrap(machine: Machine, called: Call) -> Value | None:
    return called.args[0] if called.args else unknown()


@function("builtins.exec", "builtins.eval", "builtins.__import__", "builtins.compile")
def _dynamic(machine: Machine, called: Call) -> Value | None:
    return unknown()


__all__ = ["path_text"]
