"""Metrics: what is promised is computed, and what is computed measures the task (criterion 11)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.labels import FunctionNode, functions, nodes_of, own_nodes
from windtunnel.rules.loaded import entered, model_loads

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Trace
    from windtunnel.repo import Repo

# What a metric is called in code, by a piece of its name in a configuration.
_METRICS = {
    "matthews": r"matthews|mcc",
    "accuracy": r"acc",
    "exact_match": r"exact|(^|_)em($|_)|acc",
    "perplexity": r"perplexity|ppl|(^|_)exp$",
    "rouge": r"rouge",
    "sacrebleu": r"bleu",
    "bleu": r"bleu",
    "bertscore": r"bert_?score",
    "meteor": r"meteor",
    "f1": r"f1|classification_report|seqeval|precision_recall",
    "spearman": r"spearman",
    "pearson": r"pearson|corrcoef",
    "auroc": r"auc|roc",
    "roc_auc": r"auc|roc",
    "recall": r"recall|classification_report|seqeval",
    "ndcg": r"ndcg",
    "wer": r"(^|_)wer($|_)|word_error|jiwer",
    "mse": r"mse|mean_squared|squared_error",
    "mae": r"mae|mean_absolute|absolute_error|l1_loss",
    "ece": r"(^|_)ece($|_)|calibration",
}


class MET001(Rule):
    """A promised metric is never computed."""

    name = "metric-never-computed"
    criterion = 11
    categories: ClassVar[tuple[str, ...]] = ("metric-invalid", "evaluate-incomplete", "config-key-unused")
    doc = Doc(
        what="A metric listed under `evaluation` in a run configuration of which no code has a trace.",
        why="The paper's table has an empty column.",
        example="evaluation: {metrics: [accuracy, matthews_corrcoef]}   # and the code computes accuracy only",
        instead="matthews_corrcoef(labels, predictions), logged beside accuracy",
        limits="Known metrics only. A metric that the code loads by its configured name is believed to be computed.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        words: set[str] = set()
        for run in repo.runs:
            document = repo.documents.get(run.path)
            section = (
                document.value.get("evaluation") if document is not None and isinstance(document.value, dict) else None
            )
            if document is None or not isinstance(section, dict):
                continue
            for key in ("metrics", "metric"):
                listed = section.get(key)
                for name in [listed] if isinstance(listed, str) else listed if isinstance(listed, list) else []:
                    pattern = next((pattern for piece, pattern in _METRICS.items() if piece in str(name).lower()), None)
                    if pattern is None:
                        continue
                    if not words:
                        words |= {word.lower() for source in repo.sources.values() for word in _words(source.tree)}
                        if any(self._by_name(source.tree) for source in repo.sources.values()):
                            return
                    if any(re.search(pattern, word) for word in words):
                        continue
                    yield self.finding(
                        f"the metric {str(name)!r} is promised, and no code computes it",
                        document.place(("evaluation", key)),
                        evidence=document.quote(("evaluation", key)),
                        fix="compute it where accuracy is computed, log it, and let evaluate.py report it",
                        runs=(run.run_id,),
                    )

    @staticmethod
    def _by_name(tree: ast.AST) -> bool:
        """Whether metrics are loaded by a name that is not written in the code."""
        for node in nodes_of(tree):
            if isinstance(node, ast.Call) and node.args and not isinstance(node.args[0], ast.Constant):
                last = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if last in {"load", "load_metric"} and ast.unparse(node.func) in {
                    "evaluate.load",
                    "hf_evaluate.load",
                    "load_metric",
                    "datasets.load_metric",
                    "torchmetrics.functional",
                }:
                    return True
        return False


def _words(tree: ast.AST) -> Iterator[str]:
    """Names and short strings of a module, docstrings left out."""
    docstrings = {
        id(node.body[0].value)
        for node in (tree, *nodes_of(tree))
        if isinstance(node, FunctionNode | ast.ClassDef | ast.Module)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in nodes_of(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, FunctionNode | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and len(node.value) < 80
            and id(node) not in docstrings
        ):
            yield node.value


def _causal(trace: Trace) -> bool:
    owners = {load.owner for load in model_loads(trace) if "Tokenizer" not in load.owner and "Config" not in load.owner}
    return any("CausalLM" in owner or "LMHead" in owner for owner in owners) and not any(
        "Classification" in owner or "Seq2Seq" in owner for owner in owners
    )


class MET002(Rule):
    """Predicted tokens are compared with labels that are one ahead."""

    name = "unshifted-logits"
    criterion = 11
    categories: ClassVar[tuple[str, ...]] = ("metric-invalid",)
    doc = Doc(
        what="The argmax of a causal language model's logits compared with the labels position by position.",
        why="Logits at position i predict token i + 1: the accuracy measures whether the model repeats its input.",
        example='preds = logits.argmax(-1); correct = (preds == batch["labels"])[mask]',
        instead='preds = logits[:, :-1].argmax(-1); labels = batch["labels"][:, 1:]',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        traces = [trace for trace in repo.traces("main", "train") if _causal(trace)]
        if not traces:
            return
        reached = entered(traces)
        for source in (source for source in repo.sources.values() if "argmax" in source.text):
            for function in functions(source.tree):
                node = self._unshifted(function)
                if node is not None and (source.path, function.lineno) in reached:
                    yield self.finding(
                        (
                            "the logits of a causal language model are compared with labels of the same position, "
                            "not of the next"
                        ),
                        source.place(node),
                        evidence=source.quote(node),
                        fix="shift: logits[:, :-1] against labels[:, 1:]",
                    )

    @staticmethod
    def _unshifted(function: FunctionNode) -> ast.AST | None:
        nodes = own_nodes(function)
        if not any(isinstance(node, ast.Attribute) and node.attr == "argmax" for node in nodes):
            return None
        words = ast.unparse(function)
        if "shift" in words or "-100" not in words or re.search(r":-1\]|:-1,|\b1:\]|\b1:,", words):
            return None
        compared = any(
            isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq) for op in node.ops) for node in nodes
        )
        for node in nodes:
            if isinstance(node, ast.Call) and compared and "labels" in words:
                called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                if called == "argmax":
                    owner = (
                        node.args[0]
                        if isinstance(node.func, ast.Attribute)
                        and isinstance(node.func.value, ast.Name)
                        and node.func.value.id in {"torch", "np"}
                        and node.args
                        else node.func.value
                        if isinstance(node.func, ast.Attribute)
                        else None
                    )
                    if owner is not None and not isinstance(owner, ast.Subscript) and "logits" in ast.unparse(owner):
                        return node
        return None
