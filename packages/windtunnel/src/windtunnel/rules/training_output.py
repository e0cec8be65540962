"""What training leaves behind outside W&B: figures, result files, JSON on stdout (criteria 6 and 8)."""

from __future__ import annotations

import ast
import posixpath
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.reading.nodes import called, walk
from windtunnel.rehearsal.values import Const, Text
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, place, quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding, Place
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

_DRAWING = frozenset({"savefig", "subplots", "lineplot", "heatmap", "barplot", "boxplot", "scatterplot"})
_RESULTS = re.compile(r"(result|metric|summary)\w*\.json$", re.IGNORECASE)
_MEASURED = re.compile(r"metrics|results?\b|summary|scores|accuracy", re.IGNORECASE)
_SETTINGS = re.compile(r"param|config|cfg|argv|args|space", re.IGNORECASE)


class WAB006(Rule):
    """Training draws figures."""

    name = "figure-in-training"
    criterion = 8
    doc = Doc(
        what="Calls of matplotlib or seaborn that draw or save in src/train.py and src/main.py.",
        why="The contract leaves figures to src/evaluate.py.",
        example='plt.savefig("loss.pdf")   # in train.py',
        instead="the same in evaluate.py, from run.history()",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in ("src/train.py", "src/main.py"):
            source = repo.sources.get(path)
            if source is None:
                continue
            for node in source.nodes:
                if isinstance(node, ast.Call) and called(node) in _DRAWING:
                    yield self.finding(
                        f"{path} draws a figure with {called(node)}()",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="move the figure to src/evaluate.py",
                    )
                    break


class WAB007(Rule):
    """Training dumps results outside W&B."""

    name = "result-dump"
    criterion = 6
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("stdout-json-dump",)
    doc = Doc(
        what="print(json.dumps(...)), json.dump(..., sys.stdout) and JSON files called results or metrics in "
        "src/train.py and src/main.py.",
        why="The contract has results in W&B alone: no results.json, no JSON on stdout.",
        example="print(json.dumps(summary))",
        instead='wandb.summary["accuracy"] = accuracy',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for path in ("src/train.py", "src/main.py"):
            source = repo.sources.get(path)
            for node in source.nodes if source is not None else ():
                if source is not None and isinstance(node, ast.Call) and _prints_results(node):
                    yield self._dumped("results are printed as JSON", source.place(node), source.quote(node))
        for group in gather(repo.traces("main", "train"), ["file"], _written):
            name = str(_written(group.first))
            yield self._dumped(f"results are written to {name!r}", place(repo, group.first), quote(repo, group.first))

    def _dumped(self, message: str, at: Place, evidence: str) -> Finding:
        return self.finding(message, at, evidence=evidence, fix='write them to wandb.summary["..."] instead')


def _written(event: Event) -> str | None:
    """The name of a file of results that is written."""
    path = event.data["path"]
    text = (
        str(path.text.value) if isinstance(path.text, Const) else str(path.text) if isinstance(path.text, Text) else ""
    )
    name = posixpath.basename(text)
    return name if event.data["what"] == "write" and _RESULTS.search(name) else None


def _prints_results(node: ast.Call) -> bool:
    """Whether something is printed as JSON other than a configuration or hyperparameters."""
    if called(node) == "dump" and any("stdout" in ast.unparse(argument) for argument in node.args[1:]):
        return not _SETTINGS.search(ast.unparse(node.args[0])) or bool(_MEASURED.search(ast.unparse(node.args[0])))
    if called(node) != "print" and not (called(node) == "write" and "stdout" in ast.unparse(node.func)):
        return False
    dumps = [ast.unparse(inner) for inner in walk(node) if isinstance(inner, ast.Call) and called(inner) == "dumps"]
    return any(_MEASURED.search(text) or not _SETTINGS.search(text) for text in dumps)
