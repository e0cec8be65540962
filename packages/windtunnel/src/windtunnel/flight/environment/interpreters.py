"""Which Python an environment is made with: this windtunnel's own if the project takes it, else one that uv finds."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from windtunnel.evidence import Trouble
from windtunnel.flight.environment.uv import call_uv

_ASK_SECONDS = 60.0
_ASK = "import json, sys; print(json.dumps([sys.executable, sys.base_prefix]))"


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python: its program and its ``sys.base_prefix``."""

    python: Path
    base_prefix: Path


def interpreter_for(manifest: Path) -> Interpreter | Trouble:
    """Return an interpreter that the project's ``requires-python`` allows.

    Args:
        manifest: the ``pyproject.toml``.
    """
    wanted = _requires_python(manifest)
    if wanted is None or wanted.contains(platform.python_version(), prereleases=True):
        base = Path(sys.base_prefix)
        own = base / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
        return Interpreter(own if own.exists() else Path(sys.executable).resolve(), base)
    said = call_uv(["python", "find", "--no-project", str(wanted)], folder=manifest.parent.parent)
    found = Path(said.out.strip()) if said.exit_code == 0 and said.out.strip() else None
    if found is None:
        return Trouble(
            "undecided",
            f"requires-python is {str(wanted)!r}, and no such Python is installed here (this is "
            f"{platform.python_version()})",
            f"install one, for example with `uv python install '{wanted}'`",
            path="pyproject.toml",
        )
    asked = subprocess.run(
        [str(found), "-I", "-c", _ASK], capture_output=True, text=True, timeout=_ASK_SECONDS, check=True
    )
    executable, base_prefix = json.loads(asked.stdout)
    return Interpreter(Path(executable).resolve(), Path(base_prefix))


def _requires_python(manifest: Path) -> SpecifierSet | None:
    try:
        text = tomllib.loads(manifest.read_text(encoding="utf-8")).get("project", {}).get("requires-python")
        return SpecifierSet(text) if isinstance(text, str) else None
    except (OSError, ValueError, AttributeError, InvalidSpecifier):
        return None  # uv says what is wrong with it
