"""What code does in trial mode alone: branches on the mode and what they cut short. Holds no rules.

A condition counts as one on trial mode if it compares something with the word "trial", or is a name that was given
such a comparison. What is cut in ``src/preprocess.py`` counts as much as what is cut where the model is trained.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.reading.nodes import called, walk
from windtunnel.reading.remembered import remembered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.reading.python import Source
    from windtunnel.repo import Repo

_FLAG = re.compile(r"(is_|in_)?trial(_mode|_run)?|smoke(_test)?|quick|debug|dry_run|fast_dev_run")
# names under which rows, batches or samples are limited; steps and epochs of training are not among them
_LIMIT = re.compile(
    r"limit|max_(?!length|len|seq|norm|grad|steps|epochs|tokens|new)|subset|sample|rows|n_eval|num_eval|eval_batches|val_batches"
)
_CUTTING = frozenset({"select", "Subset", "islice", "take", "head", "shard", "train_test_split", "sample"})


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece of code that only a trial runs.

    Attributes:
        source: the file.
        node: the statement, or the expression ``x if trial else y``.
    """

    source: Source
    node: ast.AST


def asks_for_trial(test: ast.AST, flags: frozenset[str] = frozenset()) -> bool:
    """Whether a condition holds only in trial mode, as far as its words say."""
    for node in walk(test):
        if isinstance(node, ast.Compare) and any(isinstance(operator, ast.Eq | ast.In) for operator in node.ops):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Constant) and side.value == "trial" for side in sides):
                return True
        if isinstance(node, ast.Name) and node.id in flags:
            return True
        if isinstance(node, ast.Attribute) and node.attr in flags:
            return True
    return False


@remembered
def trial_flags(source: Source) -> frozenset[str]:
    """Names that a file gives ``mode == "trial"``, and parameters called like one."""
    found: set[str] = set()
    for node in source.nodes:
        if isinstance(node, ast.Assign) and asks_for_trial(node.value) and not isinstance(node.value, ast.IfExp):
            for target in node.targets:
                found.add(getattr(target, "id", getattr(target, "attr", "")))
        elif isinstance(node, ast.arg) and _FLAG.fullmatch(node.arg) and node.arg != "trial":
            found.add(node.arg)
    return frozenset(found - {""})


@remembered
def trial_statements(source: Source) -> tuple[ast.AST, ...]:
    """Statements and expressions that only a trial runs."""
    flags = trial_flags(source)
    found: list[ast.AST] = []
    for node in source.nodes:
        if isinstance(node, ast.If) and asks_for_trial(node.test, flags):
            found += node.body
        elif isinstance(node, ast.IfExp) and asks_for_trial(node.test, flags):
            found.append(node.body)
    return tuple(found)


def limits_rows(repo: Repo) -> bool:
    """Whether anything in trial mode reduces rows, samples or batches other than by leaving a training loop."""
    for source in repo.sources.values():
        if source.path == "src/evaluate.py":
            continue
        flags = trial_flags(source)
        for node in source.nodes:
            # f(..., sample_only=mode == "trial"), f(..., max_batches=2 if trial else -1), limit = 64 if trial else None
            if isinstance(node, ast.keyword) and asks_for_trial(node.value, flags):
                return True
            if (
                isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr)
                and isinstance(node.value, ast.IfExp)
                and asks_for_trial(node.value.test, flags)
            ):
                return True
        for statement in trial_statements(source):
            if any(reduces(node) for node in walk(statement)):
                return True
    return False


def reduces(node: ast.AST) -> bool:
    """Whether a piece of code takes fewer rows or samples than there are."""
    if isinstance(node, ast.Call):
        name = called(node)
        texts = [arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        return name in _CUTTING or any(_LIMIT.search(text) for text in texts)
    if isinstance(node, ast.Slice):
        return True
    if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(_LIMIT.search(_last(target)) for target in targets)
    return False


def _last(target: ast.expr) -> str:
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return str(target.slice.value)
    return getattr(target, "attr", getattr(target, "id", ""))


def left_early(loop: ast.For | ast.While) -> list[ast.If]:
    """The conditions under which a loop is left with ``break`` or ``return``."""
    return [
        node
        for node in walk(loop)
        if isinstance(node, ast.If) and any(isinstance(statement, ast.Break | ast.Return) for statement in node.body)
    ]


def constants(node: ast.AST) -> list[int]:
    """The whole numbers in a condition."""
    return [
        inner.value
        for inner in walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, int) and not isinstance(inner.value, bool)
    ]


def trains(node: ast.AST) -> bool:
    """Whether a piece of code takes training steps: a backward pass, or a function called like one."""
    return any(
        isinstance(inner, ast.Call) and (called(inner) == "backward" or "train_step" in called(inner))
        for inner in walk(node)
    )


def trained_batches(repo: Repo) -> list[int]:
    """Numbers of batches that trial mode trains on, as far as they are written in the code."""
    return [
        count
        for path in ("src/train.py", "src/main.py")
        if (source := repo.sources.get(path)) is not None
        for count in _limits(source)
    ]


@remembered
def _limits(source: Source) -> tuple[int, ...]:
    """Numbers of batches after which the code leaves its training loop in trial mode."""
    return tuple(_numbers_of_batches(source))


def _numbers_of_batches(source: Source) -> Iterator[int]:
    flags = trial_flags(source)
    counted = _steps_counted(source)
    asking = sorted(
        node.lineno for node in source.nodes if isinstance(node, ast.If) and asks_for_trial(node.test, flags)
    )
    for node in source.nodes:
        if isinstance(node, ast.For | ast.While):
            first = bisect_left(asking, node.lineno)  # most loops do not ask, and need no look
            if first == len(asking) or asking[first] > (node.end_lineno or 0) or not trains(node):
                continue
            for test in left_early(node):
                numbers = constants(test.test)
                names = {getattr(inner, "id", getattr(inner, "attr", "")) for inner in walk(test.test)}
                if asks_for_trial(test.test, flags) and numbers and not names & counted:
                    yield max(numbers) + 1  # `step >= 1` leaves in the second batch, `step > 1` in the third
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.IfExp)
            and asks_for_trial(node.value.test, flags)
        ):
            name = getattr(node.targets[0], "id", "")
            if "batches" in name and not re.search("val|eval|test", name):
                yield from constants(node.value.body)[:1]
    for statement in trial_statements(source):
        for node in walk(statement):
            if isinstance(node, ast.Call) and called(node) == "islice" and "val" not in ast.unparse(node):
                yield from constants(node)[-1:]


def _steps_counted(source: Source) -> set[str]:
    """Counters of optimizer steps: what is counted up only where enough batches were accumulated."""
    return {
        getattr(inner.target, "id", getattr(inner.target, "attr", ""))
        for node in source.nodes
        if isinstance(node, ast.If) and any(isinstance(part, ast.Mod) for part in walk(node.test))
        for inner in walk(node)
        if isinstance(inner, ast.AugAssign)
    }


def steps_at_the_end(repo: Repo) -> bool:
    """Whether the optimizer also steps at the last batch: ``(step + 1) % n == 0 or step + 1 == len(loader)``."""
    return any(
        isinstance(node, ast.BoolOp)
        and isinstance(node.op, ast.Or)
        and any(isinstance(part, ast.Mod) for part in walk(node))
        for source in repo.sources.values()
        for node in source.nodes
    )
