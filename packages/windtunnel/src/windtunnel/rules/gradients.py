"""Gradients: they exist, reach the parameters, and are those of this step (criterion 12)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Finding, Place, Severity
from windtunnel.rehearsal.values import Alternatives, Const, Thing, Value
from windtunnel.rules.adapters import quantised, wraps
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.labels import functions, own_nodes
from windtunnel.rules.loaded import base_of, parts_of, plain, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_HANDLED = re.compile(
    r"enable_input_require_grads|make_inputs_require_grad|prepare_model_for_kbit_training|use_reentrant"
)
_REENTRANT_UNTIL = "2026-01-26"  # transformers 5.0
_OPTIMIZERS = re.compile(r"\.(step|zero_grad)\(")


def backwards(trace: Trace) -> Iterator[tuple[Event, Value]]:
    """(Event, loss) of each backward pass."""
    for event in trace.of("method"):
        if event.data["name"] == "backward":
            args = event.data["args"]
            yield (
                event,
                args[0] if args and str(event.data["type"]).startswith("accelerate") else event.data["receiver"],
            )


def ends(value: Value | None, depth: int = 10) -> Iterator[Value]:
    """What a computed value was made from in the end, through operators only."""
    if value is None or depth < 0:
        return
    operands = (
        value.data.get("operands")
        if isinstance(value, Thing)
        else value.values
        if isinstance(value, Alternatives)
        else None
    )
    if not operands:
        yield value
        return
    for operand in operands:
        yield from ends(operand, depth - 1)


def _cut_off(loss: Value) -> bool:
    """Whether all that a loss was computed from by a model was computed without gradients, or detached."""
    made = [end for end in ends(loss) if isinstance(end, Thing) and "no_grad" in end.data]
    return bool(made) and all(end.data["no_grad"] or end.data.get("detached") for end in made)


class LIF001(Rule):
    """The loss is rebuilt from plain numbers."""

    name = "loss-without-graph"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("autograd",)
    doc = Doc(
        what="A loss that is accumulated with .item() and made into a tensor again before backward.",
        why=(
            "RuntimeError: element 0 of tensors does not require grad; with requires_grad=True nothing but the new "
            "tensor gets a gradient."
        ),
        example="total += loss.item()\nmean = torch.tensor(total / n)\nmean.backward()",
        instead="total = total + loss\n(total / n).backward()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[Place, list[tuple[Trace, Event, bool]]] = {}
        for trace in repo.traces("main", "train"):
            for event, loss in backwards(trace):
                rebuilt = [end for end in ends(loss) if not isinstance(end, Const)]
                leaves = [end for end in rebuilt if isinstance(end, Thing) and end.data.get("leaf")]
                plain_ends = all(
                    isinstance(end, Thing) and (end.data.get("leaf") or end.type in {"item", "float", "int"})
                    for end in rebuilt
                )
                measured = any(
                    isinstance(part, Thing) and part.type in {"item", "float"}
                    for leaf in leaves
                    for part in parts_of(leaf.data.get("of"))
                )
                if leaves and plain_ends and measured:
                    made = next(
                        (where(repo, call) for call in trace.of("call") if call.data.get("result") is leaves[0]),
                        where(repo, event),
                    )
                    found.setdefault(made, []).append((trace, event, event.certain))
        for made, entries in found.items():
            source = repo.sources.get(made.path)
            event = entries[0][1]
            yield self.finding(
                "the loss is a new tensor made of .item() values: no gradient leads from it to any parameter",
                made,
                evidence=source.line(made.line).strip() if source is not None else "",
                fix="add up the loss tensors themselves, and call .item() only for logging",
                severity=Severity.BLOCKER if any(certain for _, _, certain in entries) else Severity.WARNING,
                related=(where(repo, event),),
                runs=tuple(sorted({trace.run_id for trace, _, _ in entries if trace.run_id})),
                modes=tuple(sorted({trace.mode for trace, _, _ in entries if trace.mode})),
            )


class LIF002(Rule):
    """A backward pass runs where gradients are off."""

    name = "backward-without-gradients"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("autograd",)
    doc = Doc(
        what=(
            "`loss.backward()` inside `torch.no_grad()` (a decorated function, or a with block), of a loss computed "
            "there too."
        ),
        why="RuntimeError: element 0 of tensors does not require grad and does not have a grad_fn.",
        example="@torch.no_grad()\ndef measure(model, batch):\n    model(**batch).loss.backward()",
        instead="leave the decorator out, or wrap the forward and backward pass in torch.enable_grad()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> int | None:
            if event.data["name"] != "backward":
                return None
            cut = self._computed_there(repo, event) if event.no_grad else _cut_off(event.data["receiver"])
            return event.line if cut else None

        for group in gather(repo.traces("main", "train", "evaluate"), ["method"], key):
            yield self.finding(
                "this backward pass runs where gradients are off, with a loss that was computed there"
                if group.first.no_grad
                else "no gradient leads from this loss to a parameter: it was computed where gradients are off, or "
                "detached",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="leave torch.no_grad() and .detach() out, or wrap forward and backward in torch.enable_grad()",
                runs=group.runs,
                modes=group.modes,
            )

    @staticmethod
    def _computed_there(repo: Repo, event: Event) -> bool:
        for part in parts_of(event.data["receiver"]):
            if isinstance(part, Thing) and "no_grad" in part.data:
                return bool(part.data["no_grad"])
        source = repo.sources.get(event.path)
        receiver = (
            event.node.func.value
            if isinstance(event.node, ast.Call) and isinstance(event.node.func, ast.Attribute)
            else None
        )
        if source is None or not isinstance(receiver, ast.Name):
            return isinstance(receiver, ast.Attribute | ast.Call)
        # not followed: the loss is assigned in the same function, whose body is all without gradients
        for function in functions(source.tree):
            if function.lineno <= event.line <= (function.end_lineno or 0) and any(
                "no_grad" in ast.unparse(one) or "inference_mode" in ast.unparse(one) for one in function.decorator_list
            ):
                return any(
                    isinstance(node, ast.Assign)
                    and any(isinstance(target, ast.Name) and target.id == receiver.id for target in node.targets)
                    for node in own_nodes(function)
                )
        return False


class LIF003(Rule):
    """Gradient checkpointing cuts the gradients of adapters."""

    name = "checkpointing-with-frozen-inputs"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("autograd", "lora-peft")
    doc = Doc(
        what=(
            "Gradient checkpointing of a model with a frozen base, switched on after the adapters were put around "
            "it (or before, for a quantised model), without `enable_input_require_grads()`."
        ),
        why=(
            "The checkpointed blocks get inputs that need no gradient and pass none on: RuntimeError: element 0 of "
            "tensors does not require grad."
        ),
        example="model = get_peft_model(base, config); model.gradient_checkpointing_enable()",
        instead="model.enable_input_require_grads(); model.gradient_checkpointing_enable()",
        limits=(
            "PEFT sets it itself if checkpointing is on before get_peft_model and the model is not quantised. "
            "use_reentrant=False does not need it."
        ),
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any(_HANDLED.search(source.text) for source in repo.sources.values()):
            return
        found: dict[tuple[str, int], tuple[Event, Severity, set[str], set[Place]]] = {}
        for trace in repo.traces("main", "train"):
            last: dict[int, Event] = {
                id(event.data["receiver"]): event
                for event in trace.of("method")
                if event.data["name"] == "gradient_checkpointing_enable"
            }
            for event, model, _ in wraps(trace):
                result = event.data.get("result")
                before = next(
                    (one for key, one in last.items() if any(key == id(part) for part in (model, base_of(model)))), None
                )
                after = last.get(id(result))
                enabled = after or (before if before is not None and quantised(base_of(model)) else None)
                if enabled is None:
                    continue
                resized = isinstance(result, Thing) and "resize_token_embeddings" in result.data.get("called", ())
                sure = enabled.certain and event.certain and not resized and repo.as_of.isoformat() < _REENTRANT_UNTIL
                places = {
                    where(repo, one)
                    for one, loss in backwards(trace)
                    if any(part is result for part in _models_of(loss))
                } or {where(repo, one) for one, _ in backwards(trace)}
                entry = found.setdefault(
                    (enabled.path, enabled.line),
                    (enabled, Severity.BLOCKER if sure else Severity.WARNING, set(), set()),
                )
                entry[2].add(trace.run_id)
                entry[3].update(places)
        for event, severity, runs, places in found.values():
            yield self.finding(
                (
                    "gradient checkpointing with a frozen base whose inputs need no gradient: nothing behind it can "
                    "be trained"
                ),
                where(repo, event),
                evidence=quote(repo, event),
                fix=(
                    "call model.enable_input_require_grads() before (or pass "
                    "gradient_checkpointing_kwargs={'use_reentrant': False})"
                ),
                severity=severity,
                related=tuple(sorted(places))[:4],
                runs=tuple(sorted(run for run in runs if run)),
            )


def _models_of(value: Value | None) -> Iterator[Value]:
    for part in parts_of(value):
        if isinstance(part, Thing) and isinstance(part.data.get("model"), Value):
            yield part.data["model"]


class LIF007(Rule):
    """The loss of a model that got no labels is used."""

    name = "loss-without-labels"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate", "autograd", "tensor-shape")
    doc = Doc(
        what="`outputs.loss` of a transformers model that was called without `labels`.",
        why="It is None: AttributeError in backward.",
        example="outputs = model(input_ids=ids, attention_mask=mask); outputs.loss.backward()",
        instead="outputs = model(input_ids=ids, attention_mask=mask, labels=labels)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            for event, loss in backwards(trace):
                for part in ends(loss):
                    if self._without_labels(part) and event.certain:
                        found.setdefault((event.path, event.line), (event, set()))[1].add(trace.run_id)
        for event, runs in found.values():
            yield self.finding(
                "this loss is None: the model was called without labels",
                where(repo, event),
                evidence=quote(repo, event),
                fix="pass labels to the model, or compute the loss from its logits",
                runs=tuple(sorted(run for run in runs if run)),
            )

    @staticmethod
    def _without_labels(part: Value) -> bool:
        if not isinstance(part, Thing) or part.data.get("part") != "loss":
            return False
        call = part.data["output"].data.get("call")
        model = base_of(part.data["output"].data.get("model"))
        owner = str(model.data.get("class", "")) if model is not None else ""
        named = (
            call is not None
            and bool(call.keywords)
            and not call.starred
            and "labels" not in call.keywords
            and "**" not in call.keywords
        )
        return (
            named
            and not call.args
            and owner.startswith("AutoModelFor")
            and plain(call.keywords.get("return_dict")) is not False
        )
