"""Tables of datasets in code: each entry names what its dataset has (criterion 3).

Experiments on several tasks keep a table of them: a dict or a small class with the dataset's id, its config, its splits
and columns. A run that is not rehearsed uses an entry that no other run does.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule
from windtunnel.rules.loaded import hub

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.knowledge.hub import Dataset
    from windtunnel.reading.python import Source
    from windtunnel.repo import Repo

_CONFIG = re.compile(r"config(uration)?(_name)?|subset|name")
_SPLIT = re.compile(r"\w*split\w*")
_COLUMN = re.compile(r"\w*(columns?|cols?|_keys?|_fields?)|(text|label|sentence|premise|hypothesis|question)\d?")


class DAT029(Rule):
    """A table of datasets names what a dataset does not have."""

    name = "wrong-entry-in-a-table-of-datasets"
    criterion = 3
    severity = Severity.WARNING
    categories: ClassVar[tuple[str, ...]] = ("hf-dataset-ref", "dataset-schema")
    doc = Doc(
        what="Dicts, and calls of the submission's own classes, that hold a dataset id of the hub table together with "
        "a config, a split or columns.",
        why="datasets raises in the runs that use the entry.",
        example='TASKS = {"sst2": Task("nyu-mll/glue", "sst-2", columns=("text",))}',
        instead='TASKS = {"sst2": Task("nyu-mll/glue", "sst2", columns=("sentence",))}',
        limits="Only datasets of the hub table; what an entry means is told by the names of its keys or fields.",
    )

    def check(self, repo: Repo) -> Iterator[Finding]:
        table = hub(repo)
        names = _fields_of_classes(repo)
        for source in repo.sources.values():
            for node in source.nodes:
                entry = _entry(node, names)
                texts = [text for value in entry.values() if (text := _text(value)) is not None and "/" in text]
                found = [dataset for text in texts if (dataset := table.dataset(text)) is not None]
                if len(found) == 1:
                    yield from self._held_against(source, entry, found[0])

    def _held_against(self, source: Source, entry: dict[str, ast.expr], dataset: Dataset) -> Iterator[Finding]:
        config = ""
        for name, value in entry.items():
            text = _text(value)
            if not _CONFIG.fullmatch(name) or text is None or text in {dataset.id, dataset.canonical}:
                continue
            if dataset.all_configs and dataset.configs and text not in dataset.configs:
                shown = ", ".join(dataset.configs[:8])
                yield self._wrong(source, value, f"the dataset {dataset.id!r} has no config {text!r}, only {shown}")
                return
            config = text if text in dataset.configs else config
        splits, columns = dataset.splits(config or None), dataset.columns(config or None)
        for name, value in entry.items():
            kind, known = ("split", splits) if _SPLIT.fullmatch(name) else ("column", columns)
            if not known or not (kind == "split" or _COLUMN.fullmatch(name)):
                continue
            for part in value.elts if isinstance(value, ast.Tuple | ast.List) else [value]:
                text = _text(part)
                if text and text.isidentifier() and text not in known:
                    told = f"{dataset.id!r}, config {config!r}," if config else repr(dataset.id)
                    shown = ", ".join(list(known)[:8])
                    yield self._wrong(source, part, f"the dataset {told} has no {kind} {text!r}, only {shown}")

    def _wrong(self, source: Source, node: ast.expr, message: str) -> Finding:
        return self.finding(message, source.place(node), evidence=source.quote(node), fix="name what the dataset has")


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _fields_of_classes(repo: Repo) -> dict[str, list[str]]:
    """The names of the fields of the submission's dataclasses, by class name."""
    found: dict[str, list[str]] = {}
    for source in repo.sources.values():
        for node in source.nodes:
            if isinstance(node, ast.ClassDef):
                names = [
                    part.target.id
                    for part in node.body
                    if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
                ]
                if names:
                    found[node.name] = names
    return found


def _entry(node: ast.AST, names: dict[str, list[str]]) -> dict[str, ast.expr]:
    """The named values of a dict, or of a call of one of the submission's dataclasses."""
    if isinstance(node, ast.Dict):
        return {
            key.value: value
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        }
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
        given = dict(zip(names[node.func.id], node.args, strict=False))
        return given | {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    return {}
