"""The dependencies a pyproject.toml declares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement

from windtunnel.reading.pyproject import Pyproject

if TYPE_CHECKING:
    from windtunnel.reading import Unreadable


def normalised(name: str) -> str:
    """The name of a distribution as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(pyproject: Pyproject | Unreadable | None) -> dict[str, Requirement]:
    """The valid requirements of ``[project] dependencies`` and its extras, by normalised name."""
    if not isinstance(pyproject, Pyproject):
        return {}
    listed = pyproject.get("project", "dependencies")
    found: dict[str, Requirement] = {}
    for text in listed if isinstance(listed, list) else []:
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, TypeError):
            continue
        found.setdefault(normalised(requirement.name), requirement)
    return found
