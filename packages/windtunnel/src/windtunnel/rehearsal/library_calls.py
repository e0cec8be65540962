"""Calls of libraries: what is known of the answer, and the functions of the submission that they call back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from windtunnel.rehearsal.expectations import expected_of
from windtunnel.rehearsal.libraries import registry
from windtunnel.rehearsal.machine import Left
from windtunnel.rehearsal.values import (
    Function,
    Instance,
    Mapping_,
    Partial,
    Sequence_,
    Thing,
    Value,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.libraries.registry import Call
    from windtunnel.rehearsal.machine import Machine


def as_expected(called: Call) -> None:
    """What a library is given is what a first run gives it, where that is known."""
    called.args = [expected_of(value) for value in called.args]
    called.keywords = {name: expected_of(value) for name, value in called.keywords.items()}


def library_method(machine: Machine, receiver: Value, type_: str, called: Call) -> Value:
    """Call a method of an object of a library."""
    as_expected(called)
    event = machine.note(
        "method",
        called.node,
        type=type_,
        name=called.name,
        receiver=receiver,
        args=called.args,
        keywords=called.keywords,
        starred=called.starred,
    )
    model = registry.method_model(type_, called.name)
    result = model(machine, receiver, called) if model is not None else None
    if result is None:
        call_back(machine, called)
        result = unknown(tags=receiver.tags | called.tags)
    event.data["result"] = result
    return result


def call_library(machine: Machine, called: Call) -> Value:
    """Call a function or class of a library."""
    if not called.name.startswith("builtins."):
        as_expected(called)
    event = machine.note(
        "call", called.node, name=called.name, args=called.args, keywords=called.keywords, starred=called.starred
    )
    model = registry.function_model(called.name)
    result = model(machine, called) if model is not None else None
    if result is None:
        call_back(machine, called)
        result = Thing(
            registry.result_type(called.name),
            data={"args": called.args, "keywords": called.keywords, "made_at": (machine.path, called.node)},
            origin=called.tags,
        )
    event.data["result"] = result
    return result


def call_back(machine: Machine, called: Call) -> None:
    """Follow functions of the submission that are handed to a library.

    Which will call them with values not known here.
    """
    for value in (*called.args, *called.keywords.values()):
        _follow(machine, value, called, depth=0)


def _follow(machine: Machine, value: Value, called: Call, depth: int) -> None:
    from windtunnel.rehearsal.calls import call, call_method  # noqa: PLC0415 - the two call each other

    if isinstance(value, Function | Partial):
        if id(value) in machine.invoked:
            return
        machine.invoked.add(id(value))
        inner: Value = value
        given = 0
        while isinstance(inner, Partial):
            given += len(inner.positional)
            inner = inner.function
        count = _positional(inner) - given if isinstance(inner, Function) else 1
        tags = called.tags
        with machine.perhaps(), suppress(Left):
            call(machine, value, [unknown(tags=tags) for _ in range(max(0, count))], {}, called.node, starred=True)
    elif isinstance(value, Instance) and any("Callback" in name for name in value.cls.libraries()):
        with machine.perhaps():
            for name, method in value.cls.names.items():
                if name.startswith("on_") and isinstance(method, Function):
                    call_method(
                        machine,
                        value,
                        name,
                        [unknown() for _ in range(max(0, _positional(method) - 1))],
                        {},
                        called.node,
                        starred=True,
                    )
    elif isinstance(value, Sequence_) and depth < 2:
        for part in value.items[:16]:
            _follow(machine, part, called, depth + 1)
    elif isinstance(value, Mapping_) and depth < 2:
        for part in list(value.items.values())[:16]:
            _follow(machine, part, called, depth + 1)


def _positional(function: Function) -> int:
    arguments = function.node.args
    count = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return count - (function.receiver is not None)
