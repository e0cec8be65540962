"""Calls of uv (https://docs.astral.sh/uv), which resolves and installs."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

INSTALL = "curl -LsSf https://astral.sh/uv/install.sh | sh, or pip install uv"
SECONDS = 3600.0  # torch and what belongs to it are several gigabytes
_SECRET = ("TOKEN", "KEY", "SECRET", "PASSWORD", "WANDB", "HF_", "AWS_")
_KEPT = ("UV_", "PIP_")  # an index may need its password


@dataclass(frozen=True, slots=True)
class Said:
    """What a call of uv returned and said."""

    exit_code: int
    out: str
    err: str


def call_uv(arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str] | None = None) -> Said:
    """Call uv and return what it said.

    Args:
        arguments: after the program.
        folder: where to call it.
        environment: variables besides those of this process, without those that look like keys.

    Raises:
        FlightError: there is no uv, or it did not come to an end.
    """
    program = _program()
    variables = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(_KEPT) or not any(part in name.upper() for part in _SECRET)
    }
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT", "UV_EXCLUDE_NEWER"):
        variables.pop(name, None)
    try:
        done = subprocess.run(
            [program, "--no-progress", "--color", "never", *arguments],
            cwd=folder,
            env={**variables, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except OSError as error:
        raise FlightError(f"uv could not be started: {error}; install it with: {INSTALL}") from error
    except subprocess.TimeoutExpired as error:
        raise FlightError(f"uv {' '.join(arguments[:2])} was not done after {SECONDS:.0f} s; try again") from error
    return Said(done.returncode, done.stdout, done.stderr)


def _program() -> str:
    try:
        from uv import find_uv_bin  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415 - if pip has it

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise FlightError(f"--env project needs uv, and there is none on the PATH; install it with: {INSTALL}")
    return found
