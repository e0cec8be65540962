"""What modes change: a mode that there is, a full run that is whole, a trial of the same method (criterion 9)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.values import Const
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import place, quote
from windtunnel.rules.trial_branches import asks_for_trial, reduces, trained_batches, trial_flags, trial_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

MODES = frozenset({"trial", "full"})
_CONFIG = re.compile(r"(self\.|\w+\.)?_?(cfg|config|conf|args|opts?)(\.run)?")
_LENGTH = re.compile(
    r"(^|\.)(n_trials|(num_)?(train_)?epochs|(max|total|num)_(train_)?(steps|samples|examples|rows)|limit\w*|max_batches)$"
)
_METHOD = re.compile(r"(^|\.)(method|method_name|algorithm|variant|peft\.type|method_type)$")
_EVALUATED = re.compile(r"eval|val|test|dev|further|held", re.IGNORECASE)
_SHORTENS = re.compile(
    r"batches|steps|limit|subset|max_(train_)?(samples|examples|rows)|num_(train_)?(samples|examples)"
)


class MDE010(Rule):
    """The mode is compared with a mode that there is not."""

    name = "mode-that-there-is-not"
    criterion = 9
    severity = Severity.WARNING
    doc = Doc(
        what="A comparison of the configuration's `mode` with a word other than 'trial' and 'full', or with both.",
        why="The branch is taken in no mode, or in both: trial is then as long as full, or full as short as trial.",
        example='if cfg.mode == "debug": cfg.training.epochs = 1',
        instead='if cfg.mode == "trial": cfg.training.epochs = 1',
        limits="A condition that leads to an error is a check of the mode and left alone.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for source in repo.sources.values():
            refused, checked = _refusing(source, "body"), _refusing(source, "orelse")
            for node in source.nodes:
                if not isinstance(node, ast.Compare) or not _is_mode(node.left) or id(node) in refused:
                    continue
                words = _words(node.comparators[0])
                both = len(node.ops) == 1 and isinstance(node.ops[0], ast.In) and words >= MODES
                wrong = sorted(words - MODES - {""})
                if both and id(node) in checked:
                    continue
                if both:
                    message = "the condition holds in trial and in full mode alike"
                elif wrong and (isinstance(node.ops[0], ast.Eq | ast.NotEq) or not words & MODES):
                    message = f"the mode is compared with {wrong[0]!r}, and it is 'trial' or 'full'"
                else:
                    continue
                yield self.finding(
                    message,
                    source.place(node),
                    evidence=source.quote(node),
                    fix='compare with "trial" or with "full"',
                )


def _is_mode(node: ast.expr) -> bool:
    """Whether an expression is the mode of the command line: ``cfg.mode``, ``cfg["mode"]``, ``cfg.get("mode")``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"lower", "strip"}:
        return _is_mode(node.func.value)
    if isinstance(node, ast.Attribute) and node.attr == "mode":
        owner: ast.expr = node.value
    elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == "mode":
        owner = node.value
    elif (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "get"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == "mode"
    ):
        owner = node.func.value
    else:
        return False
    return bool(_CONFIG.fullmatch(ast.unparse(owner)))


def _words(node: ast.expr) -> set[str]:
    parts = node.elts if isinstance(node, ast.Set | ast.Tuple | ast.List) else [node]
    return {part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)}


def _refusing(source: Source, branch: str) -> set[int]:
    """The comparisons in conditions of which a branch leads to an error, by identity."""
    return {
        id(inner)
        for node in source.nodes
        if isinstance(node, ast.Assert)
        or (isinstance(node, ast.If) and any(_ends(statement) for statement in getattr(node, branch)))
        for inner in walk(node.test)
    }


def _ends(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Raise) or (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Call)
        and ast.unparse(statement.value.func) in {"sys.exit", "exit", "parser.error"}
    )


class MDE011(Rule):
    """A full run is cut short."""

    name = "full-run-cut-short"
    criterion = 9
    source = "rehearsal"
    doc = Doc(
        what="Fewer epochs, steps, rows or trials than the run's configuration has, set in full mode.",
        why="The full run is then as brief as a trial, and its results are those of a trial.",
        example='if cfg.mode == "full": cfg.optuna.n_trials = 0',
        instead='if cfg.mode == "trial": cfg.optuna.n_trials = 0',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace, event, before, after in _changed(repo, "full", _LENGTH):
            numbers = [value for value in (before, after) if isinstance(value, int) and not isinstance(value, bool)]
            if str(event.data["key"]).endswith("n_trials") and _searched(trace, event):
                continue  # what is done is not to be done again
            if len(numbers) == 2 and numbers[1] < numbers[0]:
                yield self.finding(
                    f"full mode sets {event.data['key']} to {after}, and the run's configuration has {before}",
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix="set it in trial mode only",
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=("full",),
                )


def _searched(trace: Trace, event: Event) -> bool:
    return any(other.kind == "optimized" for other in trace.events[: trace.events.index(event)])


class MDE012(Rule):
    """A trial tries another method than the run's."""

    name = "trial-of-another-method"
    criterion = 9
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("trial-coverage-gap",)
    doc = Doc(
        what="Trial mode gives the key that chooses the method another value than the run's configuration has.",
        why="The trial then proves nothing about the run that it stands for.",
        example='if cfg.mode == "trial": cfg.method_name = "LoRA"',
        instead='if cfg.mode == "trial": cfg.training.epochs = 1',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace, event, before, after in _changed(repo, "trial", _METHOD):
            if isinstance(before, str) and isinstance(after, str):
                yield self.finding(
                    f"trial mode sets {event.data['key']} to {after!r}, and the run's configuration has {before!r}",
                    place(repo, event),
                    evidence=quote(repo, event),
                    fix="try the run's own method",
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=("trial",),
                )


def _changed(repo: Repo, mode: str, keys: re.Pattern[str]) -> Iterator[tuple[Trace, Event, object, object]]:
    """Where a mode gives a key a constant other than the configured value: one for each place."""
    seen: set[tuple[str, int]] = set()
    for trace in repo.traces("main", "train"):
        for event in trace.of("write") if trace.mode == mode else ():
            key, value = str(event.data["key"]), event.data["value"]
            if not keys.search(key) or not event.certain or event.trial or not isinstance(value, Const) or value.origin:
                continue
            before = repo.configured(key, trace.run_id)
            if before is not None and before != value.value and (event.path, event.line) not in seen:
                seen.add((event.path, event.line))
                yield trace, event, before, value.value


class MDE013(Rule):
    """A trial trains on everything although it evaluates on little."""

    name = "trial-trains-on-everything"
    criterion = 9
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("trial-coverage-gap",)
    doc = Doc(
        what="Trial mode that cuts the evaluated rows and neither the rows, the batches nor the steps of training.",
        why="The trial takes as long as an epoch.",
        example='if cfg.mode == "trial": evaluation = evaluation.select(range(8))',
        instead='if cfg.mode == "trial": train, evaluation = train.select(range(8)), evaluation.select(range(8))',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        trials = [trace for trace in repo.traces("main", "train") if trace.mode == "trial"]
        if trained_batches(repo) or any(
            _SHORTENS.search(str(event.data["key"])) and not _EVALUATED.search(str(event.data["key"]))
            for trace in trials
            for event in trace.of("write")
        ):
            return
        cuts: list[tuple[Source, ast.AST]] = []
        for source in repo.sources.values():
            if source.path == "src/evaluate.py":
                continue
            flags = trial_flags(source)
            if any(
                isinstance(node, ast.keyword | ast.IfExp)
                and asks_for_trial(node.test if isinstance(node, ast.IfExp) else node, flags)
                for node in source.nodes
            ):
                return  # a limit that is told in another way
            for statement in trial_statements(source):
                cuts += [(source, statement)] if any(reduces(node) for node in walk(statement)) else []
                if isinstance(statement, ast.Return | ast.Break | ast.Raise):
                    return
        if cuts and all(_of_evaluated(cut) for _, cut in cuts):
            source, cut = cuts[0]
            yield self.finding(
                "trial mode cuts what is evaluated, and trains on all rows",
                source.place(cut),
                evidence=source.quote(cut),
                fix="limit the training rows or batches in trial mode, too",
                modes=("trial",),
            )


def _of_evaluated(cut: ast.AST) -> bool:
    """Whether a statement gives only names of evaluated rows another value."""
    if not isinstance(cut, ast.Assign):
        return False
    target = cut.targets[0]
    names = target.elts if isinstance(target, ast.Tuple) else [target]
    return all(_EVALUATED.search(ast.unparse(name)) for name in names)
