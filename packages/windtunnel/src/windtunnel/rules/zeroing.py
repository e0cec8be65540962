"""Zeroing gradients: after the step, before the next backward pass, and all of them (criterion 12)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.libraries.registry import family
from windtunnel.rehearsal.values import Sequence_, Thing, Value
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.gradients import backwards
from windtunnel.rules.labels import functions, nodes_of, own_nodes
from windtunnel.rules.loaded import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo


class LIF004(Rule):
    """Gradients are never set back to zero."""

    name = "gradients-never-zeroed"
    criterion = 12
    categories: ClassVar[tuple[str, ...]] = ("autograd", "grad-accumulation-leak")
    doc = Doc(
        what="A training loop with backward and optimizer.step and no zero_grad anywhere.",
        why="Every step uses the sum of all gradients so far.",
        example="loss.backward(); optimizer.step()",
        instead="loss.backward(); optimizer.step(); optimizer.zero_grad(set_to_none=True)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any(
            ".grad = None" in source.text or ".grad.zero_" in source.text or "zero_grad=" in source.text
            for source in repo.sources.values()
        ):
            return
        for trace in repo.traces("main", "train"):
            if trace.ended or any(str(event.data["name"]) == "zero_grad" for event in trace.of("method")):
                continue
            first = next((event for event, _ in backwards(trace) if event.loop), None)
            step = next(
                (
                    event
                    for event in trace.of("method")
                    if event.data["name"] == "step"
                    and event.loop
                    and re.search(r"optim|scaler", str(event.data["type"]), re.IGNORECASE)
                    and "scheduler" not in str(event.data["type"])
                ),
                None,
            )
            if first is not None and step is not None:
                yield self.finding(
                    "gradients are never zeroed: each step uses the sum of all gradients since the start",
                    where(repo, step),
                    evidence=quote(repo, step),
                    fix="call optimizer.zero_grad(set_to_none=True) after each step",
                    related=(where(repo, first),),
                )
                return


class LIF005(Rule):
    """Gradients are zeroed before they are used."""

    name = "gradients-zeroed-before-step"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("autograd", "silent-noop-method", "data-leakage")
    doc = Doc(
        what="zero_grad between the backward pass of the training loss and the optimizer step that should use it.",
        why="The step does nothing, or uses the gradients of another batch.",
        example="loss.backward(); optimizer.zero_grad(); optimizer.step()",
        instead="loss.backward(); optimizer.step(); optimizer.zero_grad()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Event, Event, bool, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            first: Event | None = None
            thrown: Event | None = None
            last: Event | None = None
            for event in trace.of("method"):
                name, type_ = event.data["name"], str(event.data["type"])
                if name == "backward":
                    first, last = first or event, event
                elif name == "zero_grad" and first is not None:
                    thrown = thrown or event
                elif name == "step" and _steps_optimizer(event, type_):
                    if first is not None and thrown is not None and last is not None:
                        again = last is not first
                        # gradients of a probe, taken and zeroed before those of the training loss, are another matter
                        if not again or (first.stack == event.stack and last.stack != event.stack):
                            found.setdefault((thrown.path, thrown.line), (thrown, event, again, set()))[3].add(
                                trace.run_id
                            )
                    first = thrown = last = None
        for zeroed, step, again, runs in found.values():
            yield self.finding(
                "the gradients of the training loss are thrown away here"
                + (", and the next step uses those of another batch" if again else ", and the next step has none"),
                where(repo, zeroed),
                evidence=quote(repo, zeroed),
                fix=(
                    "keep the training gradients (save them, or take other gradients with torch.autograd.grad), and "
                    "zero them after the step"
                ),
                severity=Severity.BLOCKER if zeroed.certain and step.certain else Severity.WARNING,
                related=(where(repo, step),),
                runs=tuple(sorted(run for run in runs if run)),
            )


def _steps_optimizer(event: Event, type_: str) -> bool:

    if family(type_) == "optimizer":
        return True
    return "GradScaler" in type_ and bool(event.data["args"])


class LIF006(Rule):
    """Gradients of parameters outside the optimizer pile up."""

    name = "gradients-pile-up-outside-optimizer"
    criterion = 12
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("grad-accumulation-leak",)
    doc = Doc(
        what=(
            "All parameters are made to need gradients, the optimizer gets some of them, only optimizer.zero_grad() "
            "is called, and the code reads the gradients of the others."
        ),
        why="The gradients of the others are never zeroed: what is read is the sum over all steps so far.",
        example=(
            "for p in model.parameters(): p.requires_grad = True\noptimizer = AdamW([p for n, p in "
            "model.named_parameters() if 'lora_' in n])"
        ),
        instead="model.zero_grad(set_to_none=True) instead of optimizer.zero_grad()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        sources = list(repo.sources.values())
        opened = next(((source, node) for source in sources for node in _opened(source.tree)), None)
        zeroes = [
            ast.unparse(node.func.value)
            for source in sources
            for node in source.nodes
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "zero_grad"
        ]
        if (
            opened is None
            or not zeroes
            or any("optim" not in name.lower() and name.lower() != "opt" for name in zeroes)
        ):
            return
        for trace in repo.traces("main", "train"):
            for event in trace.of("call"):
                result = event.data.get("result")
                if (
                    not isinstance(result, Thing)
                    or not result.type.startswith("torch.optim.")
                    or "scheduler" in result.type
                ):
                    continue
                if _all_parameters(next(iter(event.data["args"]), None)):
                    return
        for source in sources:
            for function in functions(source.tree):
                attributes = [node for node in own_nodes(function) if isinstance(node, ast.Attribute)]
                if all(node.attr != "named_parameters" for node in attributes):
                    continue
                for node in attributes:
                    if node.attr == "grad" and isinstance(node.ctx, ast.Load):
                        yield self.finding(
                            (
                                "gradients of parameters outside the optimizer are read here, and nothing ever "
                                "zeroes them: they are sums over all steps"
                            ),
                            source.place(node),
                            evidence=source.quote(node),
                            fix="zero the gradients of the whole model: model.zero_grad(set_to_none=True)",
                            related=(opened[0].place(opened[1]),),
                        )
                        return


def _opened(tree: ast.AST) -> Iterator[ast.AST]:
    """``p.requires_grad = True`` for all parameters of a loop."""
    for node in nodes_of(tree):
        if isinstance(node, ast.For) and "parameters()" in ast.unparse(node.iter):
            for inner in node.body:
                if (
                    isinstance(inner, ast.Assign)
                    and isinstance(inner.targets[0], ast.Attribute)
                    and inner.targets[0].attr == "requires_grad"
                    and isinstance(inner.value, ast.Constant)
                    and inner.value.value is True
                ):
                    yield inner


def _all_parameters(value: Value | None) -> bool:
    """Whether an optimizer gets ``model.parameters()`` as it is."""
    return (
        isinstance(value, Sequence_)
        and value.kind == "generator"
        and value.more
        and not value.items
        and isinstance(value.item, Thing)
        and "of_model" in value.item.data
    )
