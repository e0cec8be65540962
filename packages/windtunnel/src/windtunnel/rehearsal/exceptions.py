"""Exceptions of the submission: what is raised, and what a handler is for."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.rehearsal.expressions import evaluate
from windtunnel.rehearsal.values import (
    Class,
    Const,
    Instance,
    Library,
    Sequence_,
    Text,
    Thing,
    Value,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine
    from windtunnel.rehearsal.values import Scope


def error_of(value: Value) -> tuple[str, str]:
    """The name and the message of an exception."""
    if isinstance(value, Library):
        return value.name.rsplit(".", 1)[-1], ""
    if isinstance(value, Thing):
        return value.type.rsplit(".", 1)[-1] or "Exception", _text(value.data.get("args", []))
    if isinstance(value, Instance):
        arguments = value.attributes.get("args")
        return value.cls.node.name, _text(arguments.items if isinstance(arguments, Sequence_) else [])
    if isinstance(value, Class):
        return value.node.name, ""
    return "Exception", ""


def _text(arguments: list[Value]) -> str:
    text = arguments[0] if arguments else Const("")
    return str(text.value) if isinstance(text, Const) else str(text) if isinstance(text, Text) else ""


def gives_up(handler: ast.ExceptHandler) -> bool:
    """Whether a handler ends the program or raises again: what it catches stops the experiment all the same."""
    last = handler.body[-1]
    if isinstance(last, ast.Raise):
        return True
    call = last.value if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call) else None
    return call is not None and ast.unparse(call.func) in {"sys.exit", "exit", "quit", "os._exit", "os.abort"}


def for_lack_of_library(handler: ast.ExceptHandler) -> bool:
    """Whether a handler is for a library that is not installed.

    Those that the submission imports are taken to be there.
    """
    names = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return all(isinstance(name, ast.Name) and name.id in {"ImportError", "ModuleNotFoundError"} for name in names)


def caught_by(machine: Machine, handler: ast.ExceptHandler, scope: Scope) -> list[str]:
    """The names of the exceptions that a handler is for, "*" for all of them."""
    if handler.type is None:
        return ["*"]
    value = evaluate(machine, handler.type, scope)
    values = value.items if isinstance(value, Sequence_) else [value]
    return [error_of(item)[0] for item in values]
