"""A repository's folder, walked without following links and without opening anything but ordinary files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from windtunnel.submission.model import File, Problem

MOST_ENTRIES = 20_000
DEEPEST = 32
LARGEST_FILE = 8 * 2**20
LARGEST_TOTAL = 64 * 2**20
SKIPPED = frozenset(
    {
        ".git",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".cache",
        "wandb",
        ".tox",
    }
)
_READ = (".py", ".toml", ".yaml", ".yml", ".cfg")


class Walk:
    """One walk through a folder.

    Attributes:
        files: what was found, by path.
        problems: what was refused.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: dict[str, File] = {}
        self.problems: list[Problem] = []
        self._entries = 0
        self._read = 0
        self._folder("", 0)

    def _folder(self, folder: str, depth: int) -> None:
        if depth > DEEPEST:
            self._refuse(
                folder, f"more than {DEEPEST} folders deep; nothing below was looked at", "flatten the repository"
            )
            return
        try:
            with os.scandir(self.root / folder) as entries:
                found = []
                for entry in entries:
                    self._entries += 1
                    if self._entries > MOST_ENTRIES:
                        self._refuse(
                            folder,
                            f"more than {MOST_ENTRIES:,} files; the rest was not looked at",
                            "remove what is not code",
                        )
                        break
                    found.append(entry)
        except OSError as error:
            self._refuse(folder, f"the folder cannot be listed: {error.strerror}", "make it readable")
            return
        for entry in sorted(found, key=lambda item: item.name):
            self._entry(entry, folder, depth)

    def _entry(self, entry: os.DirEntry[str], folder: str, depth: int) -> None:
        name = entry.name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        path = f"{folder}/{name}" if folder else name
        if any(ord(character) < 32 for character in name) or name != entry.name:
            self._refuse(path, "the file name is not plain text", "rename it")
            self.files[path] = File(path, 0, None, "the file name is not plain text")
            return
        try:
            if entry.is_symlink():
                target = str(Path(entry.path).readlink())
                self._refuse(
                    path, f"a symbolic link to {target[:200]!r}, which is not followed", "put the file itself there"
                )
                self.files[path] = File(path, 0, None, f"a symbolic link to {target[:200]!r}")
            elif entry.is_dir(follow_symlinks=False):
                if name not in SKIPPED and self._entries <= MOST_ENTRIES:
                    self._folder(path, depth + 1)
            else:
                self.files[path] = self._file(path, entry)
        except OSError as error:
            self._refuse(path, f"cannot be looked at: {error.strerror}", "make it readable")
            self.files[path] = File(path, 0, None, f"cannot be looked at: {error.strerror}")

    def _file(self, path: str, entry: os.DirEntry[str]) -> File:
        status = entry.stat(follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            self._refuse(path, "not an ordinary file", "remove it")
            return File(path, 0, None, "not an ordinary file")
        if not path.endswith(_READ) or path.startswith((".research/", ".github/")):
            return File(path, status.st_size)
        if status.st_size > LARGEST_FILE or self._read + status.st_size > LARGEST_TOTAL:
            most = f"{LARGEST_FILE:,} a file, {LARGEST_TOTAL:,} in all"
            reason = f"{status.st_size:,} bytes, more than a review reads ({most})"
            self._refuse(path, reason, "split it, or keep data out of the repository")
            return File(path, status.st_size, None, reason)
        handle = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return File(path, 0, None, "not an ordinary file")
            data = stream.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            return File(path, len(data), None, "grew while it was read")
        self._read += len(data)
        return File(path, len(data), data)

    def _refuse(self, path: str, message: str, fix: str) -> None:
        if len(self.problems) < 100:
            self.problems.append(Problem(path, message, fix))


def read_runs(folder: Path) -> tuple[dict[str, File], list[Problem]]:
    """The YAML files of a folder of run configurations, and what was refused."""
    walk = Walk(folder)
    return {
        path: file for path, file in walk.files.items() if "/" not in path and path.endswith((".yaml", ".yml"))
    }, walk.problems
