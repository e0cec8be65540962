"""What uv resolved, read from the ``pylock.toml`` that it wrote (PEP 751): the pins, and which of them have a wheel."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.tags import sys_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pins:
    """Resolved requirements.

    Attributes:
        versions: by normalised name.
        wheels: requirements that have a wheel for this machine, as lines of a requirements file.
        sources: the others.
        key: a digest of what would be installed.
    """

    versions: Mapping[str, str]
    wheels: tuple[str, ...]
    sources: tuple[str, ...]
    key: str


def read_pins(path: Path) -> Pins:
    """Read a ``pylock.toml`` of one platform."""
    text = path.read_text(encoding="utf-8")
    packages = tomllib.loads(text).get("packages", [])
    versions: dict[str, str] = {}
    wheels: list[str] = []
    sources: list[str] = []
    supported = frozenset(sys_tags())
    for package in packages:
        name = canonicalize_name(package["name"])
        versions[name] = str(package.get("version", ""))
        usable = any(_tags(wheel) & supported for wheel in package.get("wheels", []))
        (wheels if usable else sources).append(_line(name, package))
    key = hashlib.sha256("\n".join([*wheels, "", *sources]).encode()).hexdigest()
    return Pins(versions, tuple(wheels), tuple(sources), key)


def _line(name: str, package: dict[str, Any]) -> str:
    """The requirement of one package; one from elsewhere than an index by its address."""
    for kind in ("archive", "vcs", "directory"):
        if kind in package:
            where = package[kind].get("url") or package[kind].get("path", "")
            if kind == "vcs":
                where = f"{package[kind].get('type', 'git')}+{where}@{package[kind].get('commit-id', '')}"
            return f"{name} @ {where}"
    return f"{name}=={package['version']}"


def _tags(wheel: dict[str, Any]) -> frozenset[Any]:
    file = wheel.get("name") or str(wheel.get("url", wheel.get("path", ""))).rpartition("/")[2]
    try:
        return parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return frozenset()
