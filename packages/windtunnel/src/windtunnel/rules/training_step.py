"""A training step: optimizer and schedule step, dropout is on while it trains, batches are where the model is."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar, TypeGuard

from windtunnel.findings import Severity
from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.joining import options
from windtunnel.rehearsal.libraries.registry import family
from windtunnel.rehearsal.values import Thing
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.gradients import backwards
from windtunnel.rules.loaded import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_LOADER = re.compile(r"loader|(^|_)dls?(_|$)|batches", re.IGNORECASE)
_MOVES = re.compile(r"\.to\(|\.cuda\(|send_to_device|move_to|to_device|\.prepare\(|pin_and_move")
_STEPS = re.compile(r"\b\w*(optim|opt|scaler|accelerator|engine)\w*\.step\(", re.IGNORECASE)
_BACKWARD = re.compile(
    r"\b(manual_)?backward\s*\(|autograd\.grad|\bgrad\(|\.grad\s*=(?!\s*(None|torch\.zeros))|Trainer\(|deepspeed|\btraining_step\b"
)
_MANAGED = ("accelerator.prepare(", "Trainer(", "deepspeed", "LightningModule", "device_map=")


def _loops(repo: Repo) -> Iterator[tuple[Trace, Event]]:
    """Rehearsals with a training loop of their own, each with its first backward pass."""
    for trace in repo.traces("main", "train"):
        first = next((event for event, _ in backwards(trace) if event.loop), None)
        if first is not None and not trace.ended:
            yield trace, first


def _steps(trace: Trace) -> Iterator[Event]:
    return (event for event in trace.of("method") if event.data["name"] in {"step", "step_and_update_lr"})


class LIF008(Rule):
    """Gradients are computed and no optimizer steps."""

    name = "optimizer-never-steps"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("autograd",)
    doc = Doc(
        what="A training loop with backward passes in which neither an optimizer nor a gradient scaler steps.",
        why="No parameter ever changes.",
        example="scaler.scale(loss).backward(); optimizer.zero_grad()",
        instead="scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update(); optimizer.zero_grad()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any(_STEPS.search(source.text) for source in repo.sources.values()):
            return  # somewhere that the rehearsal did not come to
        for trace, first in _loops(repo):
            if not any(family(str(event.data["type"])) != "scheduler" for event in _steps(trace)):
                yield self.finding(
                    "no optimizer steps after this backward pass: no parameter ever changes",
                    where(repo, first),
                    evidence=quote(repo, first),
                    fix="call optimizer.step(), or scaler.step(optimizer) and scaler.update(), after backward",
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=(trace.mode,),
                )
                return


class LIF012(Rule):
    """An optimizer steps and no gradient was ever computed."""

    name = "step-without-backward"
    criterion = 12
    source = "rehearsal"
    doc = Doc(
        what="optimizer.step() in a submission that never calls .backward() or torch.autograd.grad.",
        why="No parameter has a gradient: nothing is learnt, or a gradient scaler refuses to step.",
        example="loss = model(**batch).loss; optimizer.step()",
        instead="loss.backward(); optimizer.step()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        if any(_BACKWARD.search(source.text) for source in repo.sources.values()):
            return
        for trace in repo.traces("main", "train"):
            for event in _steps(trace):
                type_ = str(event.data["type"])
                if (family(type_) == "optimizer" or type_.endswith("GradScaler")) and event.loop:
                    yield self.finding(
                        "the optimizer steps here, and nothing ever computes a gradient",
                        where(repo, event),
                        evidence=quote(repo, event),
                        fix="call loss.backward() before",
                        runs=(trace.run_id,) if trace.run_id else (),
                        modes=(trace.mode,),
                    )
                    return


class LIF009(Rule):
    """A learning-rate schedule is made and never stepped."""

    name = "schedule-never-steps"
    criterion = 12
    severity = Severity.WARNING
    source = "rehearsal"
    doc = Doc(
        what="A scheduler of torch or transformers in a training loop that never calls its step.",
        why="The learning rate stays what it is before the first step: zero, where the schedule begins with a warm-up.",
        example="scheduler = get_linear_schedule_with_warmup(...); ...; optimizer.step()",
        instead="optimizer.step(); scheduler.step()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace, _ in _loops(repo):
            made = next(
                (
                    event
                    for event in trace.of("call")
                    if isinstance(event.data.get("result"), Thing) and family(event.data["result"].type) == "scheduler"
                ),
                None,
            )
            stepped = any(family(str(event.data["type"])) in {"scheduler", ""} for event in _steps(trace))
            if made is not None and not stepped:
                yield self.finding(
                    "this learning-rate schedule never steps",
                    where(repo, made),
                    evidence=quote(repo, made),
                    fix="call scheduler.step() after optimizer.step()",
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=(trace.mode,),
                )
                return


class LIF010(Rule):
    """A model is trained in evaluation mode, or evaluated in training mode."""

    name = "wrong-model-mode"
    criterion = 12
    severity = Severity.WARNING
    source = "rehearsal"
    doc = Doc(
        what="A pretrained model in a training loop without .train(), or called without gradients and never put into "
        "evaluation mode.",
        why="from_pretrained gives a model in evaluation mode, in which dropout is off; with dropout on, an evaluation "
        "depends on chance.",
        example="model = AutoModel.from_pretrained(name); loss.backward()   # model.train() is never called",
        instead="model.train() before each epoch, model.eval() before each evaluation",
        limits="Training loops of the submission's own; a Trainer sets the mode itself.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace, first in _loops(repo):
            called = [event for event in trace.of("invoke") if _pretrained(event)]
            modes = {str(event.data["name"]) for event in trace.of("method") if event.data["name"] in {"train", "eval"}}
            without = [event for event in called if event.no_grad]
            if called and "train" not in modes:
                message, event = "the model is trained in evaluation mode: .train() is never called", first
            elif without and "eval" not in modes:
                message, event = "the model is evaluated in training mode: .eval() is never called", without[0]
            else:
                continue
            yield self.finding(
                message,
                where(repo, event),
                evidence=quote(repo, event),
                fix="call model.train() before each epoch and model.eval() before each evaluation",
                runs=(trace.run_id,) if trace.run_id else (),
                modes=(trace.mode,),
            )
            return


def _pretrained(event: Event) -> bool:
    """Whether a call is one of a model that ``from_pretrained`` gave, adapters around it or not."""
    return any(
        isinstance(option, Thing) and option.type.startswith(("transformers.PreTrained", "peft."))
        for option in options(event.data["receiver"])
    )


class LIF011(Rule):
    """Batches stay on the CPU while the model is moved."""

    name = "batch-not-moved"
    criterion = 12
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("device-dtype-amp",)
    doc = Doc(
        what="A loop over a data loader that hands its batches on without .to(device), where the model is moved to a "
        "device.",
        why="RuntimeError on a GPU: expected all tensors to be on the same device.",
        example="model.to(device)\nfor batch in loader:\n    loss = model(**batch).loss",
        instead="batch = {key: value.to(device) for key, value in batch.items()}",
        limits="Loops whose loader is called one; what moves batches elsewhere is looked for by name.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        sources = [source for source in repo.sources.values() if source.path != "src/evaluate.py"]
        text = "\n".join(source.text for source in sources)
        if not re.search(r"\.to\(\s*(self\.)?\w*device|\.cuda\(", text) or any(word in text for word in _MANAGED):
            return
        for source in sources:
            for loop in source.nodes:
                if not isinstance(loop, ast.For) or not _LOADER.search(ast.unparse(loop.iter)):
                    continue
                names = _names_of_the_batch(loop)
                handed = [node for part in loop.body for node in walk(part) if _hands_on(node, names)]
                if handed and not _moved(sources, loop, handed):
                    yield self.finding(
                        "the batch is used as the loader gives it, and the model is moved to a device",
                        source.place(handed[0]),
                        evidence=source.quote(handed[0]),
                        fix="move each tensor of the batch: value.to(device)",
                        related=(source.place(loop),),
                    )


def _names_of_the_batch(loop: ast.For) -> set[str]:
    """The loop's variable, and names that get it or a copy of it."""
    names = {node.id for node in walk(loop.target) if isinstance(node, ast.Name)}
    for part in loop.body:
        if isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            value = part.value.args[0] if _copies(part.value) and part.value.args else part.value
            if isinstance(value, ast.Name) and value.id in names:
                names.add(part.targets[0].id)
    return names


def _hands_on(node: ast.AST, names: set[str]) -> bool:
    """Whether a call gets the batch: as it is, unpacked, or as a dict of its items."""
    if not isinstance(node, ast.Call) or ast.unparse(node.func) in {"len", "dict", "enumerate", "print", "isinstance"}:
        return False
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return any(
        isinstance(inner, ast.Name) and inner.id in names
        for value in given
        for inner in ([value] if isinstance(value, ast.Name) else walk(value) if _copies(value) else [])
    ) or any(
        isinstance(value, ast.Name) and value.id in names
        for keyword in node.keywords
        if keyword.arg is None
        for value in [keyword.value]
    )


def _copies(value: ast.expr) -> TypeGuard[ast.Call]:
    return isinstance(value, ast.Call) and ast.unparse(value.func) == "dict"


def _moved(sources: list[Source], loop: ast.For, handed: list[ast.AST]) -> bool:
    """Whether anything in the loop, or in a function that gets the batch, moves tensors."""
    if _MOVES.search("\n".join(map(ast.unparse, loop.body))):
        return True
    called = {
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for node in handed
        if isinstance(node, ast.Call)
    }
    return any(
        isinstance(node, ast.FunctionDef) and node.name in called and bool(_MOVES.search(ast.unparse(node)))
        for source in sources
        for node in source.nodes
    )
