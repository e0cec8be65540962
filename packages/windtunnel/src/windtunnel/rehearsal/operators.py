"""Operators on values: exact on constants, with limits that keep a hostile ``"x" * 10**9`` from being computed."""

from __future__ import annotations

import ast
import operator
from typing import TYPE_CHECKING, Any

from windtunnel.rehearsal.config_nodes import full_key
from windtunnel.rehearsal.expectations import doubtful, expectation, expected_of, expecting
from windtunnel.rehearsal.joining import as_mapping, options
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
    Path_,
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

_LONGEST = 100_000  # characters or items of a computed value; longer ones are unknown
_NUMBERS = 10**12

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
    ast.BitXor: operator.xor,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def unary(op: ast.unaryop, value: Value) -> Value:
    """``not``, ``-`` and the like."""
    if isinstance(op, ast.Not):
        known = truth(value)
        if known is not None:
            return Const(not known)
        expected = expectation(value)
        return unknown("bool") if expected is None else doubtful(expected=not expected)
    if isinstance(value, Const) and isinstance(value.value, int | float):
        if isinstance(op, ast.USub):
            return Const(-value.value)
        if isinstance(op, ast.UAdd):
            return value
    return unknown(value.type if isinstance(value, Thing) else "", value.tags)


def binary(machine: Machine, node: ast.BinOp, left: Value, right: Value) -> Value:
    """``left op right``."""
    if isinstance(left, Path_) and isinstance(node.op, ast.Div):
        from windtunnel.rehearsal.libraries.paths import joined  # noqa: PLC0415 - the two call each other

        return joined(left, [right])
    if isinstance(node.op, ast.Add) and any(
        isinstance(value, Thing) and (value.data.get("batched") or value.data.get("kind", "").startswith("list<"))
        for value in (*options(left), *options(right))
    ):
        machine.note("add", node, left=left, right=right)
    if isinstance(left, Sequence_) and isinstance(right, Sequence_) and isinstance(node.op, ast.Add):
        return Sequence_(
            left.kind, [*left.items, *right.items], more=left.more or right.more, item=left.item or right.item
        )
    if isinstance(node.op, ast.Mult):
        repeated, times = (left, right) if isinstance(left, Sequence_) else (right, left)
        if isinstance(repeated, Sequence_) and not constant(times)[0]:
            return Sequence_(repeated.kind, [], more=True, item=next(iter(repeated.items), repeated.item))
    if isinstance(node.op, ast.BitOr) and (first := as_mapping(left)) and (second := as_mapping(right)):
        return Mapping_(
            first.items | second.items,
            first.more or second.more,
            second.item or first.item,
            first.patterns + second.patterns,
        )
    text = _text(node, left, right)
    if text is not None:
        return text
    known_left, first = constant(left)
    known_right, second = constant(right)
    if known_left and known_right:
        return _computed(machine, node, first, second)
    if isinstance(left, Alternatives) or isinstance(right, Alternatives):
        supposed = expected_of(left), expected_of(right)
        if all(constant(value)[0] for value in supposed):
            return expecting(unknown(tags=join_tags((left, right))), binary(machine, node, *supposed))
    types = {value.type for value in (left, right) if isinstance(value, Thing)}
    type_ = next((name for name in types if name.startswith("torch.")), next(iter(types)) if len(types) == 1 else "")
    if type_ == "" and any(name == "item" for name in types):
        type_ = "item"
    made = unknown(type_, join_tags((left, right)))
    made.data["operands"] = (left, right)
    for side in (left, right):
        if isinstance(side, Thing) and "suggested" in side.data:
            made.data["suggested"] = side.data["suggested"]
    return made


def _text(node: ast.BinOp, left: Value, right: Value) -> Value | None:
    from windtunnel.rehearsal.expressions import text_of  # noqa: PLC0415

    def parts(value: Value) -> list[str | None] | None:
        if isinstance(value, Text):
            return list(value.parts)
        return [value.value] if isinstance(value, Const) and isinstance(value.value, str) else None

    if not isinstance(node.op, ast.Add):
        if isinstance(node.op, ast.Mod) and isinstance(left, Const) and isinstance(left.value, str):
            return None if constant(right)[0] else unknown("str", right.tags)
        return None
    first, second = parts(left), parts(right)
    if first is None and second is None:
        return None
    if any(isinstance(value, Const) and not isinstance(value.value, str) for value in (left, right)):
        return None
    return text_of([*(first or [None]), *(second or [None])])


def _computed(machine: Machine, node: ast.BinOp, first: Any, second: Any) -> Value:
    compute = _BINARY.get(type(node.op))
    if isinstance(node.op, ast.Pow):
        small = (
            isinstance(first, int | float)
            and isinstance(second, int | float)
            and abs(second) <= 64
            and abs(first) <= 10_000
        )
        compute = operator.pow if small else None
    if compute is None or _too_big(node.op, first, second):
        return unknown(type(first).__name__)
    try:
        value = compute(first, second)
    except ZeroDivisionError:
        return unknown("float")
    except TypeError as error:
        return machine.fail("crash", node, "TypeError", message=str(error)[:200])
    except (ValueError, OverflowError):
        return unknown()
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _NUMBERS:
        return unknown("int")
    from windtunnel.rehearsal.values import lift  # noqa: PLC0415

    return lift(value)


def _too_big(op: ast.operator, first: Any, second: Any) -> bool:
    def size(value: Any) -> int:
        return len(value) if isinstance(value, str | bytes | list | tuple) else 0

    if isinstance(op, ast.Mult):
        count = first if isinstance(first, int) else second if isinstance(second, int) else 1
        return (size(first) + size(second)) * max(1, abs(count)) > _LONGEST if size(first) + size(second) else False
    if isinstance(op, ast.Mod) and isinstance(first, str):
        return (
            len(first) > 1000
            or any(character.isdigit() for character in first.split("%", 1)[-1][:12])
            or size(second) > 1000
        )
    return size(first) + size(second) > _LONGEST


def compare(machine: Machine, op: ast.cmpop, left: Value, right: Value, at: ast.AST) -> bool | None:
    """``left op right``, None if it is not known."""
    if isinstance(op, ast.Is | ast.IsNot):
        answer = _identical(left, right)
        return answer if answer is None or isinstance(op, ast.Is) else not answer
    if isinstance(op, ast.In | ast.NotIn):
        answer = contains(machine, right, left, at)
        return answer if answer is None or isinstance(op, ast.In) else not answer
    known_left, first = constant(left)
    known_right, second = constant(right)
    if known_left and known_right:
        try:
            return bool(_COMPARE[type(op)](first, second))
        except TypeError as error:
            machine.fail("crash", at, "TypeError", message=str(error)[:200])
            return None
    if isinstance(op, ast.Eq | ast.NotEq):
        text, other = (left, right) if isinstance(left, Text) else (right, left)
        if (
            isinstance(text, Text)
            and isinstance(other, Const)
            and isinstance(other.value, str)
            and not text.matches(other.value)
        ):
            return isinstance(op, ast.NotEq)
        none = (known_left and first is None and _never_none(right)) or (
            known_right and second is None and _never_none(left)
        )
        if none:
            return isinstance(op, ast.NotEq)
    return None


def _never_none(value: Value) -> bool:
    if isinstance(value, Thing):
        return bool(value.type)
    return not isinstance(value, Const | Alternatives)


def _identical(left: Value, right: Value) -> bool | None:
    for first, second in ((left, right), (right, left)):
        if isinstance(second, Const) and (second.value is None or isinstance(second.value, bool)):
            if isinstance(first, Const):
                return first.value is second.value
            if isinstance(first, Alternatives):
                answers = {_identical(option, second) for option in first.values}
                return answers.pop() if len(answers) == 1 else None
            if isinstance(first, Thing):
                return False if first.type and second.value is None else None
            return False
    if isinstance(left, Library) and isinstance(right, Library):
        return left.name == right.name
    if isinstance(left, Function | Class | Module | Instance) or isinstance(
        right, Function | Class | Module | Instance
    ):
        return left is right if type(left) is type(right) else None
    return None


def contains(machine: Machine, container: Value, element: Value, at: ast.AST) -> bool | None:
    """``element in container``."""
    known, plain = constant(element)
    if isinstance(container, Node):
        if not known or not isinstance(plain, str | int | float | bool):
            return None
        try:
            found = plain in container.config
        except (TypeError, ValueError):
            return None
        machine.note(
            "read", at, key=full_key(container.config, plain), found=found, guarded=True, node=container.config
        )
        return found
    if isinstance(container, Mapping_):
        if not known or isinstance(plain, list | dict | set):
            return None
        if plain in container.items:
            return True
        if container.more or (
            isinstance(plain, str) and any(pattern.matches(plain) for pattern, _ in container.patterns)
        ):
            return None
        return False
    if isinstance(container, Sequence_):
        if not known:
            return None if container.items or container.more else False
        answers = [constant(item) for item in container.items]
        if any(answer and value == plain and type(value) is type(plain) for answer, value in answers):
            return True
        return None if container.more or not all(answer for answer, _ in answers) else False
    held, whole = constant(container)
    if held and known:
        try:
            return plain in whole
        except TypeError as error:
            machine.fail("crash", at, "TypeError", message=str(error)[:200])
            return None
    if (
        isinstance(container, Text)
        and isinstance(plain, str)
        and any(plain in part for part in container.parts if part)
    ):
        return True
    if (
        isinstance(container, Thing)
        and container.data.get("wandb")
        and isinstance(at, ast.Compare)
        and isinstance(at.ops[-1], ast.NotIn)
        and isinstance(element, Const | Text)
    ):  # what is not there is found out: an error, most often
        machine.note("wandb", at, what=f"ask-{container.data['wandb']}", keys=[element], hard=False, required=True)
    if isinstance(container, Thing) and known and isinstance(container.data.get("keys"), tuple):
        return plain in container.data["keys"]
    if isinstance(container, Thing) and known:
        machine.note("contains", at, type=container.type, receiver=container, key=plain)
    return None
