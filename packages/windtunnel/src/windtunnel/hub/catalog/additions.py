"""Further ids for the hub: files of JSON Lines in the form of the knowledge tables, given with ``--catalog``.

A line is one dataset or one model. It has ``"type"``, "dataset" or "model", and otherwise the keys of a line of
``knowledge/data/datasets.jsonl`` or ``models.jsonl``. What it says of an id that the table has is added to what the
table says. Empty lines and lines that begin with "#" are left out.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from windtunnel.errors import CatalogError
from windtunnel.hub.catalog.dataset_entries import dataset_entry
from windtunnel.hub.catalog.model_entries import miniature_entry
from windtunnel.knowledge.hub import id_problem, table_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

KINDS = {"dataset": "datasets", "model": "models"}
Line = dict[str, Any]


def read_additions(paths: Iterable[Path]) -> dict[str, dict[str, Line]]:
    """Read the files and check every line of them.

    Returns:
        "datasets" and "models", each id → its line, as the table has it with what the files add.

    Raises:
        CatalogError: a file cannot be read, or lines of it cannot be used; all of them are named.
    """
    found: dict[str, dict[str, Line]] = {kind: {} for kind in KINDS.values()}
    problems = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CatalogError(f"--catalog {path} cannot be read ({error}); give a file of JSON Lines") from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                problem = _take(line, found)
                if problem:
                    problems.append(f"{path}:{number} {problem}")
    if problems:
        raise CatalogError(f"--catalog: {' | '.join(problems)}")
    return found


def _take(text: str, found: dict[str, dict[str, Line]]) -> str:
    """Add a line to what was found; return what is wrong with it, "" if nothing is."""
    try:
        line = json.loads(text)
    except json.JSONDecodeError as error:
        return f"is not JSON ({error.msg} at character {error.pos + 1}); write one JSON object on each line"
    if not isinstance(line, dict):
        return "is not a JSON object; write one with the keys type and id"
    kind = KINDS.get(line.pop("type", None))
    if kind is None:
        return 'has no "type" that is "dataset" or "model"'
    repo_id = line.get("id")
    if not isinstance(repo_id, str) or id_problem(repo_id):
        return f"has the id {repo_id!r}, which {id_problem(repo_id) if isinstance(repo_id, str) else 'is not a text'}"
    known = found[kind].get(repo_id) or table_lines(kind).get(repo_id.lower(), {})
    whole = {**known, **line, "id": known.get("id", repo_id)}
    problem = _dataset_problem(whole) if kind == "datasets" else _model_problem(whole)
    if not problem:
        found[kind][whole["id"]] = whole
    return problem


def _dataset_problem(line: Mapping[str, Any]) -> str:
    try:
        entry = dataset_entry(line)
    except (AttributeError, KeyError, TypeError, ValueError, LookupError) as error:
        return f"({line['id']}) cannot be read ({type(error).__name__}: {error}); see a line of the table for the form"
    if entry.gated or entry.removed or entry.generated_configs:
        return ""
    return (
        f"({line['id']}) has nothing that can be made: give splits and columns whose names tell what they are, or the "
        'grammar in "make"'
    )


def _model_problem(line: Mapping[str, Any]) -> str:
    if line.get("gated") and "repository" not in line:
        return ""
    try:
        miniature_entry(line)
    except (AttributeError, KeyError, TypeError, ValueError, LookupError) as error:
        return f"({line['id']}) cannot be read ({type(error).__name__}: {error}); see a line of the table for the form"
    return ""
