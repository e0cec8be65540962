"""An interpreter for uv that runs everything in a sandbox without network: what has no wheel is built by foreign code.

uv starts the interpreter it is given for every build backend, after it has fetched the build's requirements as wheels.
Given a script that starts the real interpreter inside bubblewrap, under its own name so that environments made of it
lead back to it, no line of a source distribution runs outside, and none of it reaches the network or sees a variable of
the user's. The sandbox is that of a flight: the same namespaces, system and filter of system calls.
"""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError
from windtunnel.flight.sandbox.mounts import SYSTEM
from windtunnel.flight.sandbox.namespaces import namespaces
from windtunnel.flight.sandbox.seccomp import seccomp_filter
from windtunnel.flight.sandbox.system import system_arguments

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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
    arguments = [program, *namespaces(program), *system_arguments()]
    if not any(base_prefix.is_relative_to(path) for path in SYSTEM):
        arguments += ["--ro-bind", str(base_prefix), str(base_prefix)]
    for path in writable:
        arguments += ["--bind", str(path), str(path)]
    arguments += ["--ro-bind", str(folder), str(folder), "--remount-ro", "/dev", "--remount-ro", "/", "--clearenv"]
    calls = folder / "calls"
    calls.write_bytes(seccomp_filter())
    filtered = f" --seccomp 9 9< {shlex.quote(str(calls))}" if calls.stat().st_size else ""
    real = shlex.quote(str(python.resolve()))
    script = folder / python.resolve().name
    # uv also asks the interpreter what it is, from wherever uv was started: a folder that is not there inside
    places = "|".join(f"{shlex.quote(str(path))}/*" for path in writable)
    script.write_text(
        f"""#!/bin/bash
case "$PWD" in {places}) folder="$PWD" ;; *) folder=/ ;; esac
variables=(--setenv HOME /tmp --setenv LANG C.UTF-8 --setenv PATH "$PATH")
[ -n "$VIRTUAL_ENV" ] && variables+=(--setenv VIRTUAL_ENV "$VIRTUAL_ENV")
exec {shlex.join(arguments)} "${{variables[@]}}" --chdir "$folder"{filtered} -- \\
  /bin/bash -c 'exec -a "$0" {real} "$@"' "$0" "$@"
""",
        encoding="utf-8",
    )
    script.chmod(0o755)
    return script
