"""Metrics on generated answers: long enough, padded on the right side, compared with the right gold (criterion 11)."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rehearsal.values import Const, Thing
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import gather, quote
from windtunnel.rules.labels import functions, nodes_of, own_nodes
from windtunnel.rules.loaded import dataset_loads, plain, prompt_of, text, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.rehearsal import Event, Trace
    from windtunnel.repo import Repo


_RATIONALES = re.compile(r"(^|/)(gsm8k|gsm-8k|math|hendrycks_math|competition_math|svamp|aqua_rat)$", re.IGNORECASE)


_ANSWER_MARK = "####"  # what GSM8K puts before the final number


_OF_DATASETS = frozenset({"__init__", "__getitem__"})  # of Dataset classes of the submission, which tokenise there
_FEW_TOKENS = 64  # a rationale of GSM8K takes 100 tokens and more; chosen by us


_LEFT = re.compile(r"padding_side\s*=\s*[\"']left|\]\s*\*\s*\w+\s*\+|padding_side\s*:\s*left|\.flip\(")


def _generates(repo: Repo) -> set[str]:
    """The names of functions that generate."""
    return {
        function.name
        for source in repo.sources.values()
        for function in functions(source.tree)
        if any(isinstance(node, ast.Attribute) and node.attr == "generate" for node in own_nodes(function))
    }


def _loads_rationales(trace: Trace) -> str:
    for load in dataset_loads(trace):
        name = text(load.id)
        if name and _RATIONALES.search(name):
            return name
    return ""


class MET003(Rule):
    """Too few tokens are generated for an answer that ends a rationale."""

    name = "too-few-new-tokens"
    criterion = 11
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("metric-invalid",)
    doc = Doc(
        what="`generate` with 64 new tokens or fewer on GSM8K or MATH, by a model that is trained on whole rationales.",
        why="Generation ends before the answer: exact match is about 0 whatever the model has learned.",
        example="model.generate(**inputs, max_new_tokens=32)",
        instead="max_new_tokens=256, or train and ask for the final number alone",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> int | None:
            tokens = plain(event.data["keywords"].get("max_new_tokens"))
            return (
                event.line
                if event.data["name"] == "generate" and isinstance(tokens, int) and tokens <= _FEW_TOKENS
                else None
            )

        marked = {
            (source.path, function.lineno)
            for source in repo.sources.values()
            if _ANSWER_MARK in source.text
            for function in functions(source.tree)
            if _knows_mark(function)
        }
        traces = [
            trace
            for trace in repo.traces("main", "train")
            if _loads_rationales(trace) and not _answers_alone(trace, marked)
        ]
        for group in gather(traces, ["method"], key):
            yield self.finding(
                (
                    f"{plain(group.first.data['keywords']['max_new_tokens'])} new tokens are too few for the "
                    f"rationales of {_loads_rationales(group.trace)!r}, which the model is trained to give before "
                    "the answer"
                ),
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="generate 256 tokens or more, or train on the final answer alone",
                runs=group.runs,
            )


def _answers_alone(trace: Trace, marked: set[tuple[str, int]]) -> bool:
    """Whether the final answer is cut out where rows are tokenised: a function that knows its mark is entered there."""
    tokenising = {getattr(event.data["function"], "name", "") for event in trace.of("mapped")} | _OF_DATASETS
    return any(
        (event.path, event.line) in marked and {name.rsplit(".", 1)[-1] for name in event.stack} & tokenising
        for event in trace.of("enter")
    )


def _knows_mark(function: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and _ANSWER_MARK in node.value
        for node in own_nodes(function)
    )


class MET004(Rule):
    """A whole rationale is compared for an exact match."""

    name = "gold-answer-not-extracted"
    criterion = 11
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("metric-invalid",)
    doc = Doc(
        what=(
            "Exact match on GSM8K where no code takes the final number out of the gold answer (it stands after '####')."
        ),
        why="No generated text equals the whole gold rationale letter by letter: the metric is 0 in every run.",
        example='correct += normalise(prediction) == normalise(row["answer"])',
        instead='gold = row["answer"].split("####")[-1].strip()',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        constants = [
            node.value
            for source in repo.sources.values()
            for node in source.nodes
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value.strip()
        ]
        if any(_ANSWER_MARK in constant for constant in constants) or any(
            self._finds_numbers(source.tree) for source in repo.sources.values()
        ):
            return
        evaluating = _generates(repo)

        def key(event: Event) -> str | None:
            return (
                "generate"
                if event.data["name"] == "generate" and event.stack and event.stack[-1].rsplit(".", 1)[-1] in evaluating
                else None
            )

        for group in gather(
            (trace for trace in repo.traces("main", "train") if _loads_rationales(trace).lower().endswith("gsm8k")),
            ["method"],
            key,
        ):
            yield self.finding(
                (
                    "what is generated here is compared with whole rationales of GSM8K: nothing takes the final "
                    "number out of the gold answer"
                ),
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix='compare final numbers: gold = answer.split("####")[-1], and the last number of the prediction',
                severity=Severity.BLOCKER if group.certain else Severity.WARNING,
                runs=group.runs,
            )

    @staticmethod
    def _finds_numbers(tree: ast.AST) -> bool:
        finders = {"findall", "search", "match", "finditer", "compile", "fullmatch"}
        patterns = [
            argument.value
            for node in nodes_of(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in finders
            for argument in node.args
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
        ]
        return any("\\d" in pattern or "0-9" in pattern for pattern in patterns)


class MET005(Rule):
    """Prompts are padded on the right for generation."""

    name = "right-padded-generation"
    criterion = 11
    severity = Severity.WARNING
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("metric-invalid",)
    doc = Doc(
        what="`generate` of a decoder-only model on a padded batch, with no left padding anywhere in the code.",
        why="The model continues after padding tokens: shorter prompts of the batch give nonsense.",
        example='tokenizer(prompts, padding=True, return_tensors="pt")   # padding_side is "right"',
        instead='tokenizer.padding_side = "left"',
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        if any(_LEFT.search(source.text) for source in repo.sources.values()):
            return

        def key(event: Event) -> int | None:
            return event.line if event.data["name"] == "generate" and self._padded(event) else None

        for group in gather(repo.traces("main", "train"), ["method"], key):
            yield self.finding(
                "a decoder-only model generates from a batch that is padded on the right",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix='pad prompts on the left: tokenizer.padding_side = "left"',
                runs=group.runs,
            )

    @staticmethod
    def _padded(event: Event) -> bool:
        value = prompt_of(event)
        if value is None:
            return False
        if "batch_field" in value.data:
            loader = value.data["batch_field"][0]
            call = loader.data.get("call") if isinstance(loader, Thing) else None
            size = call.keywords.get("batch_size") if call is not None else None
            return not (isinstance(size, Const) and size.value == 1)
        encoding = value.data.get("encoded")
        padding = encoding[0].data["call"].keywords.get("padding") if encoding is not None else None
        return isinstance(padding, Const) and padding.value in {True, "longest", "max_length"}
