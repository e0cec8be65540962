"""Built-in types that are called: what ``int(x)``, ``str(x)`` and their like give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.values import (
    Const,
    Path_,
    Text,
    Thing,
    Value,
    constant,
    truth,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine


@function(
    "builtins.int",
    "builtins.float",
    "builtins.str",
    "builtins.bool",
    "builtins.abs",
    "builtins.round",
    "builtins.repr",
    "builtins.ord",
    "builtins.chr",
)
def _convert(machine: Machine, called: Call) -> Value | None:
    kind = called.name.removeprefix("builtins.")
    if not called.args:
        return Const({"int": 0, "float": 0.0, "str": "", "bool": False}.get(kind))
    value = called.args[0]
    if kind == "bool":
        known = truth(value)
        return unknown("bool") if known is None else Const(known)
    if kind == "str" and isinstance(value, Text | Path_):
        if isinstance(value, Path_):
            return (
                Const(value.known)
                if value.known is not None and value.base in {"cwd", "absolute"}
                else Thing("str", data={"path": value})
            )
        return value
    plain_known, plain = constant(value)
    if plain_known and isinstance(plain, str | int | float | bool) and len(str(plain)) < 1000:
        try:
            made = {
                "int": int,
                "float": float,
                "str": str,
                "abs": abs,
                "round": round,
                "repr": repr,
                "ord": ord,
                "chr": chr,
            }[kind](plain)  # type: ignore[operator]
        except (ValueError, TypeError, OverflowError) as error:
            return machine.fail(
                "crash",
                called.node,
                type(error).__name__,
                message=f"{kind}(): {error}"[:200],
                origin=getattr(value, "origin", None),
            )
        return Const(made, value.origin if isinstance(value, Const) else None)
    if plain_known and plain is None and kind in {"int", "float"}:
        return machine.fail(
            "crash", called.node, "TypeError", message=f"{kind}() of None", origin=getattr(value, "origin", None)
        )
    if isinstance(value, Thing) and kind == "float" and value.type in {"item", "torch.Tensor"}:
        made_thing = unknown("item", value.tags)
        made_thing.data["of"] = value
        return made_thing
    made_unknown = unknown(
        "str" if kind in {"str", "repr", "chr"} else kind if kind in {"int", "float"} else "float", called.tags
    )
    if isinstance(value, Thing) and "suggested" in value.data:
        made_unknown.data["suggested"] = value.data["suggested"]
    return made_unknown
