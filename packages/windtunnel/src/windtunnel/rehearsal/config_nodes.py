"""Configuration nodes: read, written and merged by OmegaConf's own rules, because they are its own objects.

Values that OmegaConf cannot hold (a thing of unknown value) are kept as marks in the node and given back when read.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import (
    InterpolationResolutionError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from windtunnel.configuration.guard import explosion
from windtunnel.rehearsal.values import (
    NONE,
    Const,
    Mapping_,
    Node,
    Path_,
    Sequence_,
    Thing,
    Value,
    constant,
    lift,
    unknown,
)

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

_HOLE = re.compile(r"\x00hole:(\d+)\x00")
CONTAINERS = (DictConfig, ListConfig)


def full_key(config: DictConfig | ListConfig, key: object = None) -> str:
    """The key of a node counted from its root, ``training.epochs``."""
    name = str(config._get_full_key(None if key is None else str(key)) or "")
    return re.sub(r"\[(\w+)\]", r".\1", name).lstrip(".")


def from_config(machine: Machine, value: Any, origin: str | None) -> Value:
    """What OmegaConf gave, as a value."""
    if isinstance(value, CONTAINERS):
        return Node(value)
    if isinstance(value, str) and "\x00hole:" in value:
        match = _HOLE.fullmatch(value)
        return machine.holes[int(match.group(1))] if match else unknown("str")
    return Const(value, origin)


def to_config(machine: Machine, value: Value) -> Any:
    """A value as something OmegaConf can hold."""
    known, plain = constant(value)
    if known and _plain(plain):
        return plain
    if isinstance(value, Node):
        return value.config
    if isinstance(value, Mapping_):
        return {str(key): to_config(machine, item) for key, item in value.items.items()}
    if isinstance(value, Sequence_) and not value.more:
        return [to_config(machine, item) for item in value.items]
    machine.holes.append(value)
    return f"\x00hole:{len(machine.holes) - 1}\x00"


def _plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str | int | float | bool) and _plain(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(_plain(item) for item in value)
    return value is None or isinstance(value, str | int | float | bool | bytes)


def get_key(
    machine: Machine,
    node: Node,
    key: Any,
    at: ast.AST,
    *,
    default: Value | None = None,
    guarded: bool = False,
    item: bool = False,
) -> Value:
    """Read a key.

    Args:
        machine: the rehearsal.
        node: the node.
        key: the key or index.
        at: where it is read.
        default: what ``get`` and ``getattr`` give instead.
        guarded: it is only asked whether the key is there.
        item: read by ``[...]`` instead of by attribute.
    """
    config = node.config
    name = full_key(config, key)
    try:
        found = has(config, key)
        if not found:
            machine.note("read", at, key=name, found=False, guarded=guarded or default is not None, node=config)
            if default is not None or guarded:
                return default or NONE
            error = "ConfigKeyError" if item else "ConfigAttributeError"
            if isinstance(config, ListConfig):
                error = "IndexError"
            failed = machine.fail(
                "missing",
                at,
                error,
                key=name,
                why="absent",
                parent=config,
                target=machine.target,
                message=f"Key '{key}' is not there",
            )
            return meant(machine, name) or failed
        machine.note("read", at, key=name, found=True, guarded=guarded, node=config)
        value = config[key]
    except MissingMandatoryValue:
        if default is not None:
            return default
        return machine.fail(
            "missing", at, "MissingMandatoryValue", key=name, why="mandatory", parent=config, message=name
        )
    except (InterpolationResolutionError, OmegaConfBaseException, RecursionError, ValueError, TypeError) as error:
        return machine.fail(
            "missing",
            at,
            type(error).__name__,
            key=name,
            why="interpolation",
            parent=config,
            message=" ".join(str(error).split())[:200],
        )
    return from_config(machine, value, name)


def meant(machine: Machine, key: str) -> Value | None:
    """What the file of the run has under a key that was read where it is not.

    So that what follows is seen with the value that was meant.
    """
    if machine.run_file is None:
        machine.run_file = _run_file(machine)
    here: Any = machine.run_file
    parts = key.split(".")
    for part in parts[1:] if parts[0] in {"run", "runs"} else parts:
        if not isinstance(here, DictConfig) or not has(here, part):
            return None
        try:
            here = here[part]
        except (OmegaConfBaseException, RecursionError, ValueError, TypeError):
            return None
    return (
        from_config(machine, here, key.removeprefix("run.").removeprefix("runs."))
        if here is not machine.run_file
        else None
    )


def of_unknown(machine: Machine, owner: Thing, name: str) -> Value | None:
    """A key of a configuration that could not be followed: what the file of the run has under it, if it has."""
    key = f"{owner.data['key']}.{name}" if owner.data.get("key") else name
    value = meant(machine, key)
    if isinstance(value, Node) and isinstance(value.config, DictConfig):
        return Thing("omegaconf.DictConfig", data={"key": key})  # the rest of the configuration may add to it
    return value


def run_document(machine: Machine) -> Any:
    """What the file of the run holds, a copy of it; None if there is no such file."""
    for path, document in machine.program.documents.items():
        if isinstance(document.value, dict) and machine.trace.run_id in (
            document.value.get("run_id"),
            path.rpartition("/")[2].partition(".yaml")[0],
        ):
            return copy.deepcopy(document.value)
    return None


def _run_file(machine: Machine) -> DictConfig:
    try:
        document = run_document(machine) or {}
        made: Any = OmegaConf.create(document)
        composed = machine.trace.facts.get("config")
        if composed is not None and "${" in str(document):  # which may refer to any part of the whole
            made = OmegaConf.merge(OmegaConf.create(OmegaConf.to_container(composed, resolve=False)), made)
    except (OmegaConfBaseException, ValueError, TypeError):
        return OmegaConf.create({})
    return made if isinstance(made, DictConfig) and not explosion(made) else OmegaConf.create({})


def has(config: DictConfig | ListConfig, key: Any) -> bool:
    """Whether a configuration has a key of its own, be its value missing."""
    if isinstance(config, ListConfig):
        return isinstance(key, int) and -len(config) <= key < len(config)
    if not isinstance(key, str | int | float | bool | bytes):
        return False
    return config._get_node(key, validate_access=False) is not None


def contained(machine: Machine, config: DictConfig | ListConfig, at: ast.AST) -> Value:
    """The configuration as a value, unless its interpolations would explode when somebody reads them."""
    bomb = explosion(config) if isinstance(config, DictConfig) else ""
    if bomb:
        machine.note("missing", at, error="MemoryError", key="", why="interpolation", parent=config, message=bomb)
        return unknown("omegaconf.DictConfig")
    return Node(config)


def created(machine: Machine, plain: Any, at: ast.AST) -> Value:
    """``OmegaConf.create``, which refuses an interpolation that does not parse and a key of no type it knows."""
    try:
        made = OmegaConf.create(plain)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        machine.fail("crash", at, type(error).__name__, message=" ".join(str(error).split())[:200])
        return unknown("omegaconf.DictConfig")
    return contained(machine, made, at)


def to_container(machine: Machine, node: Node, at: ast.AST, *, resolve: bool) -> Value:
    """``OmegaConf.to_container``, each leaf with the key it came from."""
    try:
        plain = OmegaConf.to_container(node.config, resolve=resolve)
    except (OmegaConfBaseException, ValueError, TypeError, RecursionError) as error:
        machine.fail(
            "missing",
            at,
            type(error).__name__,
            key="",
            why="interpolation",
            parent=node.config,
            message=" ".join(str(error).split())[:200],
        )
        return unknown("dict")
    prefix = full_key(node.config)
    return filled(machine, lift(plain, prefix or None) if prefix else _lift_root(plain))


def _lift_root(plain: Any) -> Value:
    if isinstance(plain, dict):
        return Mapping_({key: lift(value, str(key)) for key, value in plain.items()})
    return lift(plain)


def filled(machine: Machine, value: Value) -> Value:
    """The value with every mark replaced by what it stands for."""
    if isinstance(value, Const) and isinstance(value.value, str) and "\x00hole:" in value.value:
        return from_config(machine, value.value, value.origin)
    if isinstance(value, Mapping_):
        value.items = {key: filled(machine, item) for key, item in value.items.items()}
    elif isinstance(value, Sequence_):
        value.items = [filled(machine, item) for item in value.items]
    return value


def path_text(value: Value) -> str | None:
    """The text of a string or path, if it is known."""
    if isinstance(value, Const) and isinstance(value.value, str):
        return value.value
    return value.known if isinstance(value, Path_) else None
