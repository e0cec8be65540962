"""``isinstance``: whether a followed value is of a type."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

from windtunnel.rehearsal.expectations import doubtful
from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.values import (
    Alternatives,
    Class,
    Const,
    Instance,
    Library,
    Mapping_,
    Node,
    Path_,
    Sequence_,
    Text,
    Thing,
    Value,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine


@function("builtins.isinstance")
def _isinstance(machine: Machine, called: Call) -> Value | None:
    if len(called.args) != 2:
        return unknown("bool")
    answer = _is_any(called.args[0], called.args[1])
    if answer is None and isinstance(called.args[0], Alternatives) and called.args[0].expected is not None:
        likely = _is_any(called.args[0].expected, called.args[1])
        return unknown("bool") if likely is None else doubtful(expected=likely)
    return unknown("bool") if answer is None else Const(answer)


def _is_any(value: Value, kinds: Value) -> bool | None:
    answers = {_is_a(value, kind) for kind in _kinds(kinds)}
    return True if True in answers else None if None in answers else False


def _kinds(value: Value) -> list[Value]:
    """The types that the second argument of ``isinstance`` stands for: itself, those of a tuple, those of ``a | b``."""
    if isinstance(value, Sequence_):
        return [kind for item in value.items for kind in _kinds(item)]
    if isinstance(value, Thing) and "operands" in value.data:
        return [kind for operand in value.data["operands"] for kind in _kinds(operand)]
    return [value]


def _is_a(value: Value, kind: Value) -> bool | None:
    if isinstance(value, Alternatives):
        answers = {_is_a(option, kind) for option in value.values}
        return answers.pop() if len(answers) == 1 else None
    if isinstance(kind, Class):
        if isinstance(value, Instance):
            return _derives(value.cls, kind)
        return None if isinstance(value, Thing) and not value.type else False
    if not isinstance(kind, Library):
        return None
    name = kind.name.removeprefix("builtins.")
    plain = _TYPES_OF.get(type(value))
    if isinstance(value, Const):
        try:
            return isinstance(value.value, getattr(builtins, name))
        except (AttributeError, TypeError):
            return False if "." in name and value.value is not None else None
    if isinstance(value, Node):
        dict_like = hasattr(value.config, "keys")
        return name in (
            {"omegaconf.DictConfig", "collections.abc.Mapping", "typing.Mapping"}
            if dict_like
            else {"omegaconf.ListConfig", "collections.abc.Sequence"}
        )
    if isinstance(value, Sequence_):
        plain = _SEQUENCES.get(value.kind)
    if plain is not None:
        return name in plain
    if isinstance(value, Instance):
        return True if kind.name in value.cls.libraries() else None if value.cls.libraries() else False
    if isinstance(value, Thing) and value.type:
        return True if value.type == kind.name else None
    return None


_TYPES_OF: dict[type, frozenset[str]] = {
    Mapping_: frozenset({"dict", "collections.abc.Mapping", "typing.Mapping", "object"}),
    Text: frozenset({"str", "object"}),
    Path_: frozenset({"pathlib.Path", "pathlib.PurePath", "os.PathLike", "object"}),
}


_SEQUENCES: dict[str, frozenset[str]] = {
    "list": frozenset({"list", "collections.abc.Sequence", "typing.Sequence", "object"}),
    "tuple": frozenset({"tuple", "collections.abc.Sequence", "typing.Sequence", "object"}),
    "set": frozenset({"set", "object"}),
}


def _derives(cls: Class, kind: Class) -> bool:
    return cls is kind or any(isinstance(base, Class) and _derives(base, kind) for base in cls.bases)
