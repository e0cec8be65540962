"""Expressions: the value each kind has."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from windtunnel.rehearsal.assignments import assign
from windtunnel.rehearsal.attributes import attribute
from windtunnel.rehearsal.calls import evaluate_call
from windtunnel.rehearsal.definitions import define_function
from windtunnel.rehearsal.expectations import doubtful, expectation, expected_of, expecting
from windtunnel.rehearsal.items import item
from windtunnel.rehearsal.iteration import MOST_ITEMS, items_of
from windtunnel.rehearsal.joining import as_mapping, join
from windtunnel.rehearsal.operators import binary, compare, unary
from windtunnel.rehearsal.values import (
    NONE,
    Const,
    Library,
    Mapping_,
    Node,
    Scope,
    Sequence_,
    Text,
    Thing,
    Value,
    constant,
    join_tags,
    truth,
    unknown,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.rehearsal.machine import Machine


MOST_EXAMPLES = 16  # of the known items of something that may hold others, in a comprehension


def evaluate(machine: Machine, node: ast.expr, scope: Scope) -> Value:
    """The value of an expression."""
    machine.step()
    handler = _HANDLERS.get(type(node))
    return handler(machine, node, scope) if handler is not None else unknown()


def _constant(machine: Machine, node: ast.Constant, scope: Scope) -> Value:
    return Const(node.value)


def _name(machine: Machine, node: ast.Name, scope: Scope) -> Value:
    value = scope.find(node.id)
    if value is not None:
        return value
    if node.id == "__name__":
        return Const(_module_name(machine, scope))
    if node.id == "__file__":
        from windtunnel.rehearsal.libraries.paths import repository_path  # noqa: PLC0415 - the two call each other

        return repository_path(machine.path)
    return Library(f"builtins.{node.id}") if hasattr(builtins, node.id) else unknown()


def _module_name(machine: Machine, scope: Scope) -> str:
    top = scope
    while top.outer is not None:
        top = top.outer
    name = top.module.name if top.module else ""
    return "__main__" if name == f"src.{machine.trace.entry}" else name


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Value:
    return attribute(machine, evaluate(machine, node.value, scope), node.attr, node)


def _subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Value:
    owner = evaluate(machine, node.value, scope)
    if isinstance(node.slice, ast.Slice):
        bounds = [
            evaluate(machine, bound, scope) if bound is not None else NONE
            for bound in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        return item(machine, owner, None, node, bounds=bounds)
    return item(machine, owner, evaluate(machine, node.slice, scope), node)


def _call(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    return evaluate_call(machine, node, scope)


def _list(machine: Machine, node: ast.List | ast.Tuple | ast.Set, scope: Scope) -> Value:
    kind = {ast.List: "list", ast.Tuple: "tuple", ast.Set: "set"}[type(node)]
    items: list[Value] = []
    more, example = False, None
    for part in node.elts:
        if isinstance(part, ast.Starred):
            inner, open_, example_ = items_of(machine, evaluate(machine, part.value, scope), part)
            items += inner
            if open_:
                more, example = True, example_
        else:
            items.append(evaluate(machine, part, scope))
    return Sequence_(kind, items, more=more, item=example, born=machine.open_loops)


def _dict(machine: Machine, node: ast.Dict, scope: Scope) -> Value:
    made = Mapping_({})
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, value_node, scope)
        if key_node is None:
            _spread(machine, made, value, value_node)
            continue
        key = evaluate(machine, key_node, scope)
        known, plain = constant(key)
        try:
            if known:
                made.items[plain] = value
                continue
        except TypeError:
            pass
        if isinstance(key, Text):
            made.patterns.append((key, value))
        else:
            made.more, made.item = True, value
    return made


def _spread(machine: Machine, made: Mapping_, value: Value, at: ast.AST) -> None:
    if isinstance(value, Node):
        from windtunnel.rehearsal.config_nodes import get_key  # noqa: PLC0415

        for key in items_of(machine, value, at)[0]:
            if isinstance(key, Const):
                made.items[key.value] = get_key(machine, value, key.value, at)
    elif (mapping := as_mapping(value)) is not None:
        made.items |= mapping.items
        made.patterns += mapping.patterns
        made.more, made.item = made.more or mapping.more, mapping.item or made.item
    else:
        made.more, made.item = True, unknown(tags=value.tags)


def _boolean(machine: Machine, node: ast.BoolOp, scope: Scope) -> Value:
    stop = isinstance(node.op, ast.Or)
    result: Value | None = None
    undecided = 0
    reached: bool | None = True  # whether a first run gets to a part
    expected: Value | None = None
    for part in node.values:
        with machine.supposing(happens=reached if undecided else True):
            value = evaluate(machine, part, scope)
        known = truth(value)
        likely = expectation(value) if known is None else known
        if reached:
            expected = expected_of(value) if likely is not None else None
        if likely is None and reached:
            reached = None
        elif likely is stop and reached:
            reached = False
        if known is stop:
            if stop and isinstance(value, Const) and value.value is True and result is None:
                return value
            return value if result is None else expecting(join(result, value), expected)
        if known is None:
            undecided += 1
            result = value if result is None else join(result, value)
        elif part is node.values[-1]:
            result = value if result is None else join(result, value)
    if undecided and all(isinstance(part, ast.Compare | ast.UnaryOp) for part in node.values):
        answer = expectation(expected) if expected is not None and truth(expected) is None else truth(expected or NONE)
        return unknown("bool") if expected is None or answer is None else doubtful(expected=answer)
    return expecting(result or NONE, expected if undecided else None)


def _unary(machine: Machine, node: ast.UnaryOp, scope: Scope) -> Value:
    return unary(node.op, evaluate(machine, node.operand, scope))


def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> Value:
    return binary(machine, node, evaluate(machine, node.left, scope), evaluate(machine, node.right, scope))


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> Value:
    left = first = evaluate(machine, node.left, scope)
    answers: list[bool | None] = []
    likely: list[bool | None] = []
    for operator, right_node in zip(node.ops, node.comparators, strict=True):
        right = evaluate(machine, right_node, scope)
        answers.append(compare(machine, operator, left, right, node))
        supposed = expected_of(left), expected_of(right)
        again = answers[-1] is None and (supposed[0] is not left or supposed[1] is not right)
        likely.append(compare(machine, operator, *supposed, node) if again else answers[-1])
        left = right
    if False in answers:
        return Const(value=False)
    if None not in answers:
        return Const(value=True)
    if False in likely or None not in likely:
        return doubtful(expected=False not in likely)
    ordering = not any(isinstance(operator, ast.In | ast.NotIn | ast.Is | ast.IsNot) for operator in node.ops)
    return unknown("numpy.bool" if ordering and _is_number(first, left) else "bool")


def _is_number(*values: Value) -> bool:
    """Whether one of them is a number of NumPy's, so that a comparison gives NumPy's own truth value."""
    return any(isinstance(value, Thing) and value.type == "numpy.float64" for value in values)


def _conditional(machine: Machine, node: ast.IfExp, scope: Scope) -> Value:
    test = evaluate(machine, node.test, scope)
    known = truth(test)
    if known is not None:
        return evaluate(machine, node.body if known else node.orelse, scope)
    expected = expectation(test)
    with machine.supposing(happens=expected):
        first = evaluate(machine, node.body, scope)
    with machine.supposing(happens=None if expected is None else not expected):
        second = evaluate(machine, node.orelse, scope)
    return expecting(join(first, second), None if expected is None else first if expected else second)


def _formatted(machine: Machine, node: ast.JoinedStr, scope: Scope) -> Value:
    parts: list[str | None] = []
    tags = frozenset[str]()
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
            continue
        if not isinstance(part, ast.FormattedValue):
            continue
        value = evaluate(machine, part.value, scope)
        tags |= value.tags
        if part.format_spec is None and part.conversion == ord("r") and constant(value)[0]:
            parts.append(repr(constant(value)[1])[:1000])
            continue
        parts += _pieces(value, plain=part.format_spec is None and part.conversion in {-1, ord("s")})
    return text_of(parts)


def _pieces(value: Value, *, plain: bool) -> list[str | None]:
    if plain and isinstance(value, Text):
        return list(value.parts)
    if plain and isinstance(value, Const) and isinstance(value.value, str | int | float | bool | type(None)):
        return [str(value.value)]
    from windtunnel.rehearsal.values import Path_  # noqa: PLC0415

    if plain and isinstance(value, Path_) and value.known is not None and value.base in {"cwd", "absolute"}:
        return [value.known]
    return [None]


def text_of(parts: list[str | None]) -> Value:
    """A string from pieces of which None is unknown."""
    merged: list[str | None] = []
    for part in parts:
        if part is not None and merged and merged[-1] is not None:
            merged[-1] += part
        elif not (part is None and merged and merged[-1] is None):
            merged.append(part)
    if not merged:
        return Const("")
    if len(merged) == 1 and merged[0] is not None:
        return Const(merged[0][:100_000])
    return Text(tuple(merged))


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> Value:
    return define_function(machine, node, scope)


def _comprehension(
    machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
) -> Value:
    inner = Scope({}, scope, scope.module)
    made: list[tuple[Value, Value]] = []
    complete = _generate(machine, node, 0, inner, made)
    if isinstance(node, ast.DictComp):
        result = Mapping_({})
        for key, value in made:
            known, plain = constant(key)
            try:
                if known:
                    result.items[plain] = value
                    continue
            except TypeError:
                pass
            if isinstance(key, Text):
                result.patterns.append((key, value))
            else:
                result.more, result.item = True, value
        if not complete:
            if not result.patterns:
                result.more = True
            result.item = result.item or (made[-1][1] if made else None)
        return result
    kind = {ast.ListComp: "list", ast.SetComp: "set", ast.GeneratorExp: "generator"}[type(node)]
    values = [value for _, value in made]
    if complete:
        return Sequence_(kind, values, born=machine.open_loops)
    example = values[0] if values else unknown()
    for value in values[1:]:
        example = join(example, value)
    return Sequence_(kind, [], more=True, item=example)


def _generate(
    machine: Machine,
    node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
    index: int,
    scope: Scope,
    made: list[tuple[Value, Value]],
) -> bool:
    """Fill ``made``; gives whether it holds exactly the items there will be."""
    if index == len(node.generators):
        if isinstance(node, ast.DictComp):
            made.append((evaluate(machine, node.key, scope), evaluate(machine, node.value, scope)))
        else:
            made.append((NONE, evaluate(machine, node.elt, scope)))
        return True
    generator = node.generators[index]
    items, more, example = items_of(machine, evaluate(machine, generator.iter, scope), generator.iter)
    complete = not more and len(items) <= MOST_ITEMS
    for value in items[:64] if complete else [*items[:MOST_EXAMPLES], example]:
        assign(machine, generator.target, value, scope)
        keep: bool | None = True
        for condition in generator.ifs:
            answer = truth(evaluate(machine, condition, scope))
            keep = False if answer is False or keep is False else None if answer is None else keep
        if keep is False:
            continue
        with machine.perhaps(really=keep is None):
            complete = _generate(machine, node, index + 1, scope, made) and complete
        complete = complete and keep is True
    return complete and len(items) <= 64


def _walrus(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Value:
    value = evaluate(machine, node.value, scope)
    assign(machine, node.target, value, scope)
    return value


def _await(machine: Machine, node: ast.Await | ast.YieldFrom, scope: Scope) -> Value:
    value = evaluate(machine, node.value, scope)
    if isinstance(node, ast.YieldFrom):
        machine.frames[-1].yields.append(items_of(machine, value, node)[2])
    return value


def _yield(machine: Machine, node: ast.Yield, scope: Scope) -> Value:
    machine.frames[-1].yields.append(evaluate(machine, node.value, scope) if node.value else NONE)
    return unknown()


def _starred(machine: Machine, node: ast.Starred, scope: Scope) -> Value:
    return evaluate(machine, node.value, scope)


_HANDLERS: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.List: _list,
    ast.Tuple: _list,
    ast.Set: _list,
    ast.Dict: _dict,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _compare,
    ast.IfExp: _conditional,
    ast.JoinedStr: _formatted,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _comprehension,
    ast.NamedExpr: _walrus,
    ast.Await: _await,
    ast.YieldFrom: _await,
    ast.Yield: _yield,
    ast.Starred: _starred,
}

__all__ = ["evaluate", "join_tags", "text_of"]
