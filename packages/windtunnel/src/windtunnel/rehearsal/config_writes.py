"""Keys that code sets, merges and deletes in a configuration, as OmegaConf does it."""

from __future__ import annotations

import copy
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, ListConfig, OmegaConf, open_dict
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    OmegaConfBaseException,
    ReadonlyConfigError,
)

from windtunnel.rehearsal.config_nodes import contained, created, full_key, has, to_config
from windtunnel.rehearsal.values import (
    Const,
    Mapping_,
    Node,
    Sequence_,
    Text,
    Value,
    unknown,
)

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator

    from windtunnel.rehearsal.machine import Machine


def set_key(machine: Machine, node: Node, key: Any, value: Value, at: ast.AST) -> None:
    """Write a key, as an assignment does; a struct violation is written down and then allowed."""
    config = node.config
    name = full_key(config, key)
    machine.note("write", at, key=name, value=value, node=config, existed=has(config, key))
    plain = to_config(machine, value)
    remember(machine, config, key)
    try:
        config[key] = plain
    except (ConfigAttributeError, ConfigKeyError):
        machine.fail(
            "struct",
            at,
            "ConfigAttributeError",
            keys=(name,),
            how="assign",
            node=config,
            message=f"Key '{key}' is not in struct",
        )
        with _unlocked(config):
            config[key] = plain
    except ReadonlyConfigError:
        machine.fail("crash", at, "ReadonlyConfigError", message=f"{name} is read-only")
    except (OmegaConfBaseException, ValueError, TypeError, IndexError):
        machine.holes.append(value)
        with _unlocked(config):
            try:
                config[key] = f"\x00hole:{len(machine.holes) - 1}\x00"
            except (OmegaConfBaseException, ValueError, TypeError, IndexError):
                return


_ABSENT = object()


def remember(machine: Machine, config: DictConfig | ListConfig, key: Any) -> None:
    """Keep what a trial is about to change, so that what follows the study is seen as if trials worked on copies."""
    if machine.trial:
        old = config._get_node(key, validate_access=False) if has(config, key) else _ABSENT
        machine.undo.append((config, key, copy.deepcopy(old) if old is not _ABSENT else _ABSENT))


def take_back(machine: Machine) -> None:
    """Take back everything that trials changed."""
    for config, key, old in reversed(machine.undo):
        with _unlocked(config):
            try:
                if old is not _ABSENT:
                    config[key] = old
                elif isinstance(config, DictConfig) and has(config, key):
                    del config[key]
            except (OmegaConfBaseException, ValueError, TypeError, IndexError):
                continue
    machine.undo.clear()


def delete_key(machine: Machine, node: Node, key: Any, at: ast.AST) -> None:
    """Delete a key; a locked configuration refuses."""
    config = node.config
    if not isinstance(config, DictConfig) or not has(config, key):
        return
    if OmegaConf.is_struct(config):
        machine.fail(
            "struct",
            at,
            "ConfigTypeError",
            keys=(full_key(config, key),),
            how="delete",
            node=config,
            message="cannot delete",
        )
    with _unlocked(config):
        del config[key]


@contextmanager
def _unlocked(config: DictConfig | ListConfig) -> Iterator[None]:
    if isinstance(config, DictConfig):
        with open_dict(config):
            yield
    else:
        yield


def absent_keys(base: Any, other: Any, prefix: str = "") -> list[str]:
    """The keys of ``other`` that ``base`` lacks, the shallowest of each branch, as a merge meets them."""
    found: list[str] = []
    if not isinstance(base, DictConfig) or not isinstance(other, DictConfig):
        return found
    for key in other:
        name = f"{prefix}.{key!s}" if prefix else str(key)
        ours = base._get_node(key, validate_access=False)
        theirs = other._get_node(key, validate_access=False)
        if ours is None:
            found.append(name)
        elif isinstance(theirs, DictConfig) and not theirs._is_none() and not theirs._is_missing():
            found += absent_keys(ours, theirs, name)
    return found


def merge(machine: Machine, parts: list[Value], at: ast.AST, how: str = "merge") -> Value:
    """``OmegaConf.merge``: a struct violation is written down, and then everything is merged."""
    configs: list[Any] = []
    for part in parts:
        if isinstance(part, Node):
            configs.append(part.config)
        elif isinstance(part, Mapping_ | Sequence_):
            made = created(machine, to_config(machine, part), at)
            if not isinstance(made, Node) or (isinstance(part, Mapping_) and part.more):
                return unknown("omegaconf.DictConfig")
            configs.append(made.config)
        else:
            return unknown("omegaconf.DictConfig", part.tags)
    try:
        return contained(machine, OmegaConf.merge(*configs), at)
    except (ConfigKeyError, ConfigAttributeError) as error:
        lacking = [name for other in configs[1:] for name in absent_keys(configs[0], other)]
        machine.fail(
            "struct",
            at,
            type(error).__name__,
            keys=tuple(dict.fromkeys(lacking)),
            how=how,
            node=configs[0],
            message=" ".join(str(error).split())[:200],
        )
        loose = OmegaConf.create(OmegaConf.to_container(configs[0], resolve=False))
        try:
            merged = OmegaConf.merge(loose, *configs[1:])
        except (OmegaConfBaseException, ValueError, TypeError):
            return unknown("omegaconf.DictConfig")
        OmegaConf.set_struct(merged, OmegaConf.is_struct(configs[0]))
        return contained(machine, merged, at)
    except (OmegaConfBaseException, ValueError, TypeError) as error:
        machine.fail("crash", at, type(error).__name__, message=" ".join(str(error).split())[:200])
        return unknown("omegaconf.DictConfig")


def update(machine: Machine, node: Node, key: Value, value: Value, at: ast.AST, *, force: bool, merged: bool) -> None:
    """``OmegaConf.update``."""
    name = key.value if isinstance(key, Const) and isinstance(key.value, str) else None
    if name is None:
        machine.note(
            "write", at, key=str(key) if isinstance(key, Text) else "", value=value, node=node.config, how="update"
        )
        return
    machine.note("write", at, key=name, value=value, node=node.config, how="update", existed=_exists(node.config, name))
    plain = to_config(machine, value)
    first, _, _rest = name.partition(".")
    remember(machine, node.config, first)
    try:
        OmegaConf.update(node.config, name, plain, merge=merged, force_add=force)
    except (ConfigKeyError, ConfigAttributeError) as error:
        machine.fail(
            "struct",
            at,
            type(error).__name__,
            keys=(name,),
            how="update",
            node=node.config,
            message=" ".join(str(error).split())[:200],
        )
        try:
            OmegaConf.update(node.config, name, plain, merge=merged, force_add=True)
        except (OmegaConfBaseException, ValueError, TypeError, AttributeError):
            return
    except (OmegaConfBaseException, ValueError, TypeError, AttributeError, AssertionError) as error:
        machine.fail("crash", at, type(error).__name__, message=" ".join(str(error).split())[:200])


def _exists(config: DictConfig | ListConfig, key: str) -> bool:
    here: Any = config
    for part in key.split("."):
        if not isinstance(here, DictConfig) or not has(here, part):
            return False
        here = here._get_node(part, validate_access=False)
    return True
