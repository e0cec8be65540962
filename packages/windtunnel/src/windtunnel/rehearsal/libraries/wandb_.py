"""wandb: which keys are logged, which are asked for, and how the run is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.libraries.registry import Call, attributes, function, items, method
from windtunnel.rehearsal.values import NONE, Const, Mapping_, Node, Sequence_, Text, Thing, Value, constant, unknown

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

RUN = "wandb.Run"
API_RUN = "wandb.apis.public.Run"
FRAME = "pandas.DataFrame"
# tags of what the evaluation gets: one value of each key for a run, or one for each step
SUMMARY_TAG = frozenset({"wandb:summary"})
HISTORY_TAG = frozenset({"wandb:history"})


def keys_of(value: Value | None) -> tuple[list[Value], bool]:
    """(the keys of what is logged, whether there may be others)."""
    if isinstance(value, Mapping_):
        keys: list[Value] = [Const(key) for key in value.items]
        keys += [pattern for pattern, _ in value.patterns]
        return keys, value.more
    if isinstance(value, Node):
        return [Const(str(key)) for key in value.config], False
    return [], True


@function("wandb.init")
def _init(machine: Machine, called: Call) -> Value | None:
    machine.note("wandb", called.node, what="init", keywords=called.keywords, args=called.args, starred=called.starred)
    machine.trace.facts["wandb"] = True
    opened = Thing(RUN, data={"init": called})
    machine.trace.facts["wandb.run"] = join(NONE, opened) if machine.uncertain else opened
    return opened


@function("wandb.log")
def _log(machine: Machine, called: Call) -> Value | None:
    value = called.argument(0, "data")
    keys, more = keys_of(value)
    machine.note("wandb", called.node, what="log", keys=keys, more=more, value=value, keywords=called.keywords)
    return NONE


@method(RUN, "log")
def _run_log(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return _log(machine, called)


@function("wandb.summary.update", "wandb.run.summary.update")
def _summary_update(machine: Machine, called: Call) -> Value | None:
    keys, more = keys_of(called.argument(0, "data"))
    machine.note("wandb", called.node, what="summary", keys=keys, more=more, value=called.argument(0, "data"))
    return NONE


@function("wandb.finish", "wandb.run.finish")
def _finish(machine: Machine, called: Call) -> Value | None:
    machine.note("wandb", called.node, what="finish", keys=[])
    machine.trace.facts.pop("wandb.run", None)
    return NONE


@method(RUN, "finish")
def _run_finish(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return _finish(machine, called)


@function(
    "wandb.save", "wandb.run.save", "wandb.log_artifact", "wandb.run.log_artifact", "wandb.watch", "wandb.define_metric"
)
def _other(machine: Machine, called: Call) -> Value | None:
    machine.note("wandb", called.node, what=called.name.rsplit(".", 1)[-1], keys=[], args=called.args)
    return NONE


@function("wandb.run.log")
def _global_log(machine: Machine, called: Call) -> Value | None:
    return _log(machine, called)


@attributes(RUN, "summary")
def _summary(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing("wandb.Summary")


@method("wandb.Summary", "update")
def _update(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return _summary_update(machine, called)


@function("wandb.Api", "wandb.apis.public.Api")
def _api(machine: Machine, called: Call) -> Value | None:
    return Thing("wandb.Api")


@method("wandb.Api", "run")
def _api_run(machine: Machine, receiver: Value, called: Call) -> Value | None:
    path = called.argument(0, "path")
    machine.note("wandb", called.node, what="api-run", keys=[], path=path)
    return Thing(API_RUN, data={"path": path})


@method("wandb.Api", "runs")
def _api_runs(machine: Machine, receiver: Value, called: Call) -> Value | None:
    machine.note("wandb", called.node, what="api-runs", keys=[], path=called.argument(0, "path"))
    return Sequence_("list", [], more=True, item=Thing(API_RUN))


@method(API_RUN, "history", "scan_history")
def _history(machine: Machine, receiver: Value, called: Call) -> Value | None:
    asked = called.argument(1, "keys") if called.name == "history" else called.argument(0, "keys")
    if isinstance(asked, Sequence_):
        keys = [key for key in asked.items if isinstance(key, Text) or isinstance(getattr(key, "value", None), str)]
        machine.note("wandb", called.node, what="ask-history", keys=keys, guarded=False)
    machine.note(
        "wandb",
        called.node,
        what="history",
        keys=[],
        samples=called.keywords.get("samples"),
        scan=called.name == "scan_history",
        keywords=called.keywords,
    )
    if called.name == "scan_history":
        return Sequence_("generator", [], more=True, item=Thing("dict", data={"wandb": "history"}, origin=HISTORY_TAG))
    pandas = called.plain(9, "pandas", default=True)
    return (
        Thing(FRAME, data={"wandb": "history"}, origin=HISTORY_TAG)
        if pandas is not False
        else Sequence_("list", [], more=True, item=Thing("dict", data={"wandb": "history"}, origin=HISTORY_TAG))
    )


@attributes(API_RUN, "summary", "summary_metrics")
def _api_summary(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing("wandb.HTTPSummary", data={"wandb": "summary"}, origin=SUMMARY_TAG)


@attributes(API_RUN, "config")
def _api_config(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing("dict", data={"wandb": "config"})


@attributes("wandb.HTTPSummary", "_json_dict")
def _json_dict(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing("dict", data={"wandb": "summary"}, origin=SUMMARY_TAG)


@items("dict", "wandb.HTTPSummary", FRAME)
def _item(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    where = receiver.data.get("wandb")
    if where is None:
        return None
    known, plain = constant(key) if key is not None else (False, None)
    names = [plain] if isinstance(plain, str) else list(plain) if known and isinstance(plain, list | tuple) else []
    keys: list[Value] = [Const(name) for name in names if isinstance(name, str)]
    if isinstance(key, Text):
        keys = [key]
    if keys:
        machine.note("wandb", at, what=f"ask-{where}", keys=keys, hard=not machine.guarded("KeyError"))
        return Thing(
            FRAME
            if receiver.type == FRAME and isinstance(plain, list)
            else "pandas.Series"
            if receiver.type == FRAME
            else "",
            data={"asked": (where, plain)},
            origin=receiver.origin,
        )
    if receiver.type == FRAME:
        return Thing(receiver.type, data={"wandb": where}, origin=receiver.origin)
    return unknown(tags=receiver.origin)


@method("dict", "get", "pop")
@method("wandb.HTTPSummary", "get")
@method(FRAME, "get")
def _get(machine: Machine, receiver: Value, called: Call) -> Value | None:
    where = receiver.data.get("wandb") if isinstance(receiver, Thing) else None
    if where is None:
        return None
    key = called.argument(0, "key")
    if isinstance(key, Const | Text):
        machine.note("wandb", called.node, what=f"ask-{where}", keys=[key], hard=False)
    made = unknown(tags=receiver.tags)
    made.data["asked"] = (where, getattr(key, "value", None))
    return made


@method(FRAME, "dropna", "copy", "reset_index", "sort_values", "drop_duplicates", "fillna", "rename", "head", "tail")
def _frame(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if not isinstance(receiver, Thing) or "wandb" not in receiver.data:
        return None
    known, plain = constant(
        called.argument(
            1 if called.name == "dropna" else 0, "subset" if called.name in {"dropna", "drop_duplicates"} else "by"
        )
        or NONE
    )
    names = [plain] if isinstance(plain, str) else plain if known and isinstance(plain, list) else []
    keys: list[Value] = [Const(name) for name in names if isinstance(name, str)]
    if keys:
        machine.note("wandb", called.node, what="ask-history", keys=keys, hard=True)
    return Thing(FRAME, data={"wandb": receiver.data["wandb"]}, origin=receiver.origin)


@attributes(FRAME, "columns")
def _columns(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing("columns", data=dict(receiver.data)) if "wandb" in receiver.data else None
