"""The standard library, where code under review leans on it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from windtunnel.rehearsal.iteration import items_of
from windtunnel.rehearsal.libraries.registry import Call, function, method, results
from windtunnel.rehearsal.values import (
    NONE,
    Instance,
    Mapping_,
    Node,
    Partial,
    Sequence_,
    Thing,
    Value,
    constant,
    lift,
    unknown,
)

if TYPE_CHECKING:
    from windtunnel.rehearsal.machine import Machine

results(
    "float",
    "time.time",
    "time.perf_counter",
    "time.monotonic",
    "random.random",
    "random.uniform",
    "math.sqrt",
    "math.log",
    "math.exp",
)
results("dataclasses.dataclass", "dataclasses.dataclass")


@function("json.loads")
def _loads(machine: Machine, called: Call) -> Value | None:
    given = called.args[0] if called.args else NONE
    if isinstance(given, Thing) and isinstance(given.data.get("json"), Value):
        return copied(given.data["json"])
    if isinstance(given, Node):
        kind = type(given.config).__name__
        machine.fail("crash", called.node, "TypeError", message=f"json.loads() of a {kind}, which is no text")
        return copied(given)
    known, text = constant(given) if called.args else (False, None)
    if not known:
        return unknown(tags=called.tags)
    if not isinstance(text, str | bytes):
        return machine.fail("crash", called.node, "TypeError", message=f"json.loads() of {type(text).__name__}")
    try:
        return lift(json.loads(text))
    except (ValueError, RecursionError) as error:
        failed = machine.fail(
            "crash", called.node, "JSONDecodeError", message=f"json.loads({text[:80]!r}): {error}"[:300]
        )
        return _meant(text, failed)


def _meant(text: str | bytes, failed: Value) -> Value:
    """What ``run_ids=["run-1"]`` means, read as ``["run-1"]``.

    The call fails, but what comes after is worth following.
    """
    name, equals, rest = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not equals or not name.strip("-").isidentifier():
        return failed
    try:
        return lift(json.loads(rest))
    except (ValueError, RecursionError):
        return failed


@function("json.load")
def _load(machine: Machine, called: Call) -> Value | None:
    return unknown(tags=called.tags)


@function("json.dump", "json.dumps", "pickle.dump", "yaml.dump", "yaml.safe_dump")
def _dump(machine: Machine, called: Call) -> Value | None:
    value = called.args[0] if called.args else NONE
    target = called.argument(1, "fp") if called.name != "json.dumps" else None
    machine.note("dump", called.node, how=called.name, value=value, target=target, keywords=called.keywords)
    return Thing("str", data={"json": value}, origin=called.tags) if called.name.endswith("dumps") else NONE


@function("yaml.safe_load", "yaml.load", "yaml.full_load")
def _yaml(machine: Machine, called: Call) -> Value | None:
    value = called.args[0] if called.args else NONE
    if isinstance(value, Thing) and value.type == "io.TextIOWrapper":
        from windtunnel.rehearsal.libraries.paths import as_path, location  # noqa: PLC0415 - the two call each other

        place = location(machine, as_path(value.data["path"]))
        document = machine.program.document(place) if place else None
        if document is not None:
            return lift(document, place)
    return unknown()


# OmegaConf has no copy and no deepcopy, as the signature tables know; what was meant is followed all the same.
@function("copy.deepcopy", "copy.copy", "omegaconf.OmegaConf.deepcopy", "omegaconf.OmegaConf.copy")
def _copy(machine: Machine, called: Call) -> Value | None:
    return copied(called.args[0]) if called.args else unknown()


def copied(value: Value) -> Value:
    """A copy that can be changed without changing the original."""
    if isinstance(value, Node):
        made = OmegaConf.create(OmegaConf.to_container(value.config, resolve=False))
        if OmegaConf.is_struct(value.config):
            OmegaConf.set_struct(made, value=True)
        return Node(made)
    if isinstance(value, Mapping_):
        return Mapping_(
            {key: copied(item) for key, item in value.items.items()}, value.more, value.item, list(value.patterns)
        )
    if isinstance(value, Sequence_):
        return Sequence_(value.kind, [copied(item) for item in value.items], value.more, value.item)
    if isinstance(value, Instance):
        return Instance(value.cls, dict(value.attributes), value.origin)
    if isinstance(value, Thing):
        return Thing(value.type, dict(value.attributes), dict(value.data), value.origin)
    return value


@function("functools.partial")
def _partial(machine: Machine, called: Call) -> Value | None:
    return Partial(called.args[0], called.args[1:], called.keywords) if called.args else unknown()


@function("functools.wraps", "functools.lru_cache", "functools.cache", "contextlib.contextmanager", "atexit.register")
def _same(machine: Machine, called: Call) -> Value | None:
    return called.args[0] if called.args and called.name != "functools.lru_cache" else unknown()


@function("collections.defaultdict")
def _defaultdict(machine: Machine, called: Call) -> Value | None:
    return Mapping_({}, more=True)


@function("collections.Counter", "collections.deque")
def _collection(machine: Machine, called: Call) -> Value | None:
    return Sequence_("list", [], more=True) if called.name.endswith("deque") else Mapping_({}, more=True)


@function("dataclasses.field")
def _field(machine: Machine, called: Call) -> Value | None:
    return Thing("dataclasses.field", data={"keywords": called.keywords})


@function("dataclasses.asdict", "builtins.vars")
def _asdict(machine: Machine, called: Call) -> Value | None:
    value = called.args[0] if called.args else NONE
    if isinstance(value, Instance):
        return Mapping_(dict(value.attributes))
    if isinstance(value, Thing) and value.type == "argparse.Namespace":
        return Mapping_(dict(value.attributes), more=bool(value.data.get("open")))
    return unknown()


@function("ast.literal_eval")
def _literal(machine: Machine, called: Call) -> Value | None:
    import ast as python  # noqa: PLC0415 - the name is taken by the node type

    known, text = constant(called.args[0]) if called.args else (False, None)
    if not known or not isinstance(text, str) or len(text) > 10_000:
        return unknown()
    try:
        return lift(python.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError) as error:
        return machine.fail(
            "crash", called.node, type(error).__name__, message=f"ast.literal_eval({text[:80]!r}): {error}"[:300]
        )


@function("shlex.quote")
def _quote(machine: Machine, called: Call) -> Value | None:
    return called.args[0] if called.args else unknown("str")


@function(
    "itertools.combinations",
    "itertools.product",
    "itertools.permutations",
    "itertools.chain",
    "itertools.cycle",
    "itertools.islice",
    "itertools.count",
)
def _itertools(machine: Machine, called: Call) -> Value | None:
    name = called.name.rsplit(".", 1)[-1]
    if not called.args:
        return Sequence_("generator", [], more=True, item=unknown("int"))
    items, more, example = items_of(machine, called.args[0], called.node)
    if name in {"combinations", "permutations"}:
        size = called.plain(1, "r", 2)
        if not more and isinstance(size, int) and len(items) <= 8 and size <= 3:
            import itertools  # noqa: PLC0415

            made: list[Value] = [Sequence_("tuple", list(row)) for row in getattr(itertools, name)(items, size)]
            return Sequence_("generator", made)
        sample = items[0] if items else example
        return Sequence_(
            "generator",
            [],
            more=True,
            item=Sequence_("tuple", [sample] * (size if isinstance(size, int) and size <= 8 else 2)),
        )
    if name in {"cycle", "islice"}:
        return Sequence_("generator", [], more=True, item=items[0] if items else example)
    if name == "chain":
        merged: list[Any] = []
        open_ = False
        for value in called.args:
            inner, extra, _ = items_of(machine, value, called.node)
            merged += inner
            open_ = open_ or extra
        return Sequence_("generator", merged, more=open_)
    return Sequence_("generator", [], more=True, item=unknown())


@method("io.TextIOWrapper", "read", "readlines", "readline")
def _read(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return unknown("str")


@method("io.TextIOWrapper", "write", "close", "flush")
def _write(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if called.name == "write" and isinstance(receiver, Thing):
        machine.note(
            "written", called.node, path=receiver.data.get("path"), value=called.args[0] if called.args else NONE
        )
    return NONE
