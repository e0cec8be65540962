"""Assignment: to names, attributes, items and patterns of them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.rehearsal.config_writes import delete_key, set_key
from windtunnel.rehearsal.expectations import happens
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.values import (
    Alternatives,
    Class,
    Const,
    Function,
    Instance,
    Library,
    Mapping_,
    Module,
    Node,
    Sequence_,
    Text,
    Thing,
    Value,
    constant,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine
    from windtunnel.rehearsal.values import Scope


def assign(machine: Machine, target: ast.expr, value: Value, scope: Scope) -> None:
    """Give a target its value."""
    if isinstance(target, ast.Name):
        scope.names[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target, value, scope)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, value, scope)
    elif isinstance(target, ast.Attribute):
        from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415 - the two call each other

        with machine.assigning():
            owner = evaluate(machine, target.value, scope)
        set_attribute(machine, owner, target.attr, value, target)
    elif isinstance(target, ast.Subscript):
        from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415

        with machine.assigning():
            owner = evaluate(machine, target.value, scope)
        set_item(machine, owner, evaluate(machine, target.slice, scope), value, target)


def _unpack(machine: Machine, target: ast.Tuple | ast.List, value: Value, scope: Scope) -> None:
    from windtunnel.rehearsal.iteration import items_of  # noqa: PLC0415 - the two call each other

    items, more, example = items_of(machine, value, target)
    starred = next((index for index, item in enumerate(target.elts) if isinstance(item, ast.Starred)), None)
    if more or starred is not None or len(items) != len(target.elts):
        if not more and starred is None and items:
            machine.fail(
                "crash",
                target,
                "ValueError",
                message=f"{len(items)} values for {len(target.elts)} names: {ast.unparse(target)}",
            )
        for index, item in enumerate(target.elts):
            if isinstance(item, ast.Starred):
                rest = items[index : len(items) - (len(target.elts) - index - 1)] if not more else []
                assign(machine, item.value, Sequence_("list", rest, more=more, item=example), scope)
            elif starred is None or index < starred:
                assign(machine, item, items[index] if index < len(items) else example, scope)
            else:
                back = index - len(target.elts)
                assign(machine, item, items[back] if not more and -back <= len(items) else example, scope)
        return
    for item, part in zip(target.elts, items, strict=True):
        assign(machine, item, part, scope)


def set_attribute(machine: Machine, owner: Value, name: str, value: Value, node: ast.AST) -> None:
    """``owner.name = value``."""
    if isinstance(owner, Instance):
        value = _counted(machine, owner.attributes.get(name), value)
        owner.attributes[name] = join(owner.attributes.get(name), value) if machine.uncertain else value
    elif isinstance(owner, Node):
        set_key(machine, owner, name, value, node)
    elif isinstance(owner, Thing):
        owner.attributes[name] = value
        machine.note("set-attribute", node, type=owner.type, name=name, receiver=owner, value=value)
    elif isinstance(owner, Module | Class):
        names = owner.scope.names if isinstance(owner, Module) else owner.names
        names[name] = value
    elif isinstance(owner, Library):
        machine.note("set-attribute", node, type=owner.name, name=name, receiver=owner, value=value)
    elif isinstance(owner, Function):
        owner.defaults.setdefault(f".{name}", value)
    elif isinstance(owner, Alternatives):
        for option in owner.values:
            with machine.supposing(happens=happens(owner, option)):
                set_attribute(machine, option, name, value, node)


def _counted(machine: Machine, old: Value | None, new: Value) -> Value:
    """A number that changes in a loop: a loop is followed once.

    And a counter of an object is not what it is in that round.
    """
    if not machine.loops or not isinstance(old, Const) or not isinstance(new, Const):
        return new
    numbers = all(isinstance(one.value, int | float) and not isinstance(one.value, bool) for one in (old, new))
    return unknown(type(new.value).__name__) if numbers and old.value != new.value else new


def set_item(machine: Machine, owner: Value, key: Value, value: Value, node: ast.AST) -> None:
    """``owner[key] = value``."""
    known, plain = constant(key)
    if isinstance(owner, Node):
        if known and isinstance(plain, str | int):
            set_key(machine, owner, plain, value, node)
        else:
            machine.note("write", node, key="", value=value, unknown_key=key)
    elif isinstance(owner, Mapping_):
        if known and _hashable(plain):
            owner.items[plain] = join(owner.items.get(plain), value) if machine.uncertain else value
        elif isinstance(key, Text):
            owner.patterns.append((key, value))
        else:
            owner.more, owner.item = True, join(owner.item, value) if owner.item else value
    elif isinstance(owner, Sequence_):
        if known and isinstance(plain, int) and -len(owner.items) <= plain < len(owner.items):
            owner.items[plain] = value
    elif isinstance(owner, Thing | Library):
        machine.note(
            "set-item",
            node,
            type=owner.type if isinstance(owner, Thing) else owner.name,
            key=key,
            value=value,
            receiver=owner,
        )
        if isinstance(owner, Thing) and known and _hashable(plain):
            owner.data.setdefault("items", {})[plain] = value
    elif isinstance(owner, Alternatives):
        for option in owner.values:
            with machine.supposing(happens=happens(owner, option)):
                set_item(machine, option, key, value, node)


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def delete(machine: Machine, target: ast.expr, scope: Scope) -> None:
    """``del target``."""
    from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415

    if isinstance(target, ast.Name):
        scope.names.pop(target.id, None)
    elif isinstance(target, ast.Attribute):
        owner = evaluate(machine, target.value, scope)
        if isinstance(owner, Node):
            delete_key(machine, owner, target.attr, target)
    elif isinstance(target, ast.Subscript):
        owner = evaluate(machine, target.value, scope)
        key = evaluate(machine, target.slice, scope)
        if isinstance(owner, Node) and isinstance(key, Const):
            delete_key(machine, owner, key.value, target)
        elif isinstance(owner, Mapping_) and isinstance(key, Const):
            owner.items.pop(key.value, None)
    elif isinstance(target, ast.Tuple | ast.List):
        for item in target.elts:
            delete(machine, item, scope)


__all__ = ["assign", "delete", "set_attribute", "set_item", "unknown"]
