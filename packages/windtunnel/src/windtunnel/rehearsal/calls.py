"""Calls: of the submission's own functions and classes, of methods, and of libraries."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.rehearsal.attributes import NODE_METHODS, attribute, of_instance
from windtunnel.rehearsal.binding import bind
from windtunnel.rehearsal.contexts import NO_GRADIENTS
from windtunnel.rehearsal.definitions import fields, is_dataclass
from windtunnel.rehearsal.expectations import expecting, happens
from windtunnel.rehearsal.iteration import items_of
from windtunnel.rehearsal.joining import as_mapping, join
from windtunnel.rehearsal.libraries import registry
from windtunnel.rehearsal.libraries.registry import Call
from windtunnel.rehearsal.library_calls import as_expected, call_back, call_library, library_method
from windtunnel.rehearsal.machine import DEEPEST, Frame
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
    Scope,
    Sequence_,
    Text,
    Thing,
    Value,
    constant,
    join_tags,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine

MOST_RECURSIONS = 8
_LOADER = "torch.utils.data.DataLoader"
Arguments = tuple[list[Value], dict[str, Value], bool]


def evaluate_call(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    """The value of a call expression."""
    from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415 - the two call each other

    if isinstance(node.func, ast.Attribute):
        receiver = _super(node.func.value, scope) or evaluate(machine, node.func.value, scope)
        args, keywords, starred = _arguments(machine, node, scope)
        return call_method(machine, receiver, node.func.attr, args, keywords, node, starred=starred)
    function = evaluate(machine, node.func, scope)
    args, keywords, starred = _arguments(machine, node, scope)
    return call(machine, function, args, keywords, node, starred=starred)


def _super(node: ast.expr, scope: Scope) -> Value | None:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "super":
        return Thing("super", data={"self": scope.find("self") or unknown(), "owner": scope.find("__class__")})
    return None


def _arguments(machine: Machine, node: ast.Call, scope: Scope) -> Arguments:
    from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415

    args: list[Value] = []
    keywords: dict[str, Value] = {}
    starred = False
    for argument in node.args:
        if isinstance(argument, ast.Starred):
            items, more, _ = items_of(machine, evaluate(machine, argument.value, scope), argument)
            args += items
            starred = starred or more
        else:
            args.append(evaluate(machine, argument, scope))
    for keyword in node.keywords:
        value = evaluate(machine, keyword.value, scope)
        if keyword.arg is not None:
            keywords[keyword.arg] = value
            continue
        if isinstance(value, Node):
            from windtunnel.rehearsal.config_nodes import get_key  # noqa: PLC0415

            for key in items_of(machine, value, node)[0]:
                if isinstance(key, Const):
                    keywords[str(key.value)] = get_key(machine, value, key.value, node)
        elif (given := as_mapping(value)) is not None:
            keywords |= {str(key): item for key, item in given.items.items()}
            starred = starred or given.more or bool(given.patterns)
            if given.more and given.item is not None and given.item.tags:
                keywords.setdefault("**", unknown(tags=given.item.tags))
        else:
            starred = True
            if value.tags:
                keywords.setdefault("**", unknown(tags=value.tags))
    return args, keywords, starred


def call(
    machine: Machine,
    function: Value,
    args: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    *,
    starred: bool = False,
) -> Value:
    """Call a value."""
    machine.step()
    if isinstance(function, Function):
        return call_function(machine, function, args, keywords, node, starred=starred)
    if isinstance(function, Library):
        return call_library(machine, Call(function.name, args, keywords, starred, node))
    if isinstance(function, Class):
        return instantiate(machine, function, args, keywords, node, starred=starred)
    if isinstance(function, Method):
        return call_method(machine, function.receiver, function.name, args, keywords, node, starred=starred)
    if isinstance(function, Model):
        return function.call(machine, args, keywords, node)
    if isinstance(function, Partial):
        return call(
            machine,
            function.function,
            [*function.positional, *args],
            function.keywords | keywords,
            node,
            starred=starred,
        )
    if isinstance(function, Alternatives):
        result: Value | None = None
        for option in function.values:
            with machine.supposing(happens=happens(function, option)):
                value = call(machine, option, list(args), dict(keywords), node, starred=starred)
            result = value if result is None else join(result, value)
        return result or unknown()
    if isinstance(function, Instance):
        return _call_instance(machine, function, args, keywords, node, starred=starred)
    if isinstance(function, Thing):
        return invoke(machine, function, Call(function.type, args, keywords, starred, node))
    return unknown(tags=join_tags([*args, *keywords.values()]))


def _call_instance(
    machine: Machine, function: Instance, args: list[Value], keywords: dict[str, Value], node: ast.AST, *, starred: bool
) -> Value:
    for name in ("__call__", "forward"):
        method = function.cls.find(name)
        if isinstance(method, Function):
            return call_method(machine, function, name, args, keywords, node, starred=starred)
    machine.note(
        "invoke", node, type=(function.cls.libraries() or [""])[0], receiver=function, args=args, keywords=keywords
    )
    return unknown(tags=join_tags([function, *args, *keywords.values()]))


def invoke(machine: Machine, thing: Thing, called: Call) -> Value:
    """Call an object of a library, such as a model or a tokenizer."""
    as_expected(called)
    event = machine.note(
        "invoke",
        called.node,
        type=thing.type,
        receiver=thing,
        args=called.args,
        keywords=called.keywords,
        starred=called.starred,
    )
    model = registry.invoke_model(thing)
    result = model(machine, thing, called) if model is not None else None
    if result is None:
        call_back(machine, called)
        result = unknown(tags=thing.tags | called.tags)
    event.data["result"] = result
    return result


def call_function(
    machine: Machine,
    function: Function,
    args: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    *,
    starred: bool = False,
) -> Value:
    """Follow the body of a function of the submission."""
    from windtunnel.rehearsal.expressions import evaluate  # noqa: PLC0415
    from windtunnel.rehearsal.statements import run_block  # noqa: PLC0415

    if len(machine.frames) >= DEEPEST or _too_deep(machine, function, [*args, *keywords.values()]):
        return unknown(tags=join_tags([*args, *keywords.values()]))
    names = bind(machine, function, args, keywords, node, starred=starred)
    scope = Scope(names, function.scope, function.scope.module)
    if function.owner is not None:
        names.setdefault("__class__", function.owner)
    frame = Frame(
        _label(function),
        function.path,
        uncertain=machine.uncertain,
        unlikely=machine.unlikely,
        loops=machine.loops,
    )
    machine.frames.append(frame)
    machine.trace.entered.add(f"{function.path}:{_label(function)}:{function.node.lineno}")
    machine.note("enter", function.node, function=_label(function), args=names, call=node)
    try:
        with machine.without_gradients(really=_without_gradients(function)):
            if isinstance(function.node, ast.Lambda):
                return evaluate(machine, function.node.body, scope)
            flow = run_block(machine, function.node.body, scope)
    finally:
        machine.frames.pop()
        machine.uncertain, machine.unlikely = frame.uncertain, frame.unlikely
    if frame.yields:
        example = frame.yields[0]
        for value in frame.yields[1:]:
            example = join(example, value)
        return Sequence_("generator", [], more=True, item=example)
    from windtunnel.rehearsal.machine import Flow  # noqa: PLC0415

    returns = (
        frame.returns
        if flow in {Flow.RETURN, Flow.RAISE} and frame.returns
        else [*frame.returns, NONE]
        if flow is Flow.NEXT
        else [unknown()]
    )
    result = returns[0]
    for value in returns[1:]:
        result = join(result, value)
    return expecting(result, frame.expected if len(returns) > 1 else None)


def _too_deep(machine: Machine, function: Function, given: list[Value]) -> bool:
    """Whether a function that calls itself is not followed again; with known arguments it will come to its end."""
    depth = sum(frame.name == _label(function) for frame in machine.frames)
    return depth > 1 and (depth > MOST_RECURSIONS or not all(constant(value)[0] for value in given))


def _label(function: Function) -> str:
    return f"{function.owner.node.name}.{function.name}" if function.owner else function.name


def _without_gradients(function: Function) -> bool:
    for decorator in function.decorators:
        name = (
            decorator.name if isinstance(decorator, Library) else decorator.type if isinstance(decorator, Thing) else ""
        )
        if name in NO_GRADIENTS:
            return True
    return False


def instantiate(
    machine: Machine, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST, *, starred: bool = False
) -> Value:
    """Make an object of a class of the submission."""
    if _is_loader(cls):
        return call_library(machine, Call(_LOADER, args, keywords, starred, node))
    made = Instance(cls, origin=join_tags([*args, *keywords.values()]))
    machine.note("new", node, cls=cls, args=args, keywords=keywords)
    constructor = cls.find("__init__")
    if isinstance(constructor, Function):
        call_method(machine, made, "__init__", args, keywords, node, starred=starred)
    elif is_dataclass(cls):
        names = fields(cls)
        for (name, _), value in zip(names, args, strict=False):
            made.attributes[name] = value
        for name, default in names[len(args) :]:
            made.attributes[name] = keywords.get(name) or _default(machine, default, node) or unknown()
        if isinstance(cls.find("__post_init__"), Function):
            call_method(machine, made, "__post_init__", [], {}, node)
    elif args and cls.libraries():
        made.attributes["args"] = Sequence_("tuple", list(args))  # of an exception
    return made


def _is_loader(cls: Class) -> bool:
    """Whether a class is torch's DataLoader with nothing but special methods of its own."""
    ours = any(not name.startswith("__") for name in cls.names) or "__init__" in cls.names
    return not ours and any(name.removesuffix("[]") == _LOADER for name in cls.libraries())


def _default(machine: Machine, default: Value | None, node: ast.AST) -> Value | None:
    if isinstance(default, Thing) and default.type == "dataclasses.field":
        factory = default.data.get("keywords", {}).get("default_factory")
        return (
            call(machine, factory, [], {}, node)
            if factory is not None
            else default.data.get("keywords", {}).get("default")
        )
    return default


def call_method(  # noqa: PLR0917 - a call is a receiver, a name, arguments and a place
    machine: Machine,
    receiver: Value,
    name: str,
    args: list[Value],
    keywords: dict[str, Value],
    node: ast.AST,
    *,
    starred: bool = False,
) -> Value:
    """``receiver.name(...)``."""
    called = Call(name, args, keywords, starred, node)
    if isinstance(receiver, Library):
        called.name = f"{receiver.name}.{name}"
        return call_library(machine, called)
    if isinstance(receiver, Node):
        if name in NODE_METHODS and name not in (receiver.config if hasattr(receiver.config, "keys") else ()):
            from windtunnel.rehearsal.libraries.omegaconf_ import node_method  # noqa: PLC0415

            return node_method(machine, receiver, called)
        return call(machine, attribute(machine, receiver, name, node), args, keywords, node, starred=starred)
    if isinstance(receiver, Instance):
        found = of_instance(machine, receiver, name, node)
        if isinstance(found, Method) and found.receiver is receiver:
            return library_method(machine, receiver, (receiver.cls.libraries() or [""])[0], called)
        return call(machine, found, args, keywords, node, starred=starred)
    if isinstance(receiver, Thing):
        if receiver.type == "super":
            return _call_super(machine, receiver, called)
        stored = receiver.attributes.get(name)
        if stored is not None:
            return call(machine, stored, args, keywords, node, starred=starred)
        return library_method(machine, receiver, receiver.type, called)
    if name in {"items", "keys", "values"} and (merged := as_mapping(receiver)) is not None:
        receiver = merged
    if isinstance(receiver, Alternatives):
        result: Value | None = None
        for option in receiver.values:
            if isinstance(option, Const) and option.value is None:
                continue
            with machine.supposing(happens=happens(receiver, option)):
                value = call_method(machine, option, name, list(args), dict(keywords), node, starred=starred)
            result = value if result is None else join(result, value)
        return result or unknown()
    if isinstance(receiver, Const | Text | Sequence_ | Mapping_):
        if isinstance(receiver, Const) and not hasattr(receiver.value, name):
            return attribute(machine, receiver, name, node)
        from windtunnel.rehearsal.libraries.containers import container_method  # noqa: PLC0415

        return container_method(machine, receiver, called)
    if isinstance(receiver, Path_):
        from windtunnel.rehearsal.libraries.paths import path_method  # noqa: PLC0415

        return path_method(machine, receiver, called)
    if isinstance(receiver, Module | Class | Function | Model | Partial):
        return call(machine, attribute(machine, receiver, name, node), args, keywords, node, starred=starred)
    if isinstance(receiver, Method):
        return library_method(machine, unknown(tags=receiver.tags), "", called)
    return unknown()


def _call_super(machine: Machine, receiver: Thing, called: Call) -> Value:
    owner = receiver.data.get("owner")
    self = receiver.data["self"]
    if isinstance(owner, Class):
        for base in owner.bases:
            found = base.find(called.name) if isinstance(base, Class) else None
            if isinstance(found, Function):
                bound = Function(
                    found.node, found.scope, found.path, self, found.decorators, found.owner, found.defaults
                )
                return call_function(machine, bound, called.args, called.keywords, called.node, starred=called.starred)
    return unknown(tags=called.tags)


__all__ = [
    "call",
    "call_back",
    "call_function",
    "call_library",
    "call_method",
    "constant",
    "evaluate_call",
    "instantiate",
    "invoke",
]
