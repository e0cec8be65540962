"""The dependencies a pyproject.toml declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from windtunnel.reading.pyproject import Pyproject

if TYPE_CHECKING:
    from windtunnel.reading import Unreadable


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
        found.setdefault(canonicalize_name(requirement.name), requirement)
    return found
