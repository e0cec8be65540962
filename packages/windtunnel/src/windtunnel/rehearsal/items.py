"""Items and slices: what ``value[key]`` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import ListConfig

from windtunnel.rehearsal.config_nodes import get_key
from windtunnel.rehearsal.expectations import happens
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.libraries import registry
from windtunnel.rehearsal.values import (
    Alternatives,
    Const,
    Instance,
    Library,
    Mapping_,
    Node,
    Sequence_,
    Text,
    Thing,
    Value,
    constant,
    unknown,
)

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine


def item(machine: Machine, owner: Value, key: Value | None, at: ast.AST, bounds: list[Value] | None = None) -> Value:
    """``owner[key]``, or ``owner[a:b:c]`` with ``bounds``."""
    if isinstance(owner, Alternatives):
        result: Value | None = None
        for option in owner.values:
            with machine.supposing(happens=happens(owner, option)):
                value = item(machine, option, key, at, bounds)
            result = value if result is None else join(result, value)
        return result or unknown()
    if bounds is not None:
        return _slice(owner, bounds)
    known, plain = constant(key) if key is not None else (False, None)
    if isinstance(owner, Node):
        return _of_node(machine, owner, plain, at) if known else unknown(tags=owner.tags)
    if isinstance(owner, Mapping_):
        return _of_mapping(machine, owner, key, plain, at, known=known)
    if isinstance(owner, Sequence_):
        if known and isinstance(plain, int):
            if plain == -1 and owner.last is not None:
                return owner.last
            if -len(owner.items) <= plain < len(owner.items) and (not owner.more or plain >= 0):
                return owner.items[plain]
            if not owner.more:
                return machine.fail("crash", at, "IndexError", message=f"index {plain} of {len(owner.items)} items")
        return owner.item or unknown(tags=owner.tags)
    if isinstance(owner, Const):
        return _of_constant(machine, owner, plain, at, known=known)
    if isinstance(owner, Thing):
        model = registry.item_model(owner)
        known_item = model(machine, owner, key, at) if model is not None else None
        if known_item is not None:
            return known_item
        event = machine.note("subscript", at, type=owner.type, receiver=owner, key=key)
        if known and isinstance(plain, str | int):
            kept = owner.data.get("items", {}).get(plain)
            if isinstance(kept, Value):
                return kept
        made = unknown("torch.Tensor" if owner.type == "torch.Tensor" else "", owner.tags)
        event.data["result"] = made
        made.data["item_of"] = (owner, key)
        return made
    if isinstance(owner, Instance):
        from windtunnel.rehearsal.calls import call_method  # noqa: PLC0415 - the two call each other

        if owner.cls.find("__getitem__") is not None:
            return call_method(machine, owner, "__getitem__", [key or unknown()], {}, at)
        return unknown(tags=owner.tags)
    if isinstance(owner, Library):
        machine.note("subscript", at, type=owner.name, receiver=owner, key=key)
        return (
            unknown("str")
            if owner.name == "os.environ"
            else Library(f"{owner.name}[]")
            if owner.name.startswith("typing.")
            else owner  # a class with its parameters: DataLoader[Any]
            if owner.name.rsplit(".", 1)[-1][:1].isupper()
            else unknown()
        )
    return unknown(tags=owner.tags)


def _of_node(machine: Machine, owner: Node, key: object, at: ast.AST) -> Value:
    if isinstance(owner.config, ListConfig) and not isinstance(key, int):
        return machine.fail("crash", at, "ConfigTypeError", message=f"list indexed by {key!r}")
    return get_key(machine, owner, key, at, item=True)


def _of_mapping(
    machine: Machine, owner: Mapping_, key: Value | None, plain: object, at: ast.AST, *, known: bool
) -> Value:
    if known:
        try:
            if plain in owner.items:
                return owner.items[plain]
        except TypeError:
            return machine.fail("crash", at, "TypeError", message=f"unhashable key {plain!r}"[:200])
        fitting = [value for pattern, value in owner.patterns if isinstance(plain, str) and pattern.matches(plain)]
        if fitting:
            return fitting[0]
        if not owner.more:
            origin = key.origin if isinstance(key, Const) else None
            return machine.fail(
                "crash",
                at,
                "KeyError",
                message=repr(plain)[:200],
                keys=tuple(str(name) for name in owner.items),
                origin=origin,
            )
        return owner.item or unknown(tags=owner.tags)
    result: Value | None = owner.item
    for value in list(owner.items.values())[:8]:
        result = value if result is None else join(result, value)
    return result or unknown(tags=owner.tags)


def _of_constant(machine: Machine, owner: Const, plain: object, at: ast.AST, *, known: bool) -> Value:
    if not known:
        return unknown("str" if isinstance(owner.value, str) else "")
    try:
        return Const(owner.value[plain])
    except (TypeError, KeyError, IndexError) as error:
        if owner.origin and isinstance(plain, str):
            return machine.fail(
                "missing",
                at,
                type(error).__name__,
                key=f"{owner.origin}.{plain}",
                why="scalar",
                parent=None,
                scalar=owner,
                message=str(error)[:200],
            )
        if owner.value is None:
            return unknown()
        return machine.fail("crash", at, type(error).__name__, message=str(error)[:200])


def _slice(owner: Value, bounds: list[Value]) -> Value:
    plain = [constant(bound) for bound in bounds]
    if all(known for known, _ in plain):
        cut = slice(*(value for _, value in plain))
        try:
            if isinstance(owner, Sequence_) and not owner.more:
                return Sequence_(owner.kind, owner.items[cut])
            if isinstance(owner, Const) and isinstance(owner.value, str | bytes | tuple):
                return Const(owner.value[cut], None)
        except (TypeError, ValueError):
            return unknown()
    if isinstance(owner, Sequence_):
        return Sequence_(owner.kind, [], more=True, item=owner.item or (owner.items[0] if owner.items else None))
    if isinstance(owner, Text) or (isinstance(owner, Const) and isinstance(owner.value, str)):
        return unknown("str")
    made = unknown(owner.type if isinstance(owner, Thing) else "", owner.tags)
    if isinstance(owner, Thing):
        made.data |= {key: value for key, value in owner.data.items() if key != "items"}
        made.data["sliced"] = owner
    return made
