"""What is known of the ids on the Hugging Face hub, as a table kept by hand: no network, nothing is looked up.

An id that the table does not have is undecided, never wrong; the table says "there is no such id" only of names that
cannot be one: a wrong form, or a bare name of a model or dataset that lives under an organisation.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from windtunnel.knowledge.datasets import Column, Dataset, dataset_from
from windtunnel.knowledge.models import Model, Module, model_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

__all__ = [
    "PACKAGED_BUILDERS",
    "BareName",
    "Column",
    "Dataset",
    "HubTable",
    "Metric",
    "Model",
    "Module",
    "bare_name_verdict",
    "id_problem",
    "table_lines",
]

# The names that load_dataset takes for files of one's own: the packaged modules of `datasets`.
PACKAGED_BUILDERS = frozenset(
    {"arrow", "audiofolder", "csv", "imagefolder", "json", "pandas", "parquet", "pdffolder", "text", "videofolder"}
    | {"webdataset", "xml"}
)

_TRANSFORMERS_5 = "2026-01-26"  # when 5.0.0 was released
_LONGEST_ID = 96  # huggingface_hub.utils.validate_repo_id
_PART = re.compile(r"[A-Za-z0-9_.-]+")
_COMPARED = re.compile(r"[^a-z0-9]+")


class BareName(Enum):
    """What a hub id without an organisation is."""

    CANONICAL = "canonical"  # resolves on the hub: one of the old names, or a redirect from one
    NOT_AN_ID = "not an id"  # known to live under an organisation, and not to resolve without it
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Metric:
    """A metric of the `evaluate` library.

    Attributes:
        name: as ``evaluate.load`` takes it.
        needs: distributions beside `evaluate` that loading or computing it imports.
        config_required: whether it must be loaded with a config name (``evaluate.load("glue", "sst2")``).
    """

    name: str
    needs: tuple[str, ...]
    config_required: bool = False


class HubTable:
    """The hub as it is known at a date.

    Args:
        as_of: a model released later is not known.
        transformers: the version whose module names count; left out, the major version that was new at that date.
    """

    def __init__(self, as_of: date, *, transformers: str | None = None) -> None:
        self._as_of = as_of.isoformat()
        major = (transformers or ("5" if self._as_of >= _TRANSFORMERS_5 else "4")).partition(".")[0]
        families = _object("architectures")["families"]
        self._built: Mapping[str, Any] = {**families["4"], **(families["5"] if major >= "5" else {})}

    def dataset(self, id: str) -> Dataset | None:  # noqa: A002 - the hub's own word
        """A dataset by its id or by an older name of it; None if the table does not have it."""
        data = table_lines("datasets").get(id.lower())
        return dataset_from(data, id) if data else None

    def model(self, id: str) -> Model | None:  # noqa: A002 - the hub's own word
        """A model by its id or by an older name of it; None if the table does not have it."""
        data = table_lines("models").get(id.lower())
        if data is None or data.get("released", "") > self._as_of:
            return None
        return model_from(data, _object("families"), self._built, id)

    def metric(self, name: str) -> Metric | None:
        """A metric by its name; None if the table does not have it."""
        data = _object("metrics").get(name.removeprefix("evaluate-metric/").lower())
        return Metric(name, tuple(data["needs"]), data.get("config_required", False)) if data else None

    def timm(self, name: str) -> bool | None:
        """True if timm has an architecture, named with or without a tag; None if only a later version may have it."""
        return True if name.removeprefix("hf_hub:timm/").partition(".")[0] in _timm() else None

    def suggest(self, id: str) -> tuple[str, ...]:  # noqa: A002 - the hub's own word
        """At most three ids of the table that may have been meant, the likeliest first."""
        return _suggest(id)


def id_problem(id: str) -> str:  # noqa: A002 - the hub's own word
    """What the form of an id has wrong, in words that follow "it"; "" if a repository could be called so.

    A path to a local folder (``./x``, ``/x``, ``~/x``) is not an id: ask before.
    """
    if not id:
        return "is empty"
    if len(id) > _LONGEST_ID:
        return f"is {len(id)} characters long, more than the {_LONGEST_ID} that the hub allows"
    parts = id.split("/")
    if len(parts) > 2:
        return f"has {len(parts) - 1} slashes, and an id has at most one"
    for part in parts:
        if not part:
            return "has a slash with nothing on one side"
        wrong = sorted({character for character in part if not _PART.fullmatch(character)})
        if wrong:
            return f"has {', '.join(map(ascii, wrong))}, and an id has only letters, digits, '-', '_' and '.'"
        if part[0] in "-." or part[-1] in "-.":
            return f"has {part!r}, which begins or ends with '-' or '.'"
    if "--" in id or ".." in id:
        return "has '--' or '..'"
    return "ends with '.git'" if id.endswith(".git") else ""


def bare_name_verdict(id: str) -> BareName:  # noqa: A002 - the hub's own word
    """What an id without a slash is; for one with a slash, unknown."""
    if "/" in id:
        return BareName.UNKNOWN
    if id in PACKAGED_BUILDERS or any(id.lower() in table_lines(kind) for kind in ("datasets", "models")):
        return BareName.CANONICAL
    if id_problem(id) or _compared(id) in _by_last_part():
        return BareName.NOT_AN_ID
    return BareName.UNKNOWN


@lru_cache(maxsize=256)
def _suggest(id: str) -> tuple[str, ...]:  # noqa: A002
    by_last_part = _by_last_part()
    wanted = _compared(id.rpartition("/")[2])
    exact = by_last_part.get(wanted, ())
    near = get_close_matches(wanted, by_last_part, n=3, cutoff=0.85) if len(wanted) <= _LONGEST_ID else []
    found = dict.fromkeys([*exact, *(one for name in near for one in by_last_part[name])])
    return tuple(found)[:3]


def _compared(name: str) -> str:
    return _COMPARED.sub("", name.lower())


@cache
def _by_last_part() -> dict[str, tuple[str, ...]]:
    """The ids of the table by what follows the slash, letters and digits only; models first."""
    found: dict[str, list[str]] = {}
    for kind in ("models", "datasets"):
        for data in {line["id"]: line for line in table_lines(kind).values()}.values():
            for name in (data["id"].rpartition("/")[2], *data.get("also_called", ())):
                found.setdefault(_compared(name), []).append(data["id"])
    return {name: tuple(ids) for name, ids in found.items()}


@cache
def _timm() -> frozenset[str]:
    """The functions that timm 1.0.31 registers as models, found by ``@register_model`` in its files."""
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / "timm.txt").read_text(encoding="ascii")
    return frozenset(text.split())


@cache
def table_lines(kind: str) -> Mapping[str, dict[str, Any]]:
    """The lines of a table by id and alias in lower case: the hub takes either case.

    Args:
        kind: "datasets" or "models".
    """
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / f"{kind}.jsonl").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = {}
    for line in text.splitlines():
        if line.startswith("{"):
            data = json.loads(line)
            for name in (data["id"], *data.get("aliases", ())):
                found[name.lower()] = data
    return found


@cache
def _object(name: str) -> Mapping[str, Any]:
    text = (resources.files(__name__.rpartition(".")[0]) / "data" / f"{name}.json").read_text(encoding="utf-8")
    data: Mapping[str, Any] = json.loads(text)
    return data
