"""Functions that say they return something and never do (criterion 1)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.completeness import classes_of, does_nothing, may_do_nothing
from windtunnel.rules.labels import own_nodes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

# annotations of functions from which nothing, or None, may rightly come
_NOTHING = frozenset({"None", "NoReturn", "Never", "Any", "object"})


class CMP006(Rule):
    """A function that says it returns something returns nothing."""

    name = "nothing-returned"
    criterion = 1
    severity = Severity.WARNING
    doc = Doc(
        what="A function with an annotated result that holds no `return` of a value, no `yield`, and does not end in "
        "an error.",
        why="Its end is missing, most often: whoever calls it gets None.",
        example="def total(matrices) -> int:\n    total = len(matrices) * rank",
        instead="def total(matrices) -> int:\n    return len(matrices) * rank",
        limits="Functions without an annotation; Optional results.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        classes = classes_of(repo)
        for source in repo.sources.values():
            for owner, function in source.functions:
                if function.returns is None or _may_be_none(function.returns):
                    continue
                if does_nothing(function) or may_do_nothing(owner, function, classes) or _returns(function):
                    continue
                yield self.finding(
                    f"{function.name}() is to return {ast.unparse(function.returns)[:60]}, and returns nothing",
                    source.place(function),
                    evidence=source.quote(function),
                    fix="write its end, with the value it returns",
                )


def _may_be_none(annotation: ast.expr) -> bool:
    text = annotation.value if isinstance(annotation, ast.Constant) else ast.unparse(annotation)
    if not isinstance(text, str):
        return True  # None itself
    last = text.split("[")[0].rsplit(".", 1)[-1]
    return last in _NOTHING or "None" in text or "Optional" in text


def _returns(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether anything comes out of a function, or it never comes to its end."""
    last = function.body[-1]
    if isinstance(last, ast.Raise | ast.While):
        return True
    return any(
        (isinstance(node, ast.Return) and node.value is not None) or isinstance(node, ast.Yield | ast.YieldFrom)
        for node in own_nodes(function)
    )
