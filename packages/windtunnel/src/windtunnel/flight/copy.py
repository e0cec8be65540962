"""The flight's own copy of a repository: what belongs to the experiment, nothing that an earlier run left in it."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.errors import FlightError
from windtunnel.flight.options import REQUIRED_FILES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LEFT_OUT_ANYWHERE = frozenset({".git", ".venv", ".cache", ".windtunnel", "__pycache__"})
_LEFT_OUT_AT_THE_TOP = frozenset({"results", "outputs", "multirun", "wandb"})
_GIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied.

    Attributes:
        tree_sha256: SHA-256 over the sorted relative paths and the contents (of a link: its target) of the copy.
        left_out: relative paths of links that lead out of the repository and of files that are no regular files.
    """

    tree_sha256: str
    left_out: tuple[str, ...]


def copy_repository(repository: Path, target: Path, *, results_dir: Path) -> Copied:
    """Copy ``repository`` to the new folder ``target``.

    Left out are git's own data and whatever git ignores, environments, caches, the usual output folders, and the
    results folder of this flight. A symbolic link is copied as a link if it stays within the repository and is left
    out otherwise.

    Raises:
        FlightError: something could not be read or written.
    """
    digest = hashlib.sha256()
    left_out: list[str] = []
    try:
        target.mkdir(parents=True)
        for relative in sorted(_walk(repository, _ignored(repository), results_dir)):
            source, copy = repository / relative, target / relative
            mode = source.lstat().st_mode
            if stat.S_ISLNK(mode):
                linked = source.resolve()
                if not linked.is_relative_to(repository):
                    left_out.append(relative)
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                destination = os.path.relpath(linked, source.parent.resolve())
                copy.symlink_to(destination)
                content = hashlib.sha256(b"link to " + os.fsencode(destination))
            elif stat.S_ISREG(mode):
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy, follow_symlinks=False)
                copy.chmod(stat.S_IMODE(mode) | stat.S_IWUSR | stat.S_IRUSR)
                with copy.open("rb") as file:
                    content = hashlib.file_digest(file, "sha256")
            else:
                left_out.append(relative)
                continue
            digest.update(os.fsencode(relative) + b"\0" + content.digest())
    except OSError as error:
        raise FlightError(
            f"the repository could not be copied to {target}: {error.strerror} ({error.filename})"
        ) from error
    return Copied(digest.hexdigest(), tuple(left_out))


def _walk(repository: Path, ignored: frozenset[str], results_dir: Path) -> Iterator[str]:
    """Yield the relative paths of the files and links that belong to the copy."""
    for folder, folders, files in os.walk(repository, onerror=_raise):
        prefix = os.path.relpath(folder, repository)
        prefix = "" if prefix == "." else f"{prefix}/"
        entries = [*folders, *files]
        kept = [
            name
            for name in entries
            if name not in _LEFT_OUT_ANYWHERE
            and not (prefix == "" and name in _LEFT_OUT_AT_THE_TOP)
            and prefix + name not in ignored
            and repository / (prefix + name) != results_dir
        ]
        allowed = frozenset(kept)
        folders[:] = [name for name in folders if name in allowed and not (repository / (prefix + name)).is_symlink()]
        descended = frozenset(folders)
        yield from (prefix + name for name in kept if name not in descended)


def _raise(error: OSError) -> None:
    raise error


def _ignored(repository: Path) -> frozenset[str]:
    """Return the relative paths that git ignores; empty outside a git work tree or without git.

    A repository that an enclosing work tree ignores as a whole is not thereby empty: then nothing counts as ignored.
    """
    command = [
        "git",
        "-C",
        str(repository),
        # a repository's own configuration may name a program to run here
        *("-c", "core.fsmonitor=false"),
        *("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"),
    ]
    try:
        listing = subprocess.run(command, capture_output=True, check=True, timeout=_GIT_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return frozenset()
    paths = frozenset(os.fsdecode(path).rstrip("/") for path in listing.split(b"\0") if path)
    needed = {part for name in REQUIRED_FILES for part in (name, name.partition("/")[0])} | {".", "config/run"}
    return frozenset() if paths & needed else paths
