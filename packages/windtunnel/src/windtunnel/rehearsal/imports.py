"""Imports: modules of the submission are followed, everything else is a library name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.attributes import library_value
from windtunnel.rehearsal.values import Library, Module, Value, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine
    from windtunnel.rehearsal.values import Scope

# The name in the code to the name under which the models and tables know it.
ALIASES = {
    "hydra.core.hydra_config.HydraConfig": "hydra.HydraConfig",
    "omegaconf.omegaconf.OmegaConf": "omegaconf.OmegaConf",
    "os.path": "os.path",
}


def import_modules(machine: Machine, node: ast.Import, scope: Scope) -> None:
    """``import a.b as c``."""
    for alias in node.names:
        top = alias.name.split(".")[0]
        if _beside(machine, alias.name, node):
            scope.names[alias.asname or top] = _ours(machine, f"src.{alias.name}", node)
            continue
        if machine.program.is_ours(top):
            module = _ours(machine, alias.name, node)
            scope.names[alias.asname or top] = module if alias.asname else Library(top)
            continue
        scope.names[alias.asname or top] = Library(alias.name if alias.asname else top)


def import_from(machine: Machine, node: ast.ImportFrom, scope: Scope) -> None:
    """``from a import b``, absolute or relative."""
    name = machine.program.absolute(machine.path, node.module or "", node.level)
    if name is not None and node.level == 0 and _beside(machine, name, node):
        name = f"src.{name}"
    if name is None or not machine.program.is_ours(name.split(".")[0]):
        if name is None:
            machine.fail(
                "import",
                node,
                "ImportError",
                module="." * node.level + (node.module or ""),
                name="",
                message="no parent package",
            )
        for alias in node.names:
            if alias.name != "*":
                full = f"{name}.{alias.name}" if name else alias.name
                scope.names[alias.asname or alias.name] = (
                    library_value(machine, ALIASES.get(full, full)) if name else unknown()
                )
        return
    for alias in node.names:
        if alias.name == "*":
            module = _ours(machine, name, node)
            if isinstance(module, Module):
                scope.names |= {key: value for key, value in module.scope.names.items() if not key.startswith("_")}
            continue
        scope.names[alias.asname or alias.name] = _member(machine, name, alias.name, node)


def _beside(machine: Machine, name: str, node: ast.AST) -> bool:
    """Whether an absolute name means a file in src/.

    Without its package that works only if the entry point was started as a file.
    """
    if (
        name.split(".", maxsplit=1)[0] not in {"train", "preprocess", "model", "main"}
        or machine.program.is_ours(name)
        or not machine.program.has(f"src.{name}")
    ):
        return False
    if not machine.script and not machine.trace.facts.get("sys.path"):
        machine.fail(
            "import",
            node,
            "ModuleNotFoundError",
            module=name,
            name="",
            message=f"No module named '{name}'; from the repository it is src.{name}",
        )
    return True


def _member(machine: Machine, name: str, member: str, node: ast.AST) -> Value:
    if machine.program.has(f"{name}.{member}"):
        return _ours(machine, f"{name}.{member}", node)
    module = _ours(machine, name, node)
    if not isinstance(module, Module):
        return unknown()
    value = module.scope.names.get(member)
    if value is None:
        if module.path and not machine.program.is_being_followed(machine, name):
            machine.fail(
                "import",
                node,
                "ImportError",
                module=name,
                name=member,
                message=f"cannot import name '{member}' from '{name}'",
            )
        return unknown()
    return value


def _ours(machine: Machine, name: str, node: ast.AST) -> Value:
    if machine.program.is_package(name) and not machine.program.has(name):
        return Library(name)
    module = machine.module(name)
    if module is None:
        if not machine.program.is_broken(name):
            machine.fail(
                "import", node, "ModuleNotFoundError", module=name, name="", message=f"No module named '{name}'"
            )
        return unknown()
    return module
