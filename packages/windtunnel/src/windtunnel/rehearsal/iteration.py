"""What a loop goes over."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.config_nodes import from_config, full_key, get_key
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.values import Alternatives, Const, Mapping_, Node, Sequence_, Thing, Value, join_tags, unknown

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine
    from windtunnel.rehearsal.values import Scope

MOST_ITEMS = 1000


def items_of(machine: Machine, value: Value, at: ast.AST) -> tuple[list[Value], bool, Value]:
    """(known items, whether there may be more, an example of the others)."""
    if isinstance(value, Sequence_):
        example = value.item or (_joined(value.items) if value.items else unknown())
        return value.items, value.more, example
    if isinstance(value, Mapping_):
        keys: list[Value] = [Const(key) for key in value.items]
        keys += [pattern for pattern, _ in value.patterns]
        return keys, value.more, unknown("str")
    if isinstance(value, Const) and isinstance(value.value, str | tuple | list | range | frozenset | bytes):
        if len(value.value) > MOST_ITEMS:
            return [], True, unknown("int" if isinstance(value.value, range | bytes) else "str")
        return [Const(item) for item in value.value], False, unknown()
    if isinstance(value, Node):
        return _node_items(machine, value, at), False, unknown()
    if isinstance(value, Alternatives) and value.expected is not None:
        return items_of(machine, value.expected, at)
    if isinstance(value, Alternatives):
        merged: list[Value] = []
        for option in value.values:
            items, more, example = items_of(machine, option, at)
            merged += [*items, example] if more else items
        return [], True, _joined(merged) if merged else unknown(tags=value.tags)
    if isinstance(value, Thing):
        return [], True, element(machine, value)
    return [], True, unknown(tags=value.tags)


def element(machine: Machine, value: Thing) -> Value:
    """One item of something of unknown length, with what its library says of it."""
    made = value.data.get("element")
    if callable(made):
        made = made(machine)
    if isinstance(made, Value):
        return made
    return unknown(tags=value.tags)


def _node_items(machine: Machine, node: Node, at: ast.AST) -> list[Value]:
    config = node.config
    try:
        if isinstance(config, DictConfig):
            machine.note("read", at, key=full_key(config), found=True, guarded=True, node=config, listed=True)
            return [from_config(machine, key, None) for key in config]
        return [get_key(machine, node, index, at, item=True) for index in range(len(config))]
    except (OmegaConfBaseException, TypeError):
        return []


def _joined(items: list[Value]) -> Value:
    found = items[0]
    for item in items[1:20]:
        found = join(found, item)
    return found


def widen(machine: Machine, body: list[ast.stmt], scope: Scope) -> None:
    """Forget the constants that a loop of unknown length changes: a counter is not what it was at its start."""
    names = machine.program.assigned.get(id(body))
    if names is None:
        names = {
            target.id
            for statement in body
            for node in walk(statement)
            for target in _targets(node)
            if isinstance(target, ast.Name)
        }
        machine.program.assigned[id(body)] = names
    for name in names:
        _forget(scope, name)


def _forget(scope: Scope, name: str) -> None:
    value = scope.names.get(name)
    if isinstance(value, Const) and isinstance(value.value, int | float) and not isinstance(value.value, bool):
        scope.names[name] = unknown(type(value.value).__name__)
    elif isinstance(value, Const) and (value.value is None or isinstance(value.value, bool | str)):
        scope.names[name] = join(value, unknown(tags=join_tags([value])))
    elif isinstance(value, Sequence_):
        value.more = True


def _targets(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return [inner for target in node.targets for inner in walk(target) if isinstance(inner, ast.expr)]
    if isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
        return [node.target]
    if isinstance(node, ast.For | ast.AsyncFor):
        return [inner for inner in walk(node.target) if isinstance(inner, ast.expr)]
    return []
