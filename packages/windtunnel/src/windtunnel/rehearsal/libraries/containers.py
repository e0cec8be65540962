"""Methods of strings, lists and dicts: the real ones on constants, within limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windtunnel.rehearsal.iteration import items_of
from windtunnel.rehearsal.joining import as_mapping, join
from windtunnel.rehearsal.values import (
    NONE,
    Const,
    Mapping_,
    Node,
    Sequence_,
    Text,
    Thing,
    Value,
    constant,
    lift,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.libraries.registry import Call
    from windtunnel.rehearsal.machine import Machine

# Methods whose result is never much longer than what goes in.
_SAFE = frozenset(
    [
        "split",
        "rsplit",
        "splitlines",
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "casefold",
        "swapcase",
        "startswith",
        "endswith",
        "find",
        "rfind",
        "index",
        "rindex",
        "count",
        "isdigit",
        "isalpha",
        "isalnum",
        "isdecimal",
        "isnumeric",
        "isspace",
        "isupper",
        "islower",
        "isidentifier",
        "partition",
        "rpartition",
        "removeprefix",
        "removesuffix",
        "encode",
        "decode",
        "as_integer_ratio",
        "is_integer",
        "bit_length",
        "hex",
        "conjugate",
    ]
)
_TEXT_METHODS = frozenset(
    {
        "strip",
        "lstrip",
        "rstrip",
        "lower",
        "upper",
        "title",
        "capitalize",
        "replace",
        "format",
        "join",
        "casefold",
        "zfill",
        "center",
        "ljust",
        "rjust",
        "removeprefix",
        "removesuffix",
        "decode",
    }
)


def container_method(machine: Machine, receiver: Value, called: Call) -> Value:
    """A method of a string, list, tuple, set or dict."""
    if isinstance(receiver, Mapping_):
        return _mapping(machine, receiver, called)
    if isinstance(receiver, Sequence_):
        return _sequence(machine, receiver, called)
    return _text(machine, receiver, called)


def _text(machine: Machine, receiver: Value, called: Call) -> Value:
    name = called.name
    if name == "join" and called.args:
        return _join(machine, receiver, called)
    if name == "format" and isinstance(receiver, Const) and isinstance(receiver.value, str):
        return _format(receiver.value, called)
    known, plain = constant(receiver)
    arguments = [constant(value) for value in called.args]
    if (
        known
        and not called.starred
        and all(ok for ok, _ in arguments)
        and all(constant(value)[0] for value in called.keywords.values())
    ):
        values = [value for _, value in arguments]
        keywords = {key: constant(value)[1] for key, value in called.keywords.items()}
        if name in _SAFE or (name == "replace" and _short_replace(plain, values)):
            try:
                made = getattr(plain, name)(*values, **keywords)
            except (TypeError, ValueError, AttributeError, LookupError, OverflowError) as error:
                return machine.fail("crash", called.node, type(error).__name__, message=f".{name}(): {error}"[:200])
            return lift(made, receiver.origin if isinstance(receiver, Const) and isinstance(made, str) else None)
    if name in {"split", "rsplit", "splitlines"}:
        return Sequence_("list", [], more=True, item=unknown("str"))
    if name in {"lower", "strip"} and isinstance(receiver, Text):
        return receiver if name == "strip" else Text(tuple(part.lower() if part else part for part in receiver.parts))
    if name == "startswith" and isinstance(receiver, Text) and receiver.parts[0] and called.args:
        prefix = constant(called.args[0])[1]
        if isinstance(prefix, str) and len(prefix) <= len(receiver.parts[0]):
            return Const(receiver.parts[0].startswith(prefix))
    return unknown("str" if name in _TEXT_METHODS else "", called.tags)


def _short_replace(text: Any, values: list[Any]) -> bool:
    if not isinstance(text, str) or len(values) < 2 or not all(isinstance(value, str) for value in values[:2]):
        return False
    return len(text) * max(1, len(values[1])) < 100_000


def _join(machine: Machine, receiver: Value, called: Call) -> Value:
    from windtunnel.rehearsal.expressions import text_of  # noqa: PLC0415 - the two call each other

    items, more, _ = items_of(machine, called.args[0], called.node)
    glue = receiver.value if isinstance(receiver, Const) and isinstance(receiver.value, str) else None
    if more or glue is None or len(items) > 200:
        return unknown("str", called.tags)
    parts: list[str | None] = []
    for index, item in enumerate(items):
        if index:
            parts.append(glue)
        if isinstance(item, Text):
            parts += item.parts
        elif isinstance(item, Const) and not isinstance(item.value, str):
            return machine.fail(
                "crash",
                called.node,
                "TypeError",
                message=f"join(): item {index} is {type(item.value).__name__}, not str",
            )
        else:
            parts.append(item.value if isinstance(item, Const) else None)
    return text_of(parts)


def _format(template: str, called: Call) -> Value:
    import string  # noqa: PLC0415 - a rare method

    from windtunnel.rehearsal.expressions import text_of  # noqa: PLC0415

    parts: list[str | None] = []
    counter = 0
    try:
        pieces = list(string.Formatter().parse(template[:10_000]))
    except ValueError:
        return unknown("str")
    for literal, field, spec, _conversion in pieces:
        parts.append(literal)
        if field is None:
            continue
        value: Value | None = None
        if field == "" or field.isdigit():
            index = int(field) if field else counter
            counter += 1
            value = called.args[index] if index < len(called.args) else None
        elif field.isidentifier():
            value = called.keywords.get(field)
        if isinstance(value, Text) and not spec:
            parts += value.parts
        else:
            parts.append(str(value.value) if isinstance(value, Const) and not spec else None)
    return text_of(parts)


_READING = frozenset({"index", "count", "copy", "__len__", "__contains__", "__iter__"})


def _sequence(machine: Machine, receiver: Sequence_, called: Call) -> Value:
    name, args = called.name, called.args
    if name in _READING:
        pass
    elif name == "append" and args:
        receiver.last = args[0]
    else:
        receiver.last = None
    if name in {"append", "add"} and args:
        if machine.uncertain or receiver.more or machine.open_loops > receiver.born:
            if not (machine.uncertain or receiver.items):  # at least once, and who knows how often
                receiver.items.append(args[0])
            receiver.more, receiver.item = True, join(receiver.item, args[0]) if receiver.item else args[0]
        else:
            receiver.items.append(args[0])
        return NONE
    if name in {"extend", "update"} and args:
        items, more, example = items_of(machine, args[0], called.node)
        if machine.uncertain:
            receiver.more = True
            receiver.item = receiver.item or (items[0] if items else example)
        receiver.items += items[:200] if not machine.uncertain else []
        if more or machine.open_loops > receiver.born:
            receiver.more, receiver.item = True, receiver.item or example
        return NONE
    if name == "pop":
        if receiver.items and not receiver.more and not machine.uncertain:
            index = called.plain(0, "index", -1)
            return (
                receiver.items.pop(index)
                if isinstance(index, int) and -len(receiver.items) <= index < len(receiver.items)
                else unknown()
            )
        return receiver.item or (receiver.items[-1] if receiver.items else unknown())
    if name == "insert" and len(args) == 2:
        receiver.items.insert(called.plain(0, "index", 0) or 0, args[1])
        return NONE
    if name == "copy":
        return Sequence_(receiver.kind, list(receiver.items), more=receiver.more, item=receiver.item)
    if name in {"sort", "reverse", "clear", "remove", "discard"}:
        if name == "clear" and not machine.uncertain:
            receiver.items, receiver.more = [], False
        return NONE
    if name in {"union", "intersection", "difference", "symmetric_difference"}:
        known, first = constant(receiver)
        others = [constant(value) for value in args]
        if known and all(ok for ok, _ in others):
            try:
                return lift(getattr(set(first), name)(*(set(value) for _, value in others)))
            except TypeError:
                return unknown()
        return Sequence_("set", [], more=True, item=receiver.item or (receiver.items[0] if receiver.items else None))
    if name in {"index", "count"}:
        return unknown("int")
    return unknown(tags=receiver.tags)


def _mapping(machine: Machine, receiver: Mapping_, called: Call) -> Value:
    name, args = called.name, called.args
    key_known, key = constant(args[0]) if args else (False, None)
    if name in {"get", "pop", "setdefault"}:
        default = called.argument(1, "default") or NONE
        if key_known and not isinstance(key, list | dict | set):
            machine.note("lookup", called.node, receiver=receiver, key=key)
            if key in receiver.items:
                return receiver.items.pop(key) if name == "pop" and not machine.uncertain else receiver.items[key]
            fitting = [value for pattern, value in receiver.patterns if isinstance(key, str) and pattern.matches(key)]
            if fitting:
                return fitting[0]
            if receiver.more:
                return join(receiver.item or unknown(tags=receiver.tags), default)
            if name == "pop" and len(args) < 2 and "default" not in called.keywords:
                return machine.fail(
                    "crash", called.node, "KeyError", message=repr(key)[:200], keys=tuple(map(str, receiver.items))
                )
            if name == "setdefault":
                receiver.items[key] = default
            return default
        if name == "setdefault":
            receiver.more, receiver.item = True, receiver.item or default
        values = [*receiver.items.values(), *([receiver.item] if receiver.item else []), default]
        result = values[0]
        for value in values[1:7]:
            result = join(result, value)
        return result
    if name in {"keys", "values", "items"}:
        return _view(receiver, name)
    if name == "update":
        for value in args:
            if (given := as_mapping(value)) is not None:
                receiver.items |= given.items
                receiver.patterns += given.patterns
                receiver.more, receiver.item = receiver.more or given.more, receiver.item or given.item
            elif isinstance(value, Node):
                from windtunnel.rehearsal.config_nodes import to_container  # noqa: PLC0415

                plain = to_container(machine, value, called.node, resolve=True)
                if isinstance(plain, Mapping_):
                    receiver.items |= plain.items
            else:
                receiver.more, receiver.item = True, receiver.item or unknown(tags=value.tags)
        receiver.items |= dict(called.keywords)
        receiver.more = receiver.more or called.starred
        return NONE
    if name == "copy":
        return Mapping_(dict(receiver.items), receiver.more, receiver.item, list(receiver.patterns))
    if name == "clear" and not machine.uncertain:
        receiver.items.clear()
        return NONE
    return unknown(tags=receiver.tags)


def _view(receiver: Mapping_, name: str) -> Value:
    def entry(key: Value, value: Value) -> Value:
        return key if name == "keys" else value if name == "values" else Sequence_("tuple", [key, value])

    entries = [entry(Const(key), value) for key, value in receiver.items.items()]
    entries += [entry(pattern, value) for pattern, value in receiver.patterns]
    example = entry(unknown("str"), receiver.item or unknown(tags=receiver.tags))
    return Sequence_("list", entries, more=receiver.more, item=example)


__all__ = ["Thing", "container_method"]
