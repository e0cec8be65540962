"""The environment of a member of a uv workspace, from the workspace's own lock."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.utils import canonicalize_name

from windtunnel.flight.cache import cache_folder
from windtunnel.flight.environment.faults import trouble_of
from windtunnel.flight.environment.kept import discard_oldest, finished, kept
from windtunnel.flight.environment.model import Environment
from windtunnel.flight.environment.uv import call_uv

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.evidence import Trouble

_ASK_SECONDS = 120.0
_ASK = (
    "import json, sys; from importlib.metadata import distributions as d; "
    "print(json.dumps([sys.base_prefix, {p.name: p.version for p in d() if p.name}]))"
)


def workspace_of(repository: Path) -> Path | None:
    """Return the root of the uv workspace that has ``repository`` as a member with a lock, None if there is none."""
    for folder in repository.parents:
        tables = _tables(folder / "pyproject.toml")
        members = tables.get("tool", {}).get("uv", {}).get("workspace", {}).get("members")
        if isinstance(members, list) and (folder / "uv.lock").is_file():
            matching = (path for pattern in members if isinstance(pattern, str) for path in folder.glob(pattern))
            return folder if any(path == repository for path in matching) else None
    return None


def member_environment(
    repository: Path, root: Path, *, say: Callable[[str], None]
) -> Environment | tuple[Trouble, ...]:
    """Return the environment that the workspace's lock gives a member, installed as it would be elsewhere.

    Args:
        repository: the member's folder.
        root: of the workspace.
        say: told what takes long.
    """
    name = str(_tables(repository / "pyproject.toml").get("project", {}).get("name", ""))
    key = hashlib.sha256(json.dumps([str(root), name]).encode()).hexdigest()[:20]
    with kept(cache_folder() / "environments" / f"member-{key}") as folder:
        say(f"installing {name} from the lock of {root.name}")
        # always called: the lock or the sources may have changed, and uv knows quickly whether they have
        said = call_uv(
            ["sync", "--package", name, "--no-editable", "--frozen", "--no-dev", "--compile-bytecode", "--quiet"],
            folder=root,
            environment={"UV_PROJECT_ENVIRONMENT": str(folder)},
        )
        if said.exit_code:
            return (trouble_of(said.err, repository / "pyproject.toml"),)
        finished(folder, now=True)
        discard_oldest(folder.parent, keep=folder)
        python = folder / "bin" / "python"
        asked = subprocess.run(
            [str(python), "-I", "-c", _ASK], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
        )
    base_prefix, versions = json.loads(asked.stdout)
    by_name: dict[str, str] = {canonicalize_name(found): version for found, version in versions.items()}
    return Environment("project", python, folder, Path(base_prefix), by_name)


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
