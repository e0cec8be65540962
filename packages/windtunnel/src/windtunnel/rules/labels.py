"""Labels within one function, as the syntax tree shows them: where they are decoded and masked. Holds no rules."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.reading.nodes import children, walk
from windtunnel.reading.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from windtunnel.reading.python import Source

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
_IGNORING_COLLATORS = frozenset(
    {"DataCollatorForLanguageModeling", "DataCollatorForSeq2Seq", "DataCollatorForTokenClassification"}
)
_REPLACES = frozenset(
    {
        "masked_fill",
        "masked_fill_",
        "where",
        "masked_select",
        "clamp",
        "clip",
        "ignore_index",
        "label_pad_token_id",
        "pad_token_id",
    }
)
_DECODERS = frozenset({"decode", "batch_decode"})


@remembered
def nodes_of(tree: ast.AST) -> tuple[ast.AST, ...]:
    """All nodes below the root of a module."""
    return tuple(walk(tree)[1:])


@remembered
def functions(tree: ast.AST) -> tuple[FunctionNode, ...]:
    """All functions, also inner ones."""
    return tuple(_functions(tree))


def _functions(node: ast.AST) -> Iterator[FunctionNode]:
    """Statement by statement, level by level: no expression holds any."""
    level = [node]
    while level:
        below: list[ast.AST] = []
        for parent in level:
            for name in ("body", "handlers", "orelse", "finalbody", "cases"):
                inner = getattr(parent, name, None)
                below += inner if isinstance(inner, list) else ()
        yield from (child for child in below if isinstance(child, FunctionNode))
        level = below


@remembered
def own_nodes(function: ast.AST) -> tuple[ast.AST, ...]:
    """The nodes of a function, those of functions inside it left out, in the order they stand."""
    collected: list[ast.AST] = []
    _collect(function, collected)
    return tuple(collected)


def _collect(node: ast.AST, found: list[ast.AST]) -> None:
    for child in children(node):
        if not isinstance(child, FunctionNode | ast.ClassDef):
            found.append(child)
            _collect(child, found)


def _is_ignored(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
        and node.operand.value == 100
    )


def holds_ignored_labels(sources: Iterable[Source]) -> bool:
    """Whether labels of this code may hold -100: written somewhere, or made by a collator that pads labels."""
    for source in sources:
        for node in source.nodes:
            if _is_ignored(node) or (
                isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _IGNORING_COLLATORS
            ):
                return True
    return False


def _is_labels(node: ast.AST) -> bool:
    """``x["labels"]``, ``x.labels``, ``x.pop("labels")`` or ``x.get("labels")``."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "labels"
    if isinstance(node, ast.Attribute):
        return node.attr == "labels"
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"pop", "get"}
        and node.args
    ):
        return isinstance(node.args[0], ast.Constant) and node.args[0].value == "labels"
    return False


def decoded_labels(tree: ast.AST) -> Iterator[tuple[FunctionNode, ast.Call]]:
    """Calls that decode labels, in functions that do nothing about -100."""
    for function in functions(tree):
        nodes = own_nodes(function)
        if not any(isinstance(node, ast.Attribute) and node.attr in _DECODERS for node in nodes):
            continue
        names = {node.id for node in nodes if isinstance(node, ast.Name)} | {
            node.attr for node in nodes if isinstance(node, ast.Attribute)
        }
        names |= {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg}
        if any(_is_ignored(node) for node in nodes) or names & _REPLACES or _compares_with_zero(nodes):
            continue
        labels = _label_names(nodes)
        for node in nodes:
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in _DECODERS
                and node.args
            ):
                inner = list(walk(node.args[0]))
                if any(_is_labels(part) or (isinstance(part, ast.Name) and part.id in labels) for part in inner):
                    yield function, node


def _compares_with_zero(nodes: Sequence[ast.AST]) -> bool:
    """``ids[ids >= 0]`` drops what is negative."""
    return any(
        isinstance(node, ast.Compare)
        and any(
            isinstance(part, ast.Constant) and part.value == 0 and isinstance(op, ast.Gt | ast.GtE | ast.Lt | ast.LtE)
            for part, op in zip(node.comparators, node.ops, strict=True)
        )
        for node in nodes
    )


def _label_names(nodes: Sequence[ast.AST]) -> set[str]:
    """Names that stand for labels or for one row of them."""
    found: set[str] = set()

    def labelled(node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in found
        if _is_labels(node):
            return True
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"to", "cpu", "clone", "tolist", "detach", "numpy", "long", "cuda", "contiguous"}
        ):
            return labelled(node.func.value)
        return isinstance(node, ast.Subscript) and labelled(node.value)

    for _ in range(2):
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                _bind(node.targets[0], node.value, labelled, found)
            elif isinstance(node, ast.For | ast.comprehension):
                _bind_loop(node.target, node.iter, labelled, found)
    return found


def _bind(target: ast.expr, value: ast.expr, labelled: object, found: set[str]) -> None:
    if isinstance(target, ast.Name) and callable(labelled) and labelled(value):
        found.add(target.id)
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        for inner, part in zip(target.elts, value.elts, strict=True):
            _bind(inner, part, labelled, found)


def _bind_loop(target: ast.expr, iterable: ast.expr, labelled: object, found: set[str]) -> None:
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name):
        if iterable.func.id == "zip" and isinstance(target, ast.Tuple) and len(target.elts) == len(iterable.args):
            for inner, part in zip(target.elts, iterable.args, strict=True):
                _bind_loop(inner, part, labelled, found)
            return
        if (
            iterable.func.id == "enumerate"
            and isinstance(target, ast.Tuple)
            and len(target.elts) == 2
            and iterable.args
        ):
            _bind_loop(target.elts[1], iterable.args[0], labelled, found)
            return
    if isinstance(target, ast.Name) and callable(labelled) and labelled(iterable):
        found.add(target.id)


def overwritten_inputs(tree: ast.AST, batched: Mapping[int, bool]) -> Iterator[tuple[ast.AST, str, bool]]:
    """Where functions change the input ids with the labels.

    Gives the first such line of each function, the name of the labels, and whether they are a shallow copy.

    Args:
        tree: of a module.
        batched: by ``id`` of a function's node, whether ``map`` calls it with batches.
    """
    for function in functions(tree):
        nodes = own_nodes(function)
        stored = _stored_as_labels(nodes)
        shared: dict[str, bool] = {}
        for node in nodes:
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
                how = _sharing(node.value)
                if how is not None and node.targets[0].id in stored:
                    shared[node.targets[0].id] = how
                elif node.targets[0].id in shared:
                    del shared[node.targets[0].id]
        rows = _rows_of(nodes, shared)
        for node in nodes:
            found = _changed(node, shared, rows, batched=batched.get(id(function), False))
            if found is not None:
                yield node, found, shared[found]
                break


def _sharing(value: ast.expr) -> bool | None:
    """True for a shallow copy of input ids, False for the ids themselves, None for anything else."""
    if isinstance(value, ast.Subscript):
        if isinstance(value.slice, ast.Constant) and value.slice.value == "input_ids":
            return False
        if (
            isinstance(value.slice, ast.Slice)
            and value.slice.lower is None
            and value.slice.upper is None
            and _sharing(value.value) is False
        ):
            return True
    if isinstance(value, ast.Attribute) and value.attr == "input_ids":
        return False
    if isinstance(value, ast.Call):
        if (
            isinstance(value.func, ast.Attribute)
            and value.func.attr == "copy"
            and not value.args
            and _sharing(value.func.value) is False
        ):
            return True
        if (
            isinstance(value.func, ast.Name)
            and value.func.id == "list"
            and len(value.args) == 1
            and _sharing(value.args[0]) is False
        ):
            return True
    return None


def _stored_as_labels(nodes: Sequence[ast.AST]) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Name)
            and any(_is_labels(target) for target in node.targets)
        ):
            found.add(node.value.id)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "labels" and isinstance(value, ast.Name):
                    found.add(value.id)
        elif isinstance(node, ast.keyword) and node.arg == "labels" and isinstance(node.value, ast.Name):
            found.add(node.value.id)
    return found


def _rows_of(nodes: Sequence[ast.AST], shared: Mapping[str, bool]) -> dict[str, str]:
    """Names that stand for one row of shared labels, with the name of the labels."""
    found: dict[str, str] = {}
    for node in nodes:
        if not isinstance(node, ast.For):
            continue
        for name in shared:
            rows: set[str] = set()
            _bind_loop(
                node.target, node.iter, lambda part, name=name: isinstance(part, ast.Name) and part.id == name, rows
            )
            found |= dict.fromkeys(rows, name)
    return found


def _changed(node: ast.AST, shared: Mapping[str, bool], rows: Mapping[str, str], *, batched: bool) -> str | None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AugAssign) else []
    for target in targets:
        depth, inner = 0, target
        while isinstance(inner, ast.Subscript):
            depth, inner = depth + 1, inner.value
        if not depth or not isinstance(inner, ast.Name):
            continue
        if inner.id in rows and (batched or not shared[rows[inner.id]]):
            return rows[inner.id]
        if inner.id in shared and (not shared[inner.id] or (batched and depth > 1)):
            return inner.id
    return None
