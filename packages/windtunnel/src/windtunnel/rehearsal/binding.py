"""Arguments of a call bound to the parameters of a function of the submission."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.values import Function, Mapping_, Sequence_, Value, join_tags, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine


def bind(
    machine: Machine, function: Function, args: list[Value], keywords: dict[str, Value], node: ast.AST, *, starred: bool
) -> dict[str, Value]:
    """The names a function starts with; arguments that do not fit are a crash."""
    arguments = function.node.args
    positional = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    values = list(args)
    if function.receiver is not None:
        values.insert(0, function.receiver)
    hidden = keywords.pop("**", None)
    names: dict[str, Value] = dict(zip(positional, values, strict=False))
    extra = values[len(positional) :]
    complaints: list[str] = []
    if arguments.vararg is not None:
        names[arguments.vararg.arg] = Sequence_("tuple", extra, more=starred)
    elif extra:
        complaints.append(f"takes {len(positional)} positional arguments, {len(values)} given")
    allowed = {*positional, *(argument.arg for argument in arguments.kwonlyargs)}
    rest: dict[str, Value] = {}
    for name, value in keywords.items():
        if name in allowed:
            if name in names and name in positional[: len(values)]:
                complaints.append(f"argument {name!r} given twice")
            names[name] = value
        else:
            rest[name] = value
    if arguments.kwarg is not None:
        names[arguments.kwarg.arg] = Mapping_(dict(rest), more=starred)
    elif rest:
        complaints.append(f"no parameter named {', '.join(map(repr, rest))}")
    filler = unknown(tags=join_tags([*args, *keywords.values(), *([hidden] if hidden else [])]))
    lacking: list[str] = []
    for name in (*positional, *(argument.arg for argument in arguments.kwonlyargs)):
        if name in names:
            continue
        if name in function.defaults and not (starred and not args and not keywords):
            names[name] = function.defaults[name]
        elif name in function.defaults:
            names[name] = filler
        else:
            lacking.append(name)
            names[name] = filler
    if lacking and not starred:
        complaints.append(f"missing {', '.join(map(repr, lacking))}")
    if complaints:
        machine.fail(
            "crash", node, "TypeError", message=f"{function.name}(): {'; '.join(complaints)}", function=function
        )
    return names
