"""The method takes effect: its parts are found, called, trained and not undone (criterion 4)."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Finding, Place, Severity
from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.libraries.registry import family
from windtunnel.rehearsal.values import Instance, Thing
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.labels import functions, own_nodes
from windtunnel.rules.loaded import config_places, entered, known_model, model_loads, parts_of, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_LONGEST_NAME = 200  # characters of a string that may name a class
_BLOCK = re.compile(r"[A-Z]\w*(Layer|Block)$")


class MOD031(Rule):
    """Blocks are looked for under names that the model does not have."""

    name = "block-class-not-listed"
    criterion = 4
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method", "baseline-noop")
    doc = Doc(
        what=(
            "A list of class names of transformer blocks, compared with `m.__class__.__name__`, that lacks the "
            "class of the configured model."
        ),
        why=(
            "No block is found, and what works layer by layer gets no layers: nothing happens, or a median of "
            "nothing is NaN."
        ),
        example=(
            '[m for m in model.modules() if m.__class__.__name__ in {"GPT2Block", "QwenBlock"}]   # Qwen3: '
            "Qwen3DecoderLayer"
        ),
        instead="layers = model.model.layers, and an error if there are none",
        limits="Only models whose block class the hub table has.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        reached = entered(repo.traces("main", "train"))
        blocks: dict[str, str] = {}
        places: list[Place] = []
        for trace in repo.traces("main", "train"):
            for load in model_loads(trace):
                model = known_model(repo, load.event.data.get("result")) if load.owner.startswith("AutoModel") else None
                if model is not None and model.block_class:
                    blocks[model.block_class] = model.id
                    places += config_places(repo, load.id, trace.run_id)
        if not blocks:
            return
        for source in repo.sources.values():
            for function in functions(source.tree):
                if (source.path, function.lineno) not in reached:
                    continue
                names = _compared_class_names(function)
                wanted = [name for name in names if _BLOCK.fullmatch(name)]
                if not wanted or len(wanted) != len(names) or set(names) & blocks.keys():
                    continue
                node = names[wanted[0]]
                block, model_id = next(iter(blocks.items()))
                yield self.finding(
                    (
                        f"blocks are looked for among {', '.join(map(repr, wanted[:6]))}; those of {model_id!r} are "
                        f"of class {block!r}, so that none is found"
                    ),
                    source.place(node),
                    evidence=source.quote(node),
                    fix=(
                        f"add {block!r}, or take the layers from where the model keeps them, and fail if there are none"
                    ),
                    related=tuple(dict.fromkeys(places))[:4],
                )


def _compared_class_names(function: ast.AST) -> dict[str, ast.AST]:
    """String constants of a function that compares class names, if all it compares with are constants."""
    nodes = list(own_nodes(function))
    compares = [
        node
        for node in nodes
        if isinstance(node, ast.Compare)
        and any("__name__" in ast.unparse(part) for part in (node.left, *node.comparators))
    ]
    if not compares:
        return {}
    named = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: dict[str, ast.AST] = {}
    for compare in compares:
        for part in (compare.left, *compare.comparators):
            value = named.get(part.id, part) if isinstance(part, ast.Name) else part
            if isinstance(value, ast.Set | ast.List | ast.Tuple):
                found |= {
                    item.value: value
                    for item in value.elts
                    if isinstance(item, ast.Constant) and isinstance(item.value, str)
                }
            elif isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[value.value] = value
    return found


class MOD032(Rule):
    """A learned part gives plain numbers, so that it never learns."""

    name = "learned-part-without-gradient"
    criterion = 4
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method", "autograd")
    doc = Doc(
        what="A module with an optimizer of its own whose forward pass returns .item() or float() of its result.",
        why=(
            "No gradient can reach its parameters: the optimizer steps nothing, and what is called learned stays "
            "random."
        ),
        example="def forward(self, x):\n    return self.net(x).exp().item()",
        instead="return the tensor, and let the loss depend on it",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], tuple[Finding, set[str]]] = {}
        for trace in repo.traces("main", "train"):
            for event in trace.of("call"):
                result = event.data.get("result")
                if not isinstance(result, Thing) or family(result.type) != "optimizer":
                    continue
                for argument in event.data["args"][:1]:
                    for part in parts_of(argument):
                        owner = part.data.get("of_model") if isinstance(part, Thing) else None
                        if isinstance(owner, Instance):
                            self._look(repo, trace, event, owner, found)
        yield from (finding for finding, _ in found.values())

    def _look(
        self,
        repo: Repo,
        trace: Trace,
        event: Event,
        owner: Instance,
        found: dict[tuple[str, int], tuple[Finding, set[str]]],
    ) -> None:
        forward = owner.cls.find("forward")
        node = getattr(forward, "node", None)
        source = repo.sources.get(owner.cls.path)
        if source is None or not isinstance(node, ast.FunctionDef):
            return
        returns = [inner for inner in own_nodes(node) if isinstance(inner, ast.Return) and inner.value is not None]
        if not returns or not all(_is_number(inner.value, node) for inner in returns if inner.value is not None):
            return
        key = (source.path, returns[-1].lineno)
        if key not in found:
            finding = self.finding(
                f"{owner.cls.node.name}.forward returns a plain number, so that its optimizer never gets a gradient",
                source.place(returns[-1]),
                evidence=source.quote(returns[-1]),
                fix="return the tensor and let the loss depend on it, or drop the optimizer and call it what it is",
                severity=Severity.BLOCKER if event.certain else Severity.WARNING,
                related=(where(repo, event),),
                runs=(trace.run_id,) if trace.run_id else (),
            )
            found[key] = (finding, {trace.run_id})


def _is_number(value: ast.expr, function: ast.FunctionDef) -> bool:
    """Whether an expression is a number that was taken out of a tensor."""
    if isinstance(value, ast.Call):
        if isinstance(value.func, ast.Attribute) and value.func.attr in {"item", "tolist"}:
            return True
        return (
            isinstance(value.func, ast.Name)
            and value.func.id in {"float", "int", "min", "max", "round"}
            and any(_is_number(argument, function) or value.func.id in {"float", "int"} for argument in value.args)
        )
    if isinstance(value, ast.Name):
        assigned = [
            node.value
            for node in own_nodes(function)
            if isinstance(node, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == value.id for target in node.targets)
        ]
        return bool(assigned) and any(
            not (isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id in {"min", "max"})
            and _is_number(one, function)
            for one in assigned
        )
    return False


class MOD033(Rule):
    """Names of adapted weights are built as if there were no adapter."""

    name = "weight-name-without-base-layer"
    criterion = 4
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method",)
    doc = Doc(
        what=(
            'A lookup under `name.split(".lora_")[0] + ".weight"`: PEFT keeps the adapted weight as '
            "`...base_layer.weight`."
        ),
        why="The lookup never matches; with a default (.get(name, 0.0)) nothing says so.",
        example='scores.get(name.split(".lora_")[0] + ".weight", 0.0)',
        instead='scores[name.split(".lora_")[0] + ".base_layer.weight"]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any("base_layer" in source.text for source in repo.sources.values()):
            return
        for source in (source for source in repo.sources.values() if "lora_" in source.text):
            for node in source.nodes:
                words = ast.unparse(node) if isinstance(node, ast.BinOp | ast.JoinedStr | ast.Call) else ""
                built = (
                    isinstance(node, ast.BinOp | ast.JoinedStr)
                    and "lora_" in words
                    and "split(" in words
                    and "weight" in words
                )
                replaced = (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "replace"
                    and "lora_" in words
                    and len(words) < 200
                    and words.endswith(("'weight')", "'.weight')"))
                )
                if built or replaced:
                    yield self.finding(
                        f"{words[:120]} names a weight that PEFT keeps under 'base_layer': the lookup never matches",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="build the name with '.base_layer.weight', and fail if it is not found",
                    )
                    break


class MOD034(Rule):
    """A scheduler overwrites the learning rates that the method sets."""

    name = "learning-rate-overwritten"
    criterion = 4
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method",)
    doc = Doc(
        what=(
            "A controller that sets `param_group['lr']` every so many steps, beside an LR scheduler that is stepped "
            "every time."
        ),
        why=(
            "scheduler.step() computes each learning rate anew from the base rate: what the controller set lasts "
            "for one step."
        ),
        example="if step % K == 0: group['lr'] = base * scale\nscheduler.step()",
        instead="let the controller own the learning rate, or multiply what the scheduler gives in each step",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        steps: dict[str, Event] = {}
        for trace in repo.traces("main", "train"):
            for event in trace.of("method"):
                if event.data["name"] == "step" and event.loop and family(str(event.data["type"])) == "scheduler":
                    steps.setdefault(f"{trace.entry}{trace.run_id}{trace.mode}", event)

        if not steps:
            return
        rarely = _now_and_then(repo)

        def key(event: Event) -> int | None:
            if (
                getattr(event.data["key"], "value", None) != "lr"
                or event.data["type"] != "param_group"
                or not event.loop
            ):
                return None
            return event.line if {name.rsplit(".", 1)[-1] for name in event.stack[1:]} & rarely else None

        for group in gather(repo.traces("main", "train"), ["set-item"], key):
            found = [
                steps[name]
                for trace, _ in group.events
                if (name := f"{trace.entry}{trace.run_id}{trace.mode}") in steps
            ]
            if found:
                yield self.finding(
                    "this learning rate is set every so many steps, and the scheduler overwrites it at each step",
                    where(repo, group.first),
                    evidence=quote(repo, group.first),
                    fix="do not step a scheduler over the groups that the controller sets",
                    related=(where(repo, found[0]),),
                    runs=group.runs,
                )


def _now_and_then(repo: Repo) -> set[str]:
    """The names of functions that return early on a count of steps."""
    return {
        function.name
        for source in repo.sources.values()
        for function in functions(source.tree)
        for node in own_nodes(function)
        if isinstance(node, ast.If)
        and any(isinstance(inner, ast.Return) for inner in node.body)
        and any(isinstance(inner, ast.Mod | ast.Lt) for inner in walk(node.test))
    }


class MOD035(Rule):
    """A class of the method is never used."""

    name = "part-never-used"
    criterion = 4
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("silent-noop-method",)
    doc = Doc(
        what="A class in the submission that no code makes an object of, derives from or mentions.",
        why="What the paper calls its method does not take part in the experiment.",
        example="class RankCallback(TrainerCallback): ...   # and Trainer(callbacks=[])",
        instead="use it, or leave it out",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        mentioned: dict[str, int] = {}
        for source in repo.sources.values():
            for node in source.nodes:
                if isinstance(node, ast.Name):
                    mentioned[node.id] = mentioned.get(node.id, 0) + 1
                elif isinstance(node, ast.Attribute):
                    mentioned[node.attr] = mentioned.get(node.attr, 0) + 1
        quoted = Counter(
            word
            for source in repo.sources.values()
            for node in source.nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < _LONGEST_NAME
            for word in re.findall(r"\w+", node.value)
        )
        looked_up = any("getattr(" in source.text or "globals(" in source.text for source in repo.sources.values())
        for source in repo.sources.values():
            for node in source.tree.body:
                if (
                    isinstance(node, ast.ClassDef)
                    and node.name not in mentioned
                    and quoted[node.name] <= (not looked_up)
                ):
                    yield self.finding(
                        f"the class {node.name!r} is never used",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="use it where the method needs it, or remove it",
                    )
