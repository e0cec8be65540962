"""What a value is after branches of which any may have run."""

from __future__ import annotations

from windtunnel.rehearsal.values import Alternatives, Const, Library, Mapping_, Node, Thing, Value, join_tags, unknown

MOST_ALTERNATIVES = 6


def is_none(value: Value) -> bool:
    """Whether it is None and nothing else."""
    return isinstance(value, Const) and value.value is None


def join(first: Value | None, second: Value | None) -> Value:
    """What a name is after two branches of which either may have run."""
    if first is None or second is None or first is second:
        return first or second or unknown()
    flat: list[Value] = []
    for value in (*options(first), *options(second)):
        if not any(same(value, other) for other in flat):
            flat.append(value)
    if len(flat) == 1:
        return flat[0]
    if len(flat) > MOST_ALTERNATIVES:
        return unknown(tags=join_tags(flat))
    return Alternatives(tuple(flat))


def as_mapping(value: Value) -> Mapping_ | None:
    """A dict, or all that one of several dicts may hold in one; None for anything else."""
    found = [option for option in options(value) if isinstance(option, Mapping_)]
    if len(found) != len(options(value)) or not found:
        return None
    made = found[0]
    for other in found[1:]:
        made = Mapping_(
            made.items | other.items, made.more or other.more, made.item or other.item, made.patterns + other.patterns
        )
    return made


def options(value: Value) -> tuple[Value, ...]:
    """The values it may be: itself, or its alternatives."""
    return value.values if isinstance(value, Alternatives) else (value,)


def same(first: Value, second: Value) -> bool:
    """Whether two values are known to be one."""
    if first is second:
        return True
    if isinstance(first, Const) and isinstance(second, Const):
        return type(first.value) is type(second.value) and first.value == second.value
    if isinstance(first, Library) and isinstance(second, Library):
        return first.name == second.name
    if isinstance(first, Node) and isinstance(second, Node):
        return first.config is second.config
    if isinstance(first, Thing) and isinstance(second, Thing):
        if first.type == second.type == "datasets.Dataset" and first.data.get("load") is second.data.get("load"):
            return all(first.data.get(name) == second.data.get(name) for name in ("split", "columns", "output"))
        plain = not (first.attributes or second.attributes or first.data or second.data)
        return plain and first.type == second.type and first.origin == second.origin
    return False
