"""An interpreter for uv that runs everything in a sandbox without network: what has no wheel is built by foreign code.

uv starts the interpreter it is given for every build backend, after it has fetched the build's requirements as wheels.
Given a script that starts the real interpreter inside bubblewrap, under its own name so that environments made of it
lead back to it, no line of a source distribution runs outside, and none of it reaches the network.
"""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache", "/etc/alternatives")


def write_builder(folder: Path, *, python: Path, base_prefix: Path, writable: Sequence[Path]) -> Path:
    """Write the script and return it.

    Args:
        folder: where to.
        python: the real interpreter.
        base_prefix: its ``sys.base_prefix``.
        writable: the folders that builds may write to: uv's cache, which must be one of its own.

    Raises:
        FlightError: there is no bubblewrap.
    """
    program = shutil.which("bwrap")
    if program is None:
        raise FlightError("what has no wheel is built in a sandbox alone, and bubblewrap is not installed here")
    arguments = [program, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.exists():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108 - of the sandbox
    if not any(base_prefix.is_relative_to(path) for path in _SYSTEM):
        arguments += ["--ro-bind", str(base_prefix), str(base_prefix)]
    for path in writable:
        arguments += ["--bind", str(path), str(path)]
    arguments += ["--ro-bind", str(folder), str(folder)]
    real = shlex.quote(str(python.resolve()))
    script = folder / python.resolve().name
    # uv also asks the interpreter what it is, from wherever uv was started: a folder that is not there inside
    places = "|".join(f"{shlex.quote(str(path))}/*" for path in writable)
    script.write_text(
        f'#!/bin/bash\ncase "$PWD" in {places}) folder="$PWD" ;; *) folder=/ ;; esac\n'
        f'exec {shlex.join(arguments)} --chdir "$folder" -- '
        f'/bin/bash -c \'exec -a "$0" {real} "$@"\' "$0" "$@"\n',
        encoding="utf-8",
    )
    script.chmod(0o755)
    return script
