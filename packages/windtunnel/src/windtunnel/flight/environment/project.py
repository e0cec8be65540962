"""The project's own environment: resolved by uv as of a day, installed from wheels, the rest built in a sandbox."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.evidence import Trouble
from windtunnel.flight.cache import cache_folder
from windtunnel.flight.environment.builder import write_builder
from windtunnel.flight.environment.faults import malformed, trouble_of
from windtunnel.flight.environment.interpreters import Interpreter, interpreter_for
from windtunnel.flight.environment.kept import discard_oldest, finished, kept
from windtunnel.flight.environment.model import Environment
from windtunnel.flight.environment.pins import Pins, read_pins
from windtunnel.flight.environment.uv import call_uv
from windtunnel.flight.environment.workspace_member import member_environment, workspace_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

_PREFIX = "windtunnel-environment-"


def project_environment(
    repository: Path, *, as_of: date | None, sandboxed: bool, say: Callable[[str], None]
) -> Environment | tuple[Trouble, ...]:
    """Return the project's environment, made now unless it is kept from before, or why it cannot be made.

    Args:
        repository: with its ``pyproject.toml``.
        as_of: the day whose versions count; today if left out.
        sandboxed: whether what has no wheel is built in a sandbox; otherwise with the user's rights.
        say: told what takes long.

    Raises:
        FlightError: uv or bubblewrap is missing, or the cache cannot be written.
    """
    manifest = repository / "pyproject.toml"
    if not manifest.is_file():
        return (Trouble("install", "there is no pyproject.toml to install from", "write one", path="pyproject.toml"),)
    if (root := workspace_of(repository)) is not None:
        return member_environment(repository, root, say=say)
    if (trouble := malformed(manifest)) is not None:
        return (trouble,)
    interpreter = interpreter_for(manifest)
    if isinstance(interpreter, Trouble):
        return (interpreter,)
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as temporary:
        work = Path(temporary).resolve()
        python, environment = _building(work, interpreter, sandboxed=sandboxed)
        say(f"resolving the dependencies of {repository.name}")
        resolved = _resolve(manifest, work, python, environment, as_of=as_of)
        if isinstance(resolved, Trouble):
            return (resolved,)
        key = hashlib.sha256(json.dumps([resolved.key, str(interpreter.python), sandboxed]).encode()).hexdigest()[:20]
        with kept(cache_folder() / "environments" / key) as folder:
            if not finished(folder):
                say(f"installing {len(resolved.versions)} packages for {repository.name}")
                trouble = _install(folder, resolved, interpreter, work=work, python=python, environment=environment)
                if trouble is not None:
                    shutil.rmtree(folder, ignore_errors=True)
                    return (trouble,)
                finished(folder, now=True)
                discard_oldest(folder.parent, keep=folder)
        return Environment("project", folder / "bin" / "python", folder, interpreter.base_prefix, resolved.versions)


def _building(work: Path, interpreter: Interpreter, *, sandboxed: bool) -> tuple[Path, dict[str, str]]:
    """Return the interpreter that builds run with, and the environment of uv while they may run."""
    cache = work / "cache"  # of their own: a build could put anything into it
    cache.mkdir()
    environment = {"UV_CACHE_DIR": str(cache)}
    if not sandboxed:
        return interpreter.python, environment
    programs = work / "bin"
    programs.mkdir()
    script = write_builder(programs, python=interpreter.python, base_prefix=interpreter.base_prefix, writable=[cache])
    return script, environment


def _resolve(
    manifest: Path, work: Path, python: Path, environment: dict[str, str], *, as_of: date | None
) -> Pins | Trouble:
    project = work / "project"
    project.mkdir()
    # a copy alone: uv must not find what lies beside it, such as a lock or a configuration of its own
    shutil.copyfile(manifest, project / "pyproject.toml")
    target = work / "pylock.toml"
    arguments = ["pip", "compile", "pyproject.toml", "--python", str(python), "--format", "pylock.toml", "--no-header"]
    arguments += ["--quiet", "--output-file", str(target)]
    if as_of is not None:
        arguments += ["--exclude-newer", as_of.isoformat()]
    said = call_uv(arguments, folder=project, environment=environment)
    if said.exit_code:
        return trouble_of(said.err, manifest)
    return read_pins(target)


def _install(
    folder: Path, pins: Pins, interpreter: Interpreter, *, work: Path, python: Path, environment: dict[str, str]
) -> Trouble | None:
    """Make the environment in ``folder``; return why it cannot be made, or nothing."""
    steps: list[tuple[list[str], dict[str, str]]] = [
        (["venv", "--python", str(interpreter.python), "--no-project", str(folder)], {}),
    ]
    wheels, sources = work / "wheels.txt", work / "sources.txt"
    wheels.write_text("".join(f"{line}\n" for line in pins.wheels), encoding="utf-8")
    sources.write_text("".join(f"{line}\n" for line in pins.sources), encoding="utf-8")
    install = ["pip", "install", "--no-deps", "--quiet"]
    if pins.wheels:
        # a path of `--env project` is flown more than once, and each of its commands imports torch
        compiled = [*install, "--compile-bytecode", "--no-build"]
        steps.append(([*compiled, "--python", str(folder), "-r", str(wheels)], {}))
    if pins.sources:
        # into the environment by its folder, since its own interpreter is not the one that may build
        steps.append(([*install, "--python", str(python), "--prefix", str(folder), "-r", str(sources)], environment))
    for arguments, variables in steps:
        said = call_uv(arguments, folder=work, environment=variables)
        if said.exit_code:
            return trouble_of(said.err, work / "project" / "pyproject.toml")
    return None
