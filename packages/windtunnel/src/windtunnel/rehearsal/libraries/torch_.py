"""torch: as much as gradients, devices, loaders and optimizers need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.libraries.registry import Call, attributes, function, invocation, items, method, results
from windtunnel.rehearsal.values import (
    NONE,
    Const,
    Function,
    Instance,
    Library,
    Mapping_,
    Partial,
    Sequence_,
    Thing,
    Value,
    join_tags,
    unknown,
)

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

TENSOR = "torch.Tensor"
PARAMETER = "torch.nn.Parameter"
results("int", "torch.cuda.device_count", "torch.cuda.memory_allocated", "torch.cuda.max_memory_allocated")
results(
    "",
    "torch.cuda.is_available",
    "torch.backends.mps.is_available",
    "torch.manual_seed",
    "torch.set_grad_enabled",
    "torch.save",
    "torch.compile",
    "torch.device",
)
results("torch.no_grad", "torch.no_grad")
results("torch.inference_mode", "torch.inference_mode")
results("torch.enable_grad", "torch.enable_grad")
results("torch.autocast", "torch.autocast", "torch.amp.autocast", "torch.cuda.amp.autocast")
results("torch.device", "torch.device")


@function("torch.cuda.is_available")
def _cuda(machine: Machine, called: Call) -> Value | None:
    return unknown("bool")


@function("torch.tensor", "torch.as_tensor", "torch.from_numpy")
def _tensor(machine: Machine, called: Call) -> Value | None:
    made = Thing(TENSOR, origin=called.tags)
    made.data |= {"leaf": True, "of": called.args[0] if called.args else NONE, "keywords": called.keywords}
    return made


@function("torch.load")
def _load(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.libraries.paths import touched  # noqa: PLC0415 - the two call each other

    touched(machine, called.argument(0, "f") or NONE, "read", called.node)
    return unknown()


@function("torch.save")
def _save(machine: Machine, called: Call) -> Value | None:
    from windtunnel.rehearsal.libraries.paths import touched  # noqa: PLC0415

    touched(machine, called.argument(1, "f") or NONE, "write", called.node)
    machine.note("saved", called.node, value=called.argument(0, "obj") or NONE, path=called.argument(1, "f") or NONE)
    return NONE


@function("torch.utils.data.DataLoader")
def _loader(machine: Machine, called: Call) -> Value | None:
    dataset = called.argument(0, "dataset") or NONE
    made = Thing("torch.utils.data.DataLoader", data={"dataset": dataset, "call": called}, origin=dataset.tags)
    made.attributes["dataset"] = dataset
    collate = called.keywords.get("collate_fn")

    def batch(machine_: Machine) -> Value:
        return _batch(machine_, made, collate, called)

    made.data["element"] = batch
    return made


def _batch(machine: Machine, loader: Thing, collate: Value | None, called: Call) -> Value:
    if isinstance(collate, Function | Partial | Instance):
        from windtunnel.rehearsal.calls import call  # noqa: PLC0415
        from windtunnel.rehearsal.libraries.datasets_ import row  # noqa: PLC0415

        dataset = loader.data["dataset"]
        example = row(dataset) if isinstance(dataset, Thing) else _example(machine, dataset, called)
        result = call(machine, collate, [Sequence_("list", [], more=True, item=example)], {}, called.node)
        if isinstance(result, Mapping_):
            for key, value in result.items.items():
                if isinstance(value, Thing):
                    value.data["batch_field"] = (loader, key)
        return tagged(result, loader.tags)
    made = Thing("batch", origin=loader.tags)
    made.data |= {"loader": loader, "columns": _batch_columns(loader.data["dataset"], collate)}
    return made


def _example(machine: Machine, dataset: Value, called: Call) -> Value:
    """One item of a Dataset class of the submission."""
    from windtunnel.rehearsal.calls import call_method  # noqa: PLC0415

    if isinstance(dataset, Instance) and isinstance(dataset.cls.find("__getitem__"), Function):
        return call_method(machine, dataset, "__getitem__", [unknown("int")], {}, called.node)
    return unknown(tags=dataset.tags)


def _batch_columns(dataset: Value, collate: Value | None) -> tuple[str, ...] | None:
    """The keys of a batch that a collator of transformers, or torch's own, makes; None if not all are known."""
    columns = dataset.data.get("columns") if isinstance(dataset, Thing) else None
    name = (
        collate.type
        if isinstance(collate, Thing)
        else collate.name
        if isinstance(collate, Library)
        else ""
        if collate is None
        else None
    )
    if columns is None or name is None or not isinstance(dataset, Thing):
        return None
    names = list(dataset.data.get("output") or columns)
    if "Collator" in name or "collator" in name:
        names = ["labels" if column in {"label", "label_ids"} else column for column in names]
        names += ["labels"] if name.endswith("LanguageModeling") else []
    if "input_ids" in names:
        names += ["attention_mask", "token_type_ids"]
    return tuple(dict.fromkeys(names))


def _batch_field(batch: Thing, key: object) -> Thing:
    made = Thing(TENSOR, origin=batch.tags)
    made.data |= {"item_of": (batch, Const(key)), "batch_field": (batch.data.get("loader"), key)}
    made.data["element"] = Thing(TENSOR, origin=batch.tags, data=dict(made.data))
    return made


def tagged(value: Value, tags: frozenset[str]) -> Value:
    """The value with more tags, where it can carry them."""
    if isinstance(value, Thing):
        value.origin |= tags
    elif isinstance(value, Mapping_):
        value.items = {key: tagged(item, tags) for key, item in value.items.items()}
    return value


@items("batch")
def _batch_item(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    machine.note("subscript", at, type="batch", receiver=receiver, key=key)
    return _batch_field(receiver, key.value if isinstance(key, Const) else None)


@method("batch", "pop", "get")
def _batch_pop(machine: Machine, receiver: Value, called: Call) -> Value | None:
    key = called.args[0] if called.args else None
    machine.note(
        "subscript",
        called.node,
        type="batch",
        receiver=receiver,
        key=key,
        default=called.name == "get" or len(called.args) > 1,
    )
    return (
        _batch_field(receiver, key.value if isinstance(key, Const) else None) if isinstance(receiver, Thing) else None
    )


@method("batch", "items")
def _batch_items(machine: Machine, receiver: Value, called: Call) -> Value | None:
    columns = receiver.data.get("columns") if isinstance(receiver, Thing) else None
    if not isinstance(receiver, Thing) or columns is None:
        field = _batch_field(receiver, None) if isinstance(receiver, Thing) else Thing(TENSOR, origin=receiver.tags)
        return Sequence_("list", [], more=True, item=Sequence_("tuple", [unknown("str"), field]))
    return Sequence_("list", [Sequence_("tuple", [Const(name), _batch_field(receiver, name)]) for name in columns])


@method("batch", "to")
def _batch_to(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return receiver


@method("*", "item")
def _item(machine: Machine, receiver: Value, called: Call) -> Value | None:
    made = Thing("item", origin=receiver.tags)
    made.data["of"] = receiver
    return made


@method("*", "detach", "cpu", "cuda", "float", "half", "double", "contiguous", "clone", "requires_grad_")
def _same_tensor(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if isinstance(receiver, Thing) and receiver.type in {TENSOR, ""}:
        made = Thing(TENSOR, dict(receiver.attributes), dict(receiver.data), receiver.origin)
        if called.name == "detach":
            made.data["detached"] = True
        return made
    return receiver if isinstance(receiver, Thing | Instance) else None


@method("*", "to")
def _to(machine: Machine, receiver: Value, called: Call) -> Value | None:
    if isinstance(receiver, Thing):
        receiver.data.setdefault("moved", []).append(called)
    return receiver if isinstance(receiver, Thing | Instance) else None


@method("*", "train", "eval")
def _mode(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return receiver if isinstance(receiver, Thing | Instance) else None


@method("*", "parameters", "named_parameters", "buffers", "modules", "named_modules", "children", "named_children")
def _parameters(machine: Machine, receiver: Value, called: Call) -> Value | None:
    named = called.name.startswith("named_")
    kind = PARAMETER if called.name.endswith(("parameters", "buffers")) else "torch.nn.Module"
    one = Thing(kind, data={"of_model": receiver}, origin=join_tags([receiver]))
    return Sequence_("generator", [], more=True, item=Sequence_("tuple", [unknown("str"), one]) if named else one)


@method("torch.cuda.amp.GradScaler", "scale")
@method("torch.amp.GradScaler", "scale")
@method("torch.cuda.amp.grad_scaler.GradScaler", "scale")
def _scaled(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return called.args[0] if called.args else None


@method("optimizer", "step", "zero_grad")
@method("scheduler", "step")
def _step(machine: Machine, receiver: Value, called: Call) -> Value | None:
    return NONE


@attributes("optimizer", "param_groups")
def _groups(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Sequence_("list", [], more=True, item=Thing("param_group", data={"optimizer": receiver}))


@invocation("model", "torch.nn.Module")
def _model(machine: Machine, thing: Thing, called: Call) -> Value | None:
    made = Thing(
        "transformers.ModelOutput" if thing.type.startswith(("transformers.", "peft.")) else TENSOR, origin=called.tags
    )
    made.data |= {"model": thing, "call": called, "no_grad": machine.no_grad}
    return made


@attributes(
    "transformers.ModelOutput", "loss", "logits", "last_hidden_state", "hidden_states", "attentions", "pooler_output"
)
def _output(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    made = Thing(TENSOR, origin=receiver.tags)
    made.data |= {"output": receiver, "part": getattr(at, "attr", ""), "no_grad": receiver.data.get("no_grad", 0)}
    return made
