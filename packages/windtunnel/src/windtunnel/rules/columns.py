"""Columns of datasets: the names and types that the code expects are those that are there (criterion 3)."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Finding, Place, Severity
from windtunnel.reading.nodes import walk
from windtunnel.rehearsal.values import Const, Text, Thing, Value
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.gathering import Group, gather, quote
from windtunnel.rules.loaded import things, where

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.rehearsal import Event
    from windtunnel.repo import Repo

_TEXT_METHODS = frozenset(
    {
        "strip",
        "split",
        "lower",
        "upper",
        "replace",
        "startswith",
        "endswith",
        "format",
        "lstrip",
        "rstrip",
        "splitlines",
        "encode",
        "join",
    }
)


def _columns(dataset: object) -> dict[str, str] | None:
    found = dataset.data.get("columns") if isinstance(dataset, Thing) else None
    return found if isinstance(found, dict) else None


def _name_of(dataset: object) -> str:
    load = dataset.data.get("load") if isinstance(dataset, Thing) else None
    name = load.plain(0, "path") if load is not None else None
    return f"the dataset {name!r}" if isinstance(name, str) else "the dataset"


def _loaded_at(repo: Repo, group: Group, dataset: object) -> tuple[Place, ...]:
    """Where the dataset of an event was loaded."""
    load = dataset.data.get("load") if isinstance(dataset, Thing) else None
    for event in group.trace.of("call"):
        if load is not None and event.node is load.node:
            return (where(repo, event),)
    return ()


class DAT011(Rule):
    """A column is read that the dataset does not have."""

    name = "column-that-does-not-exist"
    criterion = 3
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("dataset-schema", "tokenize-collate", "hf-dataset-ref")
    doc = Doc(
        what="A column name that is not in the dataset at that point: never was, was renamed, or was removed before.",
        why="KeyError in the first call of `map`, or in the first batch.",
        example='raw = load_dataset("openai/gsm8k", "main"); raw["train"].map(lambda row: tokenizer(row["text"]))',
        instead='raw["train"].map(lambda row: tokenizer(row["question"]))',
        limits="Only datasets whose columns the hub table has, followed through map, rename and remove.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> tuple[int, str] | None:
            columns = _columns(event.data["dataset"])
            name = event.data["column"]
            if not event.certain:  # a branch for datasets of another shape
                return None
            return (event.line, name) if columns is not None and isinstance(name, str) and name not in columns else None

        for group in gather(repo.traces("main", "train", "evaluate"), ["column", "feature"], key):
            dataset, name = group.first.data["dataset"], group.first.data["column"]
            shown = ", ".join(map(repr, list(_columns(dataset) or {})[:10])) or "none"
            yield self.finding(
                f"{_name_of(dataset)} has no column {name!r} here; it has {shown}",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="read a column that is there at this point",
                related=_loaded_at(repo, group, dataset),
                runs=group.runs,
                modes=group.modes,
            )


class DAT012(Rule):
    """Class names are asked of a column that has none."""

    name = "class-names-that-do-not-exist"
    criterion = 3
    source = "table"
    categories: ClassVar[tuple[str, ...]] = ("dataset-schema",)
    doc = Doc(
        what="`features[column].names` or `.num_classes` of a column that is no ClassLabel.",
        why="AttributeError: 'Value' object has no attribute 'names' (for lists of labels: ask `.feature.names`).",
        example='num_labels = raw["train"].features["label"].num_classes   # label is int64',
        instead='num_labels = len(set(raw["train"]["label"]))',
        limits="Only columns whose type the hub table has.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> tuple[int, str] | None:
            receiver = event.data.get("receiver")
            if (
                event.data["name"] not in {"names", "num_classes"}
                or not isinstance(receiver, Thing)
                or receiver.type != "feature"
            ):
                return None
            kind = (_columns(receiver.data.get("dataset")) or {}).get(str(receiver.data.get("column")), "")
            return (event.line, kind) if kind and kind != "class" else None

        for group in gather(repo.traces("main", "train", "evaluate"), ["attribute"], key):
            receiver = group.first.data["receiver"]
            kind = (_columns(receiver.data.get("dataset")) or {})[receiver.data["column"]]
            yield self.finding(
                f"the column {receiver.data['column']!r} is of type {kind!r} and has no class names",
                where(repo, group.first),
                evidence=quote(repo, group.first),
                fix="features[column].feature.names"
                if kind.startswith("list<class")
                else "count or list the classes yourself",
                severity=Severity.BLOCKER if group.certain else Severity.WARNING,
                related=_loaded_at(repo, group, receiver.data.get("dataset")),
                runs=group.runs,
            )


class DAT013(Rule):
    """A list is used where text is expected."""

    name = "list-taken-for-text"
    criterion = 3
    source = "rehearsal"
    categories: ClassVar[tuple[str, ...]] = ("dataset-schema", "tokenize-collate")
    doc = Doc(
        what=(
            "A column of chat messages (a list of role and content) or a whole column of a batch "
            "(`map(batched=True)`) that is added to a string, asked for a method of strings, or put into an "
            "f-string."
        ),
        why="TypeError or AttributeError in the first row, or the text of a whole list is tokenised as one example.",
        example='dataset.map(lambda batch: tokenizer("Question: " + batch["question"]), batched=True)',
        instead=(
            'dataset.map(lambda batch: tokenizer(["Question: " + text for text in batch["question"]]), batched=True)'
        ),
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        yield from self._uses(repo)
        yield from self._formatted(repo)

    def _uses(self, repo: Repo) -> Iterator[Finding]:
        def key(event: Event) -> tuple[int, str] | None:
            value = self._misused(event)
            return (event.line, str(value.data["column"][1])) if value is not None else None

        for group in gather(repo.traces("main", "train", "evaluate"), ["add", "method", "invoke"], key):
            value = self._misused(group.first)
            if value is not None:
                yield self._report(repo, group, value)

    def _report(self, repo: Repo, group: Group, value: Thing) -> Finding:
        dataset, column = value.data["column"]
        if value.data.get("batched"):
            what, fix = (
                f"with batched=True the column {column!r} is a list of rows, and is used as one text",
                "go through the rows of the batch, or leave batched=True out",
            )
        else:
            what = (
                f"the column {column!r} of {_name_of(dataset)} holds lists ({value.data['kind']}), and is used as text"
            )
            fix = (
                "turn the messages into text first (tokenizer.apply_chat_template, or the content of the last message)"
            )
        return self.finding(
            what,
            where(repo, group.first),
            evidence=quote(repo, group.first),
            fix=fix,
            severity=Severity.BLOCKER
            if any(not event.guarded for _, event in group.events) and self._sure(group)
            else Severity.WARNING,
            related=_loaded_at(repo, group, dataset),
            runs=group.runs,
            modes=group.modes,
        )

    @staticmethod
    def _sure(group: Group) -> bool:
        # under a condition it may never be reached, but a column of messages is one in every row
        return group.certain or any(event.kind == "add" for _, event in group.events)

    @staticmethod
    def _misused(event: Event) -> Thing | None:
        if event.kind == "add":
            left, right = event.data["left"], event.data["right"]
            for value, other in ((left, right), (right, left)):
                for thing in things(value):
                    listed = thing.data.get("batched") or str(thing.data.get("kind", "")).startswith("list<")
                    if listed and "column" in thing.data and not _is_list(other):
                        return thing
        elif event.kind == "method":
            receiver = event.data["receiver"]
            if (
                isinstance(receiver, Thing)
                and receiver.type == "list"
                and "column" in receiver.data
                and event.data["name"] in _TEXT_METHODS
            ):
                return receiver
        elif event.data.get("type") == "transformers.PreTrainedTokenizerBase":
            for value in event.data["args"][:1]:
                for thing in things(value):
                    if thing.data.get("kind") == "list<message>" and "column" in thing.data:
                        return thing
        return None

    def _formatted(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for trace in repo.traces("main", "train", "evaluate"):
            for event in trace.of("mapped"):
                function = event.data["function"]
                batched = event.data["keywords"].get("batched")
                if not (isinstance(batched, Const) and batched.value is True) or not hasattr(function, "node"):
                    continue
                source = repo.sources.get(function.path)
                for node in _formatted_columns(function.node):
                    if source is None or (function.path, node.lineno) in seen:
                        continue
                    seen.add((function.path, node.lineno))
                    yield self.finding(
                        f"with batched=True {ast.unparse(node.value)} is a list of rows, and is formatted as one text",
                        source.place(node),
                        evidence=source.quote(node),
                        fix="go through the rows of the batch, or leave batched=True out",
                        severity=Severity.BLOCKER if event.certain else Severity.WARNING,
                        runs=(trace.run_id,) if trace.run_id else (),
                    )


def _formatted_columns(function: ast.AST) -> Iterator[ast.FormattedValue]:
    """``f"{batch['column']}"`` outside a loop over the rows."""
    arguments = getattr(function, "args", None)
    if arguments is None or not arguments.args:
        return
    name = next((argument.arg for argument in arguments.args if argument.arg != "self"), "")
    for node in walk(function):
        if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Subscript):
            owner, key = node.value.value, node.value.slice
            if (
                isinstance(owner, ast.Name)
                and owner.id == name
                and isinstance(key, ast.Constant)
                and isinstance(key.value, str)
            ):
                yield node


def _is_list(value: Value) -> bool:
    from windtunnel.rehearsal.values import Sequence_  # noqa: PLC0415

    found = [value, *things(value)]
    texts = any(
        isinstance(option, Text) or (isinstance(option, Const) and isinstance(option.value, str))
        for option in getattr(value, "values", (value,))
    )
    return not texts and any(
        isinstance(option, Sequence_) or (isinstance(option, Thing) and option.type == "list") for option in found
    )


class DAT014(Rule):
    """A row is iterated where a column is meant, or the reverse."""

    name = "rows-taken-for-columns"
    criterion = 3
    categories: ClassVar[tuple[str, ...]] = ("tokenize-collate", "dataset-schema")
    doc = Doc(
        what=(
            "A loop over the batch of `map(batched=True)` itself, whose items are column names and not rows; a loop "
            "over a text column of a single row, whose items are characters."
        ),
        why="TypeError (string indices must be integers), or every character becomes an example.",
        example=(
            "def encode(batch):\n    return [tokenizer(row['text']) for row in batch]\ndata.map(encode, batched=True)"
        ),
        instead="def encode(batch):\n    return tokenizer(batch['text'])",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        seen: set[tuple[str, int]] = set()
        for trace in repo.traces("main", "train", "evaluate"):
            for event in trace.of("mapped"):
                function, dataset = event.data["function"], event.data["dataset"]
                if not hasattr(function, "node") or event.data["how"] != "map":
                    continue
                batched = event.data["keywords"].get("batched")
                if batched is not None and not isinstance(batched, Const):
                    continue
                source = repo.sources.get(function.path)
                wrong = (
                    _key_loops(function.node)
                    if batched is not None and batched.value is True
                    else _letter_loops(function.node, _columns(dataset) or {})
                )
                for node, what, fix in wrong:
                    if source is None or (function.path, node.lineno) in seen:
                        continue
                    seen.add((function.path, node.lineno))
                    yield self.finding(
                        what,
                        source.place(node),
                        evidence=source.quote(node),
                        fix=fix,
                        severity=Severity.BLOCKER if event.certain else Severity.WARNING,
                        related=(where(repo, event),),
                        runs=(trace.run_id,) if trace.run_id else (),
                    )


def _parameter(function: ast.AST) -> str:
    arguments = getattr(function, "args", None)
    return (
        next((argument.arg for argument in arguments.args if argument.arg != "self"), "")
        if arguments is not None
        else ""
    )


def _loops(function: ast.AST) -> Iterator[tuple[ast.expr, ast.expr, list[ast.AST]]]:
    """(Target, iterable, body) of loops and comprehensions."""
    for node in walk(function):
        if isinstance(node, ast.For):
            yield node.target, node.iter, list(node.body)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            for generator in node.generators:
                yield generator.target, generator.iter, [node.elt]
        elif isinstance(node, ast.DictComp):
            for generator in node.generators:
                yield generator.target, generator.iter, [node.key, node.value]


def _key_loops(function: ast.AST) -> Iterator[tuple[ast.expr, str, str]]:
    name = _parameter(function)
    for target, iterable, body in _loops(function):
        if not (isinstance(iterable, ast.Name) and iterable.id == name and isinstance(target, ast.Name)):
            continue
        for inner in (inner for part in body for inner in walk(part)):
            if (
                isinstance(inner, ast.Subscript)
                and isinstance(inner.value, ast.Name)
                and inner.value.id == target.id
                and isinstance(inner.slice, ast.Constant)
                and isinstance(inner.slice.value, str)
            ):
                what = (
                    f"{name!r} is a batch, a mapping of columns: this loop goes over column names, "
                    f"and {ast.unparse(inner)} asks a name for an item"
                )
                yield iterable, what, "read the columns (batch['text'] is a list), or leave batched=True out"
                break


def _letter_loops(function: ast.AST, columns: dict[str, str]) -> Iterator[tuple[ast.expr, str, str]]:
    name = _parameter(function)
    for _, iterable, _ in _loops(function):
        parts = (
            iterable.args
            if isinstance(iterable, ast.Call)
            and isinstance(iterable.func, ast.Name)
            and iterable.func.id in {"zip", "enumerate"}
            else [iterable]
        )
        for part in parts:
            if (
                isinstance(part, ast.Subscript)
                and isinstance(part.value, ast.Name)
                and part.value.id == name
                and isinstance(part.slice, ast.Constant)
                and columns.get(str(part.slice.value)) == "string"
            ):
                what = f"without batched=True {ast.unparse(part)} is one text, and this loop goes over its characters"
                yield part, what, "pass batched=True to map, or handle one row"
                break
