"""Attributes: what ``value.name`` is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.config_nodes import get_key, meant, of_unknown
from windtunnel.rehearsal.definitions import assigned_attributes
from windtunnel.rehearsal.expectations import happens
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.libraries import registry
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
    Model,
    Module,
    Node,
    Partial,
    Path_,
    Sequence_,
    Text,
    Thing,
    Value,
    unknown,
)

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

NODE_METHODS = frozenset(
    {
        "get",
        "keys",
        "values",
        "items",
        "pop",
        "update",
        "copy",
        "setdefault",
        "append",
        "extend",
        "insert",
        "index",
        "count",
        "clear",
        "merge_with",
    }
)


def attribute(machine: Machine, owner: Value, name: str, at: ast.AST, default: Value | None = None) -> Value:
    """``owner.name``, or ``getattr(owner, name, default)``."""
    if isinstance(owner, Node):
        config = owner.config
        if name in NODE_METHODS and not (hasattr(config, "keys") and name in config):
            return Method(owner, name)
        if name.startswith("_"):
            return unknown()
        return get_key(machine, owner, name, at, default=default)
    if isinstance(owner, Library):
        return library_value(machine, f"{owner.name}.{name}")
    if isinstance(owner, Thing):
        return _of_thing(machine, owner, name, at)
    if isinstance(owner, Instance):
        return of_instance(machine, owner, name, at, default)
    if isinstance(owner, Module):
        found = owner.scope.names.get(name)
        if found is None and default is None and not machine.program.is_being_followed(machine, owner.name):
            return machine.fail(
                "import",
                at,
                "AttributeError",
                module=owner.name,
                name=name,
                message=f"module '{owner.name}' has no attribute '{name}'",
            )
        return found or default or unknown()
    if isinstance(owner, Class):
        found = owner.find(name)
        if isinstance(found, Function) and _decorated(found, "classmethod"):
            return _bound(found, owner)
        return found or (Library(f"{owner.libraries()[0]}.{name}") if owner.libraries() else default or unknown())
    if isinstance(owner, Alternatives):
        return _of_alternatives(machine, owner, name, at, default)
    if isinstance(owner, Const):
        return _of_constant(machine, owner, name, at, default)
    if isinstance(owner, Path_):
        from windtunnel.rehearsal.libraries.paths import path_attribute  # noqa: PLC0415 - the two call each other

        return path_attribute(machine, owner, name)
    if isinstance(owner, Partial | Function | Model):
        return owner.defaults.get(f".{name}", unknown()) if isinstance(owner, Function) else unknown()
    if isinstance(owner, Text | Sequence_ | Mapping_ | Method):
        return Method(owner, name)
    return unknown()


def library_value(machine: Machine, name: str) -> Value:
    """What a library name stands for; nearly always the name itself."""
    if name == "sys.argv":
        return Sequence_("list", [Const(f"src/{machine.trace.entry}.py"), *(Const(word) for word in machine.argv)])
    if name == "wandb.run":  # the run that wandb.init opened; None before, which a try outside what is seen may change
        return machine.trace.facts.get("wandb.run") or unknown()
    return Library(name)


def _of_alternatives(machine: Machine, owner: Alternatives, name: str, at: ast.AST, default: Value | None) -> Value:
    result: Value | None = None
    for option in owner.values:
        if isinstance(option, Const) and option.value is None:
            continue
        with machine.supposing(happens=happens(owner, option)):
            value = attribute(machine, option, name, at, default)
        result = value if result is None else join(result, value)
    return result or unknown()


def _of_constant(machine: Machine, owner: Const, name: str, at: ast.AST, default: Value | None) -> Value:
    if hasattr(owner.value, name) if not isinstance(owner.value, Exception) else True:
        return Method(owner, name)
    if default is not None:
        return default
    kind = type(owner.value).__name__
    if owner.origin:
        failed = machine.fail(
            "missing",
            at,
            "AttributeError",
            key=f"{owner.origin}.{name}",
            why="scalar",
            parent=None,
            scalar=owner,
            message=f"'{kind}' object has no attribute '{name}'",
        )
        return meant(machine, f"{owner.origin}.{name}") or failed
    if owner.value is None:
        return unknown()  # more often a name whose other values were not seen than a mistake
    return machine.fail("crash", at, "AttributeError", message=f"'{kind}' object has no attribute '{name}'")


def _of_thing(machine: Machine, owner: Thing, name: str, at: ast.AST) -> Value:
    if name in owner.attributes:
        return owner.attributes[name]
    if owner.type == "omegaconf.DictConfig":
        value = of_unknown(machine, owner, name)
        if value is not None:
            owner.attributes[name] = value
            return value
    model = registry.attribute_model(owner, name)
    if model is not None:
        value = model(machine, owner, at)
        if value is not None:
            return value
    machine.note("attribute", at, type=owner.type, name=name, receiver=owner)
    return Method(owner, name)


def of_instance(machine: Machine, owner: Instance, name: str, at: ast.AST, default: Value | None = None) -> Value:
    """An attribute of an object of a class of the submission."""
    if name in owner.attributes:
        return owner.attributes[name]
    found = owner.cls.find(name)
    if isinstance(found, Function):
        if any(_decorated(found, kind) for kind in ("property", "cached_property", "functools.cached_property")):
            from windtunnel.rehearsal.calls import call_function  # noqa: PLC0415

            return call_function(machine, _bound(found, owner), [], {}, at)
        return (
            found
            if _decorated(found, "staticmethod")
            else _bound(found, owner.cls if _decorated(found, "classmethod") else owner)
        )
    if found is not None:
        return found
    if default is not None:
        return default
    if name.startswith("__"):
        return owner.cls if name == "__class__" else unknown()
    libraries = owner.cls.libraries()
    if libraries:
        return Method(owner, name)
    if owner.cls.find("__getattr__") is not None or any(not isinstance(base, Class) for base in owner.cls.bases):
        return unknown()
    if {name, "*"} & assigned_attributes(machine, owner.cls):
        return unknown(tags=owner.tags)
    return machine.fail(
        "crash", at, "AttributeError", message=f"'{owner.cls.node.name}' object has no attribute '{name}'"
    )


def _bound(function: Function, receiver: Value) -> Function:
    return Function(
        function.node, function.scope, function.path, receiver, function.decorators, function.owner, function.defaults
    )


def _decorated(function: Function, name: str) -> bool:
    for decorator in function.decorators:
        if isinstance(decorator, Library) and decorator.name.removeprefix("builtins.") == name:
            return True
        if isinstance(decorator, Method) and decorator.name in {"setter", "getter"} and name == "property":
            return True
    return False


__all__ = ["NODE_METHODS", "NONE", "attribute", "of_instance"]
