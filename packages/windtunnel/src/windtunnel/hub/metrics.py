"""The metrics that the hub serves: a module of our own for each, in a repository as `evaluate.load` looks for it."""

from __future__ import annotations

import json
from datetime import date
from importlib import resources
from typing import TYPE_CHECKING

from windtunnel.evidence import UnknownId
from windtunnel.knowledge.hub import HubTable

if TYPE_CHECKING:
    from pathlib import Path

OWNER = "evaluate-metric"
_OTHER_OWNERS = frozenset({"evaluate-comparison", "evaluate-measurement"})
_CATALOGUE = "windtunnel.hub.catalog"


def metric_source(repo_id: str) -> bytes | None:
    """Return the module of a metric by the id of its space, None if the catalogue has none."""
    owner, _, name = repo_id.partition("/")
    if owner != OWNER or not name.isidentifier():
        return None
    file = resources.files(_CATALOGUE) / "metrics" / f"{name}.py"
    return file.read_bytes() if file.is_file() else None


def write_metric(repo_id: str, source: bytes, target: Path) -> None:
    """Write a metric's repository into ``target``."""
    (target / f"{repo_id.partition('/')[2]}.py").write_bytes(source)


def unknown_metric(repo_id: str) -> UnknownId | None:
    """The id of a metric that the catalogue lacks, with what adds it; None where the real hub has none either."""
    owner, _, name = repo_id.partition("/")
    if owner == OWNER and HubTable(date.today()).metric(name) is None:
        return None  # the table has every metric of the library
    if owner in _OTHER_OWNERS:
        return None  # where the client looks next for a name without an owner
    line = json.dumps({"type": "metric", "id": repo_id})
    return UnknownId(
        "metric", repo_id, f"# a class derived from evaluate.Metric in hub/catalog/metrics/{name}.py\n{line}"
    )
