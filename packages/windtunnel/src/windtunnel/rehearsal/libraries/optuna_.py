"""Optuna: the study, the objective with a trial, and what the trial is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.config_writes import take_back
from windtunnel.rehearsal.expectations import expecting
from windtunnel.rehearsal.libraries.registry import Call, attributes, function, method
from windtunnel.rehearsal.values import NONE, Const, Mapping_, Sequence_, Text, Thing, Value, constant, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

STUDY = "optuna.Study"
TRIAL = "optuna.Trial"


@function("optuna.create_study", "optuna.study.create_study", "optuna.load_study")
def _create(machine: Machine, called: Call) -> Value | None:
    machine.note("study", called.node, keywords=called.keywords, args=called.args)
    return Thing(STUDY, data={"suggested": {}, "create": called})


@method(STUDY, "optimize")
def _optimize(machine: Machine, receiver: Value, called: Call) -> Value | None:
    from windtunnel.rehearsal.calls import call  # noqa: PLC0415 - the two call each other

    objective = called.argument(0, "func")
    trials = called.argument(1, "n_trials")
    if objective is None or not isinstance(receiver, Thing):
        return NONE
    if isinstance(trials, Const) and trials.value == 0:
        return NONE
    receiver.data["objective"] = objective
    trial = Thing(TRIAL, data={"suggested": receiver.data.setdefault("suggested", {})})
    machine.trial += 1
    try:
        result = call(machine, objective, [trial], {}, called.node)
    finally:
        machine.trial -= 1
        take_back(machine)
    receiver.data["optimized"] = True
    machine.note("optimized", called.node, result=result, n_trials=trials, study=receiver)
    return NONE


@method(STUDY, "ask")
def _ask(machine: Machine, receiver: Value, called: Call) -> Value | None:
    suggested = receiver.data.setdefault("suggested", {}) if isinstance(receiver, Thing) else {}
    return Thing(TRIAL, data={"suggested": suggested})


@method(
    TRIAL,
    "suggest_float",
    "suggest_int",
    "suggest_categorical",
    "suggest_uniform",
    "suggest_loguniform",
    "suggest_discrete_uniform",
)
def _suggest(machine: Machine, receiver: Value, called: Call) -> Value | None:
    name = called.argument(0, "name") or NONE
    machine.note(
        "suggest",
        called.node,
        name=name,
        how=called.name,
        keywords=called.keywords,
        args=called.args,
        starred=called.starred,
    )
    kind = "int" if called.name == "suggest_int" else "float" if called.name != "suggest_categorical" else ""
    made: Value = Thing(kind, data={"suggested": name})
    if called.name == "suggest_categorical":
        known, choices = constant(called.argument(1, "choices") or NONE)
        if (
            known
            and isinstance(choices, list | tuple)
            and choices
            and all(isinstance(choice, type(choices[0])) for choice in choices)
        ):
            made = Thing(type(choices[0]).__name__, data={"suggested": name})
    if isinstance(receiver, Thing):
        known, plain = constant(name)
        if known:
            receiver.data.setdefault("suggested", {})[plain] = made
        elif isinstance(name, Text):
            receiver.data.setdefault("suggested", {})[None] = made
    return made


@attributes(TRIAL, "params")
@attributes(STUDY, "best_params")
def _params(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return _found(receiver)


def _found(receiver: Thing) -> Value:
    suggested = receiver.data.get("suggested", {})
    return Mapping_({key: value for key, value in suggested.items() if key is not None}, more=None in suggested)


@attributes(STUDY, "best_trial")
def _best(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing(
        "optuna.FrozenTrial", {"params": _found(receiver), "value": unknown("float"), "number": unknown("int")}
    )


@attributes(STUDY, "best_value")
def _value(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return unknown("float")


@attributes(STUDY, "trials")
def _trials(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    every = Sequence_("list", [], more=True, item=Thing("optuna.FrozenTrial", {"params": _found(receiver)}))
    return every if "optimized" in receiver.data else expecting(every, Sequence_("list", []))


@method(STUDY, "get_trials")
def _get_trials(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return _trials(machine, receiver, called.node) if isinstance(receiver, Thing) else None


@method(TRIAL, "should_prune")
def _prune(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return unknown("bool")


@method(TRIAL, "report", "set_user_attr")
def _report(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return NONE
