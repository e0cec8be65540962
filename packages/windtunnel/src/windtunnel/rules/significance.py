"""Significance tests of the evaluation: whether there is one, and whether it can say anything (criterion 8)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Place, Severity
from windtunnel.reading.nodes import called, walk
from windtunnel.rehearsal.joining import options
from windtunnel.rehearsal.values import Mapping_, Sequence_, Value, join_tags
from windtunnel.rules.base import Doc, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

_EVALUATE = "src/evaluate.py"
_TESTS = frozenset(
    {
        "ttest_ind",
        "ttest_rel",
        "ttest_1samp",
        "ttest_ind_from_stats",
        "mannwhitneyu",
        "wilcoxon",
        "kruskal",
        "f_oneway",
        "bootstrap",
        "permutation_test",
        "mcnemar",
        "binomtest",
        "binom_test",
        "friedmanchisquare",
        "ks_2samp",
        "chi2_contingency",
        "fisher_exact",
    }
)
# tests that are written by hand, or go by another name
_WORDS = ("p_val", "p-val", "pval", "bootstrap", "permut", "confidence_interval", "mcnemar")
# tests that count rows and not runs: one run of each method is enough for them
_OF_ROWS = ("bootstrap", "mcnemar", "permutation", "binomtest")


class EVA003(Rule):
    """A significance test that says nothing."""

    name = "vacuous-test"
    criterion = 8
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("stat-test-vacuous",)
    source = "rehearsal"
    doc = Doc(
        what="No statistical test at all; a test on one value per group; a test behind a condition that a design with "
        "one run per method never meets.",
        why="With one value per group the p-value is NaN, or the test is skipped: the promised significance is never "
        "there.",
        example="stats.ttest_ind([accuracy_a], [accuracy_b])",
        instead="a paired test over seeds or over the predictions of the same rows",
        limits="How many values a history or a file holds is not known; a test on them is taken to be meaningful.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        """Yield what is wrong."""
        source = repo.source(_EVALUATE)
        if source.is_empty or source.errors:
            return
        words = " ".join(identifiers(source)).lower()
        calls = [node for node in source.nodes if isinstance(node, ast.Call) and called(node) in _TESTS]
        if not calls:
            if not any(word in words for word in _WORDS):
                yield self.finding(
                    "no statistical significance test is made",
                    Place(_EVALUATE, 1, 1),
                    fix="compare the methods with a paired test over seeds or predictions",
                )
            return
        single = [node for node in calls if _of_single_values(repo, node)]
        if not single and any(word in words for word in _OF_ROWS):
            return
        if single:
            calls = single
        vacuous = [(node, message) for node in calls if (message := _vacuous(repo, source.tree, node))]
        if len(vacuous) == len(calls):
            node, message = vacuous[0]
            yield self.finding(
                message,
                source.place(node),
                evidence=source.quote(node),
                fix="test over seeds or over the predictions of the same rows, of which there are many for each run",
            )


def _vacuous(repo: Repo, tree: ast.Module, node: ast.Call) -> str:
    """Why a test can say nothing, "" if it may say something."""
    trace = repo.evaluation
    events = _tests(repo, node)
    if not events:
        if trace.ended or trace.crashes > 1:
            return ""
        return "this significance test is never reached with one run per method"
    groups: list[Value] = [value for event in events for value in event.data["args"][:2]]
    if groups and all(_at_most_one(value) for value in groups):
        return "this significance test gets one value per group"
    alone = _smallest_group(repo) < 2
    if alone and groups and all(_from_summaries(value) for value in groups):
        return "this significance test gets one value per run, and a method has one run"
    if alone and _guarded_by_length(tree, node):
        return "this significance test needs two values per group, and the design has one run per method"
    return ""


def _tests(repo: Repo, node: ast.Call) -> list[Event]:
    return [
        event
        for event in repo.evaluation.of("call", "method")
        if event.node is node and str(event.data["name"]).rsplit(".", 1)[-1] in _TESTS
    ]


def _of_single_values(repo: Repo, node: ast.Call) -> bool:
    """Whether a test for two groups gets one value of each whenever it is reached."""
    groups = [value for event in _tests(repo, node) for value in event.data["args"][:2]]
    return called(node).startswith(("ttest_ind", "ttest_rel")) and bool(groups) and all(map(_at_most_one, groups))


def identifiers(source: Source) -> list[str]:
    """The names, keywords and texts without spaces of a file: what code says, and not its prose."""
    found: list[str] = []
    for node in source.nodes:
        if isinstance(node, ast.Name):
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            found.append(node.attr)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(node.name)
        elif isinstance(node, ast.keyword) and node.arg:
            found.append(node.arg)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            found.append(node.value)
    return found


def _at_most_one(value: Value) -> bool:
    return all(
        isinstance(option, Sequence_) and not option.more and len(option.items) <= 1 for option in options(value)
    )


def _from_summaries(value: Value) -> bool:
    """Whether a group was gathered from summaries of runs, which hold one value of each metric."""
    tags = _tags(value)
    return "wandb:summary" in tags and "wandb:history" not in tags


def _tags(value: Value, depth: int = 4) -> frozenset[str]:
    parts: list[Value] = []
    if isinstance(value, Sequence_) and depth:
        parts = [*value.items[:8], *([value.item] if value.item else [])]
    elif isinstance(value, Mapping_) and depth:
        parts = [*list(value.items.values())[:8], *([value.item] if value.item else [])]
    return join_tags([value]).union(*(_tags(part, depth - 1) for part in parts))


def _smallest_group(repo: Repo) -> int:
    """The fewer of the runs of the proposed method and of the others."""
    proposed = sum("proposed" in run.run_id.lower() for run in repo.runs)
    return min(proposed, len(repo.runs) - proposed)


def _guarded_by_length(tree: ast.Module, call: ast.Call) -> bool:
    """Whether the call stands under ``if len(x) >= 2`` or ``> 1``."""
    for node in walk(tree):
        if isinstance(node, ast.If) and any(inner is call for statement in node.body for inner in walk(statement)):
            for test in walk(node.test):
                if (
                    isinstance(test, ast.Compare)
                    and isinstance(test.left, ast.Call)
                    and getattr(test.left.func, "id", "") == "len"
                    and isinstance(test.comparators[0], ast.Constant)
                    and isinstance(test.comparators[0].value, int)
                    and test.comparators[0].value >= 1
                    and isinstance(test.ops[0], ast.Gt | ast.GtE)
                ):
                    return True
    return False
