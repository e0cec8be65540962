"""The inside of adapters: PEFT's layers are taken for what they are (criterion 4)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, ClassVar

from windtunnel.rehearsal.libraries.registry import family
from windtunnel.rehearsal.values import Thing, Value
from windtunnel.rules.base import Doc, Rule, Skip
from windtunnel.rules.gathering import quote
from windtunnel.rules.labels import functions, nodes_of, own_nodes
from windtunnel.rules.loaded import base_of, parts_of, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

# ModuleDicts and ParameterDicts of a PEFT layer: one entry for each adapter name
_CONTAINERS = frozenset(
    {"lora_A", "lora_B", "lora_E", "lora_embedding_A", "lora_embedding_B", "lora_dropout", "lora_magnitude_vector"}
)
_OF_LAYERS = frozenset(
    {
        "weight",
        "bias",
        "data",
        "grad",
        "shape",
        "in_features",
        "out_features",
        "register_hook",
        "requires_grad",
        "requires_grad_",
        "size",
        "numel",
        "norm",
    }
)
_REQUIRED = ("adapter_name", "r", "lora_alpha")  # of LoraLayer.update_layer in every version of PEFT
_PATH_PARTS = frozenset({"weight", "data", "default"})


def _peft_sources(repo: Repo) -> list[Source]:
    """The modules, if the submission uses PEFT and has no layer of its own with these names.

    Raises:
        Skip: it does not, or has.
    """
    sources = list(repo.sources.values())
    if not any(_imports_peft(source.tree) for source in sources):
        raise Skip("the code does not import peft")
    for source in sources:
        for node in source.nodes:
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and node.attr in _CONTAINERS
                and isinstance(node.value, ast.Name)
                and node.value.id == "self"
            ):
                raise Skip(f"{source.path} has LoRA layers of its own")
    return sources


def _imports_peft(tree: ast.AST) -> bool:
    for node in nodes_of(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "peft":
            return True
        if isinstance(node, ast.Import) and any(name.name.split(".")[0] == "peft" for name in node.names):
            return True
    return False


class MOD011(Rule):
    """A container of adapters is taken for a layer."""

    name = "adapter-container-taken-for-layer"
    criterion = 4
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "library-api", "silent-noop-method")
    doc = Doc(
        what=(
            "`module.lora_A.weight`, `module.lora_B.register_hook(...)` and the like: in PEFT these are ModuleDicts "
            "that hold one layer for each adapter name."
        ),
        why="AttributeError: 'ModuleDict' object has no attribute 'weight'.",
        example="rank = module.lora_A.weight.size(0)",
        instead='rank = module.lora_A["default"].weight.size(0)',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for source in _peft_sources(repo):
            found: dict[str, list[ast.Attribute]] = {}
            for node in source.nodes:
                if (
                    isinstance(node, ast.Attribute)
                    and node.attr in _OF_LAYERS
                    and isinstance(node.value, ast.Attribute)
                    and node.value.attr in _CONTAINERS
                ):
                    found.setdefault(node.attr, []).append(node)
            for attribute, nodes in found.items():
                nodes.sort(key=lambda node: node.lineno)
                first = nodes[0]
                asked = "weight.register_hook" if attribute == "register_hook" else attribute
                yield self.finding(
                    f"{ast.unparse(first)[:100]}: {getattr(first.value, 'attr', '')} is a container, a layer for each "
                    f"adapter, and has no {attribute!r}",
                    source.place(first),
                    evidence=source.quote(first),
                    fix=f'ask the layer: {ast.unparse(first.value)[:80]}["default"].{asked}',
                    related=tuple(dict.fromkeys(source.place(node) for node in nodes[1:6])),
                )


class MOD012(Rule):
    """A layer is updated without what its method requires."""

    name = "update-layer-without-arguments"
    criterion = 4
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "library-api")
    doc = Doc(
        what="`module.update_layer(r=...)` without the adapter's name or lora_alpha.",
        why=(
            "TypeError: update_layer() missing required arguments; it happens when the method first takes effect, "
            "often thousands of steps into the run."
        ),
        example="module.update_layer(r=new_rank)",
        instead='module.update_layer("default", new_rank, lora_alpha=16, config=model.peft_config["default"])',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        sources = _peft_sources(repo)
        if any(function.name == "update_layer" for source in sources for function in functions(source.tree)):
            return
        for source in sources:
            for node in source.nodes:
                if not (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == "update_layer"
                ):
                    continue
                if any(isinstance(argument, ast.Starred) for argument in node.args) or any(
                    keyword.arg is None for keyword in node.keywords
                ):
                    continue
                given = {*_REQUIRED[: len(node.args)], *(keyword.arg for keyword in node.keywords)}
                missing = [name for name in _REQUIRED if name not in given]
                if missing:
                    yield self.finding(
                        f"{ast.unparse(node)[:100]} lacks {', '.join(missing)}, which update_layer requires",
                        source.place(node),
                        evidence=source.quote(node),
                        fix=(
                            "pass adapter name, rank, alpha and what else the installed PEFT asks for; a new layer "
                            "also needs the optimizer to learn of it"
                        ),
                    )


class MOD013(Rule):
    """The ranks of B are cut along the wrong axis."""

    name = "rank-axis-of-b"
    criterion = 4
    categories: ClassVar[tuple[str, ...]] = ("lora-peft", "tensor-shape", "silent-noop-method")
    doc = Doc(
        what=(
            "The same slice of rows for A and for B, when ranks are kept or copied: A is (rank, in), but B is (out, "
            "rank)."
        ),
        why=(
            "Rows of B are outputs of the layer, not ranks: the copy fails on shapes, or keeps some outputs and "
            "loses the others."
        ),
        example="A_old = A.weight.data[:keep]; B_old = B.weight.data[:keep]",
        instead="A_old = A.weight.data[:keep]; B_old = B.weight.data[:, :keep]",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for source in _peft_sources(repo):
            for function in functions(source.tree):
                rows: dict[str, set[str]] = {"lora_A": set(), "lora_B": set()}
                places: dict[str, ast.Subscript] = {}
                for node in own_nodes(function):
                    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
                        side = _side(node.value)
                        if side:
                            bound = ast.unparse(node.slice)
                            rows[side].add(bound)
                            if side == "lora_B":
                                places.setdefault(bound, node)
                for bound in sorted(rows["lora_A"] & rows["lora_B"]):
                    node = places[bound]
                    yield self.finding(
                        f"{ast.unparse(node)[:100]} takes rows of B as ranks; B is (out, rank), its ranks are columns",
                        source.place(node),
                        evidence=source.quote(node),
                        fix=f"slice the second axis of B: [:, {bound}]",
                    )


def _side(node: ast.expr) -> str:
    """Which matrix the weights are of, ``lora_A`` or ``lora_B``; "" for anything else."""
    while True:
        if isinstance(node, ast.Attribute):
            if node.attr in {"lora_A", "lora_B"}:
                return node.attr
            if node.attr not in _PATH_PARTS:
                return ""
            node = node.value
        elif isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice | ast.Tuple):
            node = node.value
        else:
            return ""


class MOD014(Rule):
    """Parameters are replaced after the optimizer was built."""

    name = "optimizer-does-not-see-parameters"
    criterion = 12
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("autograd", "silent-noop-method", "lora-peft")
    doc = Doc(
        what=(
            "Adapters put around a model, layers updated or embeddings resized after the optimizer was given the "
            "parameters, and no new optimizer or parameter group afterwards."
        ),
        why="The optimizer steps tensors that the model no longer uses; the new ones keep their initial values.",
        example="optimizer = AdamW(model.parameters()); ...; module.update_layer(...)",
        instead="after the change: optimizer.add_param_group({'params': new_parameters}), or build the optimizer anew",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        found: dict[tuple[str, int], Finding] = {}
        if any("add_param_group" in source.text for source in repo.sources.values()):
            return
        for trace in repo.traces("main", "train"):
            built: Event | None = None
            loaded: set[int] = set()
            for event in trace.events:
                result = event.data.get("result")
                if event.kind == "call" and isinstance(result, Thing) and family(result.type) == "optimizer":
                    built, loaded = event, {id(one) for model in _models_of(event) for one in (model, base_of(model))}
                elif (
                    event.kind == "call" and isinstance(result, Thing) and result.type == "transformers.PreTrainedModel"
                ):
                    built = None  # another model, which the optimizer has nothing to do with
                what = self._replaced(event)
                if not what or built is None or (event.path, event.line) in found or built.trial != event.trial:
                    continue
                own = event.kind == "set-attribute" or event.data["name"] == "update_layer"
                if not own and not loaded & {id(model) for model in _wrapped(event)}:
                    continue
                finding = self.finding(
                    f"{what} after the optimizer was built: it never sees the new parameters",
                    where(repo, event),
                    evidence=quote(repo, event),
                    fix="give the optimizer the new parameters (add_param_group), or build it after this line",
                    related=(where(repo, built),),
                    runs=(trace.run_id,) if trace.run_id else (),
                )
                found[event.path, event.line] = finding
        yield from found.values()

    @staticmethod
    def _replaced(event: Event) -> str:
        name = event.data.get("name")
        if event.kind == "call" and name in {"peft.get_peft_model", "peft.mapping.get_peft_model"}:
            return "adapters are put around the model"
        if event.kind == "method" and name == "update_layer":
            return "an adapter layer is rebuilt"
        value = event.data.get("value")
        if event.kind == "set-attribute" and isinstance(value, Thing) and value.type == "torch.nn.Parameter":
            return "a parameter is replaced"
        if event.kind == "method" and name == "resize_token_embeddings":
            return "the embeddings are resized"
        return ""


def _models_of(event: Event) -> Iterator[Value]:
    """The models whose parameters an optimizer was given."""
    for argument in (*event.data["args"], *event.data["keywords"].values()):
        for part in parts_of(argument):
            if isinstance(part, Thing) and isinstance(part.data.get("of_model"), Value):
                yield part.data["of_model"]


def _wrapped(event: Event) -> Iterator[Value]:
    """The model that an event changes, and the one below its adapters."""
    receiver = event.data.get("receiver")
    named = [value for name, value in event.data["keywords"].items() if name == "model"]
    for model in [receiver] if isinstance(receiver, Value) else [*event.data["args"][:1], *named]:
        yield model
        base = base_of(model)
        if base is not None:
            yield base
