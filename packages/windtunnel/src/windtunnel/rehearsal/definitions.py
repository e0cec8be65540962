"""Functions and classes of the submission, as their definitions are met."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.values import Class, Function, Library, Model, Scope, Thing, Value

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine


def define_function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: Scope) -> Value:
    """The value that a ``def`` or ``lambda`` gives its name."""
    from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415 - the two call each other

    decorators = (
        [] if isinstance(node, ast.Lambda) else [evaluate(machine, item, scope) for item in node.decorator_list]
    )
    function = Function(node, scope, machine.path, decorators=tuple(decorators))
    arguments = node.args
    positional = [*arguments.posonlyargs, *arguments.args]
    for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
        function.defaults[argument.arg] = evaluate(machine, default, scope)
    for argument, keyword_default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        if keyword_default is not None:
            function.defaults[argument.arg] = evaluate(machine, keyword_default, scope)
    for decorator in decorators:
        if isinstance(decorator, Thing) and decorator.type == "hydra.main":
            from windtunnel.rehearsal.libraries.hydra_ import entry_point  # noqa: PLC0415

            return Model(
                lambda machine_, args, keywords, at, by=decorator: entry_point(machine_, by, function, args, at),
                name=function.name,
            )
    return function


def define_class(machine: Machine, node: ast.ClassDef, scope: Scope) -> Class:
    """The class that a ``class`` statement gives its name; its body is followed."""
    from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415
    from windtunnel.rehearsal.statements import run_block  # noqa: PLC0415

    bases = tuple(evaluate(machine, base, scope) for base in node.bases if not isinstance(base, ast.Starred))
    decorators = tuple(evaluate(machine, item, scope) for item in node.decorator_list)
    body = Scope({}, scope, scope.module)
    run_block(machine, node.body, body)
    made = Class(node, scope, machine.path, bases, body.names, decorators)
    for value in body.names.values():
        if isinstance(value, Function):
            value.owner = made
            value.scope = scope  # a method does not see the names of its class body
    return made


def is_dataclass(cls: Class) -> bool:
    """Whether ``@dataclass`` writes its constructor."""
    for decorator in cls.decorators:
        name = (
            decorator.name if isinstance(decorator, Library) else decorator.type if isinstance(decorator, Thing) else ""
        )
        if name in {"dataclasses.dataclass", "pydantic.dataclasses.dataclass"}:
            return True
    return any(isinstance(base, Class) and is_dataclass(base) for base in cls.bases)


def fields(cls: Class) -> list[tuple[str, Value | None]]:
    """The fields of a dataclass in order, with their defaults."""
    found: dict[str, Value | None] = {}
    for base in reversed(cls.bases):
        if isinstance(base, Class):
            found |= dict(fields(base))
    for statement in cls.node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = cls.names.get(statement.target.id) if statement.value is not None else None
    return list(found.items())


def assigned_attributes(machine: Machine, cls: Class) -> set[str]:
    """Every ``self.name`` that any method of the class or its bases of the submission assigns."""
    known = machine.program.assigned.get(id(cls.node))
    if known is not None:
        return known
    found: set[str] = set()
    for node in walk(cls.node):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
        elif (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setattr") or (
            isinstance(node, ast.Attribute)
            and node.attr
            in {
                "register_buffer",
                "register_parameter",
                "add_module",
                "__dict__",
            }
        ):
            found.add("*")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    for base in cls.bases:
        if isinstance(base, Class):
            found |= assigned_attributes(machine, base)
    machine.program.assigned[id(cls.node)] = found
    return found
