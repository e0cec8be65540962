"""The submission as a program: its modules, its files, and how each entry point is configured."""

from __future__ import annotations

import copy
import posixpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from windtunnel.configuration import Entry
    from windtunnel.configuration.repair import Mended
    from windtunnel.reading.config_yaml import Document
    from windtunnel.reading.python import Source
    from windtunnel.rehearsal.machine import Machine


class Program:
    """What a rehearsal may know of a submission.

    Attributes:
        sources: the modules that can be read, by path.
        files: every path of the submission.
        broken: paths of Python files that cannot be read.
        runs: run ids.
        documents: YAML files by path.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        files: Sequence[str],
        *,
        broken: Sequence[str],
        runs: Sequence[str],
        compose: Callable[[Entry, tuple[str, ...]], Mended],
        texts: Callable[[str], str | None],
        documents: Mapping[str, Document],
    ) -> None:
        self.sources = sources
        self.files = frozenset(files)
        self.broken = frozenset(broken)
        self.runs = tuple(runs)
        self.compose = compose
        self.text = texts
        self.documents = documents
        self.assigned: dict[
            int, set[str]
        ] = {}  # what the body of a loop, or a class, assigns, by the identity of its node
        self.folders = frozenset(folder for path in self.files for folder in _parents(path))
        self.tops = frozenset(path.split("/")[0].removesuffix(".py") for path in self.files if path.endswith(".py")) | {
            "src"
        }

    def document(self, path: str) -> Any | None:
        """The value of a YAML file, a copy of it; None if it is not there or cannot be read."""
        document = self.documents.get(posixpath.normpath(path))
        return copy.deepcopy(document.value) if document is not None else None

    def source(self, module: str) -> Source | None:
        """The source of a module by its dotted name."""
        base = module.replace(".", "/")
        return self.sources.get(f"{base}.py") or self.sources.get(f"{base}/__init__.py")

    def has(self, module: str) -> bool:
        """Whether there is a file for a module, readable or not."""
        base = module.replace(".", "/")
        return f"{base}.py" in self.files or f"{base}/__init__.py" in self.files

    def is_package(self, module: str) -> bool:
        """Whether a dotted name is a folder with Python files."""
        return module.replace(".", "/") in self.folders

    def is_broken(self, module: str) -> bool:
        """Whether the module's file is there but cannot be read."""
        base = module.replace(".", "/")
        return f"{base}.py" in self.broken or f"{base}/__init__.py" in self.broken

    def is_ours(self, top: str) -> bool:
        """Whether a top-level import name is the submission's.

        With the repository as working directory, its folders come first.
        """
        return top in self.tops

    @staticmethod
    def is_being_followed(machine: Machine, module: str) -> bool:
        """Whether a module's body is still being followed (a circular import)."""
        found = machine.modules.get(module)
        return found is not None and any(
            frame.path == found.path and frame.name == "<module>" for frame in machine.frames
        )

    def absolute(self, path: str, module: str, level: int) -> str | None:
        """The absolute name of an imported module; None if a relative import leaves the package."""
        if level == 0:
            return module
        package = posixpath.dirname(path).split("/") if posixpath.dirname(path) else []
        if level > len(package):
            return None
        parts = package[: len(package) - level + 1]
        return ".".join([*parts, *([module] if module else [])])

    def exists(self, path: str) -> bool:
        """Whether a path relative to the repository is a file or folder of the submission."""
        path = posixpath.normpath(path)
        return path in self.files or path in self.folders or path == "."


def _parents(path: str) -> list[str]:
    found = []
    while "/" in path:
        path = posixpath.dirname(path)
        found.append(path)
    return found
