"""Hydra: the decorator of an entry point, and what it says of the original directory."""

from __future__ import annotations

import posixpath
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from windtunnel.configuration import Entry
from windtunnel.configuration.compose import UNSPECIFIED
from windtunnel.rehearsal.config_nodes import contained, path_text, run_document
from windtunnel.rehearsal.libraries.registry import Call, function
from windtunnel.rehearsal.values import NONE, Const, Function, Path_, Thing, Value, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine


@function("hydra.main")
def _main(machine: Machine, called: Call) -> Value | None:
    return Thing("hydra.main", data={"call": called})


@function("hydra.utils.get_original_cwd")
def _original(machine: Machine, called: Call) -> Value | None:
    return Path_("repository", Const("."))


@function("hydra.HydraConfig.get", "hydra.core.hydra_config.HydraConfig.get")
def _config(machine: Machine, called: Call) -> Value | None:
    return unknown()


@function("hydra.compose", "hydra.experimental.compose")
def _compose(machine: Machine, called: Call) -> Value | None:
    entry = machine.trace.facts.get("initialized")
    name = called.plain(0, "config_name")
    overrides = called.argument(1, "overrides")
    from windtunnel.rehearsal.values import constant  # noqa: PLC0415

    known, plain = constant(overrides) if overrides is not None else (True, [])
    if not isinstance(entry, Entry) or not isinstance(name, str) or not known:
        return unknown("omegaconf.DictConfig")
    return _configured(
        machine, Entry(entry.folder, name, entry.version_base), [str(item) for item in plain], called.node
    )


@function("hydra.initialize", "hydra.initialize_config_dir")
def _initialize(machine: Machine, called: Call) -> Value | None:
    value = (
        called.argument(
            0,
            "config_path" if called.name.endswith("initialize") else "config_dir",
        )
        or NONE
    )
    beside = machine.path if called.name.endswith("initialize") else ""
    folder = _folder(machine, value, beside)
    machine.trace.facts["initialized"] = Entry(folder, None, _version_base(called))
    return Thing("hydra.initialize")


def entry_point(machine: Machine, decorator: Thing, function_: Function, args: list[Value], at: ast.AST) -> Value:
    """Call a function decorated with ``@hydra.main`` as the command line would."""
    from windtunnel.rehearsal.calls import call_function  # noqa: PLC0415 - the two call each other

    if args:
        return call_function(machine, function_, args, {}, at)
    called: Call = decorator.data["call"]
    entry = read_entry(machine, called, function_.path)
    node = _configured(machine, entry, list(machine.argv), called.node)
    call_function(machine, function_, [node], {}, at)
    return NONE


def read_entry(machine: Machine, called: Call, path: str) -> Entry:
    """What a ``hydra.main(...)`` in a file says."""
    config_path = called.argument(0, "config_path")
    version_base = _version_base(called)
    if config_path is None:
        folder = posixpath.dirname(path) if version_base in {UNSPECIFIED, "1.1"} else None
    elif isinstance(config_path, Const) and config_path.value is None:
        folder = None
    else:
        folder = _folder(machine, config_path, path)
    name = called.plain(1, "config_name")
    return Entry(folder, name.removesuffix(".yaml") if isinstance(name, str) else None, version_base)


def _folder(machine: Machine, value: Value, path: str) -> str | None:
    if isinstance(value, Path_) and value.base == "repository" and value.known is not None:
        return posixpath.normpath(value.known)
    text = path_text(value)
    if text is None:
        return "config"
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), text))


def _version_base(called: Call) -> str | None:
    value = called.keywords.get("version_base")
    if value is None:
        return UNSPECIFIED
    return value.value if isinstance(value, Const) and isinstance(value.value, str) else None


def _configured(machine: Machine, entry: Entry, overrides: list[str], at: ast.AST) -> Value:
    mended = machine.program.compose(entry, tuple(overrides))
    composition = mended.composition
    facts = machine.trace.facts
    facts["entry"] = entry
    facts["composition"] = composition
    facts["overrides"] = overrides
    facts["guess"] = bool(mended.mistakes)
    for mistake in mended.mistakes:
        machine.note(
            "compose",
            at,
            what=mistake.what,
            error=mistake.error,
            subject=mistake.subject,
            overrides=overrides,
            entry=entry,
        )
    if composition.changes_directory:
        machine.cwd = "elsewhere"
    if composition.config is None:
        return unknown("omegaconf.DictConfig")
    config = composition.config
    if machine.meant:
        document = run_document(machine)
        if isinstance(document, dict):
            with suppress(OmegaConfBaseException, ValueError, TypeError):  # what does not merge was not meant
                merged: Any = OmegaConf.merge(OmegaConf.create(OmegaConf.to_container(config, resolve=False)), document)
                OmegaConf.set_struct(merged, value=True)
                config = merged
    facts["config"] = config
    return contained(machine, config, at)
