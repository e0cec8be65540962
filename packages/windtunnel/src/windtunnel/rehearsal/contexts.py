"""Context managers whose effect matters: gradients off, struct off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omegaconf import OmegaConf

from windtunnel.rehearsal.values import Instance, Node, Thing, Value, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

NO_GRADIENTS = frozenset(
    {"torch.no_grad", "torch.inference_mode", "torch.autograd.no_grad", "torch.autograd.grad_mode.no_grad"}
)
GRADIENTS = "torch.enable_grad"
_SELF = ("contextlib.", "warnings.", "torch.amp.", "torch.cuda.amp.", "torch.autocast", "tempfile.")


def enter(machine: Machine, manager: Value, node: ast.AST) -> Value:
    """Enter a context; gives what ``as`` names."""
    if isinstance(manager, Thing):
        if manager.type in NO_GRADIENTS and not _switched_off(manager):
            manager.data["no_grad"] = machine.no_grad
            machine.no_grad += 1
        elif manager.type in {GRADIENTS, "torch.set_grad_enabled"}:
            manager.data["no_grad"] = machine.no_grad
            machine.no_grad = 0
        elif manager.type in {"omegaconf.open_dict", "omegaconf.flag_override", "omegaconf.read_write"}:
            target = manager.data.get("node")
            if isinstance(target, Node) and manager.type != "omegaconf.read_write":
                manager.data["struct"] = target.config._get_node_flag("struct")
                OmegaConf.set_struct(target.config, False)
                return target
        elif manager.type in {"torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast"}:
            machine.note("enter-context", node, type=manager.type, manager=manager)
        return manager
    if isinstance(manager, Instance):
        from windtunnel.rehearsal.calls import call_method  # noqa: PLC0415 - the two call each other

        return call_method(machine, manager, "__enter__", [], {}, node) if manager.cls.find("__enter__") else manager
    return manager if manager.tags else unknown()


def _switched_off(manager: Thing) -> bool:
    mode = next(iter(manager.data.get("args", [])), None)
    return getattr(mode, "value", True) is False


def leave(machine: Machine, manager: Value) -> None:
    """Leave a context again."""
    if not isinstance(manager, Thing):
        return
    if "no_grad" in manager.data:
        machine.no_grad = manager.data.pop("no_grad")
    if "struct" in manager.data:
        target = manager.data["node"]
        OmegaConf.set_struct(target.config, manager.data.pop("struct"))
