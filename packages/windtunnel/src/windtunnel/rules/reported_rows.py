"""The rows that are reported: nothing is trained on them, nothing is chosen by them, labels stay out of inputs."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.reading.nodes import walk
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import quote
from windtunnel.rules.gradients import backwards
from windtunnel.rules.loaded import where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding, Place
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo

_HELD_OUT = re.compile(r"split:(?!train|unsupervised)\w+$")
_TEST = re.compile(r"test")  # LEA001 has these
_LABELS = frozenset({"label", "labels", "label_text", "target", "gold_label"})
_TOKENIZERS = re.compile(r"(^|\.)_?(tokeni[sz]er|tok)$")


def _evaluated(trace: Trace, *, trial: bool) -> dict[str, Event]:
    """The held-out splits whose rows a model is called with where gradients are off, each with the first call."""
    found: dict[str, Event] = {}
    for event in trace.of("invoke"):
        if event.no_grad and event.trial is trial:
            tags = {tag for value in (*event.data["args"], *event.data["keywords"].values()) for tag in value.tags}
            for tag in sorted(tags):
                if _HELD_OUT.match(tag):
                    found.setdefault(tag.removeprefix("split:"), event)
    return found


def _splits_at(repo: Repo, trace: Trace, split: str) -> tuple[Place, ...]:
    """Where a split is taken from its dataset."""
    return tuple(dict.fromkeys(where(repo, event) for event in trace.of("split") if event.data["split"] == split))[:2]


class LEA006(Rule):
    """What is reported is trained on."""

    name = "reported-rows-in-training"
    criterion = 10
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="A backward pass of a loss on rows of a held-out split that the same run evaluates on.",
        why="The score on those rows says nothing about unseen data.",
        example='train = concatenate_datasets([data["train"], data["validation"]])   # and validation is reported',
        instead='train = data["train"]',
        limits="Rows are followed through datasets, loaders and models, not through files.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, int, str]] = set()
        for trace in repo.traces("main", "train"):
            reported = _evaluated(trace, trial=False)
            for event, loss in backwards(trace):
                for split in sorted(tag.removeprefix("split:") for tag in loss.tags if _HELD_OUT.match(tag)):
                    if split not in reported or _TEST.match(split) or (event.path, event.line, split) in seen:
                        continue
                    seen.add((event.path, event.line, split))
                    yield self.finding(
                        f"the loss of this backward pass comes from rows of {split!r}, which the run also evaluates on",
                        where(repo, event),
                        evidence=quote(repo, event),
                        fix="train on rows of the training split alone",
                        related=(*_splits_at(repo, trace, split), where(repo, reported[split])),
                        runs=(trace.run_id,) if trace.run_id else (),
                    )


class LEA007(Rule):
    """Hyperparameters are chosen by the rows that are reported."""

    name = "chosen-by-reported-rows"
    criterion = 10
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="An Optuna objective that is measured on the held-out split that the final run reports.",
        why="The best of many trials on those rows is too good for others: the method with the larger search wins.",
        example='objective: evaluate(model, data["validation"])   # and the final score is of validation, too',
        instead="a slice of the training rows for the trials, the held-out split for the final run",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        for trace in repo.traces("main", "train"):
            chosen, reported = _evaluated(trace, trial=True), _evaluated(trace, trial=False)
            for split in sorted(chosen.keys() & reported.keys()):
                yield self.finding(
                    f"the trials are scored on {split!r}, which the final run reports",
                    where(repo, chosen[split]),
                    evidence=quote(repo, chosen[split]),
                    fix="score the trials on a slice of the training rows",
                    related=(*_splits_at(repo, trace, split), *_objectives(repo, trace)),
                    runs=(trace.run_id,) if trace.run_id else (),
                    modes=(trace.mode,),
                )
                return


def _objectives(repo: Repo, trace: Trace) -> tuple[Place, ...]:
    return tuple(dict.fromkeys(where(repo, event) for event in trace.of("optimized")))[:1]


class LEA008(Rule):
    """The label is part of what a classifier reads."""

    name = "label-in-the-input"
    criterion = 10
    categories: ClassVar[tuple[str, ...]] = ("data-leakage",)
    doc = Doc(
        what="A tokenizer that is given the label column, in code that trains a model for classification.",
        why="The model reads the answer.",
        example='tokenizer([f"{text} label: {label}" for text, label in zip(batch["text"], batch["label"])])',
        instead='tokenizer(batch["text"])',
        limits="Only models for classification: a language model is taught the answer as text.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        text = "\n".join(source.text for source in repo.sources.values())
        if "ForSequenceClassification" not in text or re.search(r"For(CausalLM|Seq2SeqLM|ConditionalGeneration)", text):
            return
        for source in repo.sources.values():
            for node in source.nodes:
                if isinstance(node, ast.Call) and _TOKENIZERS.search(ast.unparse(node.func)):
                    inside = (inner for argument in node.args for inner in walk(argument))
                    label = next((inner for inner in inside if _is_label(inner)), None)
                    if label is not None:
                        yield self.finding(
                            f"the tokenizer is given {ast.unparse(label)}: the model reads the label",
                            source.place(node),
                            evidence=source.quote(node),
                            fix="tokenise the text columns alone",
                        )


def _is_label(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and str(node.slice.value) in _LABELS
