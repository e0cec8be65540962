"""This windtunnel's own environment, held against what the project declares."""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from windtunnel.evidence import Trouble
from windtunnel.flight.environment.model import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOTE = (
    "flown in the environment of windtunnel: that the project's own dependencies can be installed, and that the code "
    "runs with their versions, is not shown (--env project shows it)"
)
_FIX = "install it beside windtunnel, or fly with --env project"


def current_environment(repository: Path) -> Environment | tuple[Trouble, ...]:
    """Return this environment, or which declared distributions it lacks."""
    versions = installed()
    troubles = tuple(_missing(repository, versions))
    if troubles:
        return troubles
    return Environment(
        "current", Path(sys.executable), Path(sys.prefix), Path(sys.base_prefix), versions, notes=(NOTE,)
    )


def installed() -> dict[str, str]:
    """The distributions of this environment by normalised name."""
    return {canonicalize_name(found.name): found.version for found in distributions() if found.name}


def _missing(repository: Path, versions: Mapping[str, str]) -> Iterator[Trouble]:
    path = repository / "pyproject.toml"
    try:
        text = path.read_text(encoding="utf-8")
        listed = tomllib.loads(text).get("project", {}).get("dependencies", [])
    except (OSError, ValueError, AttributeError):
        return  # what is wrong with the file is the check's to say
    for item in listed if isinstance(listed, list) else ():
        try:
            requirement = Requirement(item)
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
        except (InvalidRequirement, TypeError, UndefinedEnvironmentName):
            continue
        version = versions.get(canonicalize_name(requirement.name))
        line = next((number for number, told in enumerate(text.splitlines(), 1) if item in told), 0)
        if version is None:
            yield Trouble(
                "missing", f"{requirement.name} is not installed here", _FIX, str(item), "pyproject.toml", line
            )
        elif not requirement.specifier.contains(version, prereleases=True):
            yield Trouble(
                "missing",
                f"{requirement.name} {version} is installed here, and {requirement} is declared",
                "fly with --env project, or install the declared version beside windtunnel",
                str(item),
                "pyproject.toml",
                line,
            )
