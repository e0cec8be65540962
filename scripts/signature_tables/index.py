"""What the package index says of a distribution, and its wheels, fetched by uv."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from typing import TYPE_CHECKING

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_wheel_filename

from signature_tables.plan import DAYS, PYTHON

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.version import Version

    from signature_tables.plan import Plan

INDEX = "https://pypi.org/simple"
JSON = "application/vnd.pypi.simple.v1+json"
OLDEST = "2022-01-01"  # releases of before are not listed: no table reaches that far


def releases(distribution: str, allowed: str = "") -> dict[str, str]:
    """The day of every final release with a wheel, oldest version first, up to the last of the planned days."""
    request = urllib.request.Request(f"{INDEX}/{distribution}/", headers={"Accept": JSON})  # noqa: S310 - https, see INDEX
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        files = json.load(answer)["files"]
    days: dict[Version, str] = {}
    admitted = SpecifierSet(allowed)
    for file in files:
        try:
            _, version, _, _ = parse_wheel_filename(file["filename"])
            wanted = SpecifierSet(file.get("requires-python") or "")
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidSpecifier):
            continue
        if (
            file.get("yanked")
            or version not in admitted
            or version.is_prerelease
            or version.local
            or f"{PYTHON}.7" not in wanted
        ):
            continue
        day = file["upload-time"][:10]
        days[version] = min(day, days.get(version, day))
    return {str(version): day for version, day in sorted(days.items()) if OLDEST <= day <= DAYS[-1].isoformat()}


def chosen(days: dict[str, str], installed: str | None) -> list[str]:
    """The versions of a table, oldest first: the newest of each planned day, and the one that is installed here."""
    found: list[str] = [installed] if installed in days else []
    for planned in DAYS:
        known = [version for version, day in days.items() if day <= planned.isoformat()]
        if known and known[-1] not in found:
            found.append(known[-1])
    order = list(days)
    return sorted(found, key=order.index)


def unpacked(plan: Plan, version: str, cache: Path) -> Path:
    """The folder that a wheel is unpacked in, which is done if it is not there."""
    folder = cache / f"{plan.distribution}-{version}"
    if not (folder / plan.library).exists():
        command = ["uv", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(folder)]
        command += ["--python-platform", plan.platform, "--python-version", PYTHON, f"{plan.distribution}=={version}"]
        # the wheels of the newest releases need a newer macOS than uv assumes
        subprocess.run(command, check=True, env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "15.0"})
    return folder
