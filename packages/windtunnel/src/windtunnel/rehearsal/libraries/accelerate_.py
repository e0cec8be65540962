"""Accelerate: one process, as the contract's commands start it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.expectations import doubtful, expecting
from windtunnel.rehearsal.libraries.registry import attributes, results
from windtunnel.rehearsal.values import Const, Value, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine
    from windtunnel.rehearsal.values import Thing

_ACCELERATOR = "accelerate.Accelerator"

results(_ACCELERATOR, _ACCELERATOR)


@attributes(_ACCELERATOR, "is_main_process", "is_local_main_process", "is_last_process")
def _alone(machine: Machine, owner: Thing, at: ast.AST) -> Value:
    return doubtful(expected=True)


@attributes(_ACCELERATOR, "num_processes")
def _count(machine: Machine, owner: Thing, at: ast.AST) -> Value:
    return expecting(unknown("int"), Const(1))


@attributes(_ACCELERATOR, "process_index", "local_process_index")
def _index(machine: Machine, owner: Thing, at: ast.AST) -> Value:
    return expecting(unknown("int"), Const(0))
