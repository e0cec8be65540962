"""Figures made from nothing: a series against itself, files that nobody writes (criterion 8)."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.reading.nodes import walk
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.repo import Repo

_EVALUATE = "src/evaluate.py"
_METRICS = frozenset(
    {
        "confusion_matrix",
        "accuracy_score",
        "balanced_accuracy_score",
        "f1_score",
        "classification_report",
        "matthews_corrcoef",
        "precision_score",
        "recall_score",
        "mean_squared_error",
        "r2_score",
        "crosstab",
        "from_predictions",
    }
)
# what gives the same values in another container
_WRAPPERS = frozenset({"Series", "DataFrame", "array", "asarray", "list", "tuple", "tensor", "as_tensor"})
_COPIES = frozenset(
    {"copy", "astype", "tolist", "to_numpy", "flatten", "ravel", "numpy", "clone", "detach", "cpu", "to_list"}
)
_TABLE = re.compile(r"scor|metric", re.IGNORECASE)
_MOST_STEPS = 6  # names and wrappers that are followed back
_FILE = re.compile(r"[\w\-/]+\.(json|jsonl|csv|npy|npz|pt|pkl|parquet|txt|tsv)")


class EVA007(Rule):
    """A confusion matrix compares a series with itself."""

    name = "self-comparison"
    criterion = 8
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("evaluate-output",)
    doc = Doc(
        what="Metrics that get the same series for truth and prediction, also by way of a copy or another name.",
        why="The result is perfect and means nothing.",
        example="truth = predictions.copy()\nconfusion_matrix(truth, predictions)",
        instead="confusion_matrix(labels, predictions)",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        for source in repo.sources.values():
            for node in source.nodes:
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                keywords = {keyword.arg: keyword.value for keyword in node.keywords}
                sides = [*node.args[:2], *(keywords[key] for key in ("y_true", "y_pred") if key in keywords)]
                if len(sides) != 2 or not (name in _METRICS or _scores(node.func)):
                    continue
                first, second = (_origin(source, node, side) for side in sides)
                if ast.dump(first) == ast.dump(second):
                    yield self.finding(
                        f"{name or ast.unparse(node.func)}() compares {ast.unparse(first)[:60]!r} with itself",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="pass the true labels and the predictions",
                    )


def _scores(function: ast.expr) -> bool:
    """``SCORES[name]``: a metric taken from a table of them."""
    return isinstance(function, ast.Subscript) and bool(_TABLE.search(ast.unparse(function.value)))


class EVA008(Rule):
    """The evaluation waits for a file that training never writes."""

    name = "unwritten-file"
    criterion = 8
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("evaluate-output", "missing-artifact")
    doc = Doc(
        what="Names of files that src/evaluate.py looks for among the files of a W&B run, and that occur nowhere in "
        "training.",
        why="The figure that is made from it is never made, or is made from something else.",
        example='if file.name == "predictions.json": ...   # and train.py saves no such file',
        instead='wandb.save("predictions.json")   # in train.py',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        source = repo.source(_EVALUATE)
        training = "\n".join(other.text for path, other in repo.sources.items() if path != _EVALUATE)
        for node, names in _looked_for(source):
            if all(posixpath.basename(name) not in training for name in names):
                yield self.finding(
                    f"{' or '.join(map(repr, names))} is looked for, but training writes no such file",
                    source.place(node),
                    evidence=source.quote(node),
                    fix="write it in src/train.py and upload it with wandb.save, or do without it",
                    related=(Place("src/train.py"),),
                )


def _looked_for(source: Source) -> Iterator[tuple[ast.AST, list[str]]]:
    """Places that look for a file of a run by its name, and the names."""
    for node in source.nodes:
        if isinstance(node, ast.Compare) and ".name" in ast.unparse(node.left):
            looked = [inner for side in node.comparators for inner in walk(side)]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in {"file", "restore"}
        ):
            looked = [*node.args]
        else:
            continue
        names = sorted(
            {
                item.value
                for item in looked
                if isinstance(item, ast.Constant) and isinstance(item.value, str) and _FILE.fullmatch(item.value)
            }
        )
        if names:
            yield node, names


def _origin(source: Source, call: ast.Call, side: ast.expr) -> ast.expr:
    """What a series was before it was copied, wrapped or given another name."""
    around: ast.AST = source.function_at(call.lineno) or source.tree
    for _ in range(_MOST_STEPS):
        before = side
        if isinstance(side, ast.Call):
            name = side.func.attr if isinstance(side.func, ast.Attribute) else getattr(side.func, "id", "")
            if name in _COPIES and isinstance(side.func, ast.Attribute):
                side = side.func.value
            elif name in _WRAPPERS and side.args:
                side = side.args[0]
        elif isinstance(side, ast.Attribute) and side.attr == "values":
            side = side.value
        elif isinstance(side, ast.Name):
            given = [
                node.value
                for node in walk(around)
                if isinstance(node, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == side.id for target in node.targets)
            ]
            if len(given) == 1 and isinstance(given[0], ast.Name | ast.Call | ast.Attribute) and _is_copy(given[0]):
                side = given[0]
        if side is before:
            break
    return side


def _is_copy(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return name in _COPIES | _WRAPPERS
    return isinstance(value, ast.Name) or (isinstance(value, ast.Attribute) and value.attr == "values")
