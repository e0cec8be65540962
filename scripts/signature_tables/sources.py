"""The source files of one installed or unpacked library, by module name. Nothing of it is imported."""

from __future__ import annotations

import ast
import warnings
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMPILED = (".so", ".pyd")


class Tree:
    """A library in a folder, such as ``site-packages`` or where a wheel was unpacked.

    Args:
        folder: the folder that holds the import root.
        library: the import root.
    """

    def __init__(self, folder: Path, library: str) -> None:
        self.library = library
        self._folder = folder

    @cached_property
    def modules(self) -> dict[str, list[Path]]:
        """The files of each module, ``.py`` before ``.pyi``; none for one that is only compiled."""
        found: dict[str, list[Path]] = {}
        for path in sorted((self._folder / self.library).rglob("*")):
            parts = path.relative_to(self._folder).parts
            name = ".".join((*parts[:-1], path.name.partition(".")[0]))
            if not all(part.isidentifier() for part in name.split(".")):
                continue
            name = name.removesuffix(".__init__")
            if path.suffix in {".py", ".pyi"}:
                found.setdefault(name, []).append(path)
            elif path.suffix in COMPILED:
                found.setdefault(name, [])
        return found

    def is_package(self, module: str) -> bool:
        """Whether a module is a folder with an ``__init__``."""
        return any(path.stem == "__init__" for path in self.modules.get(module, ()))

    def parsed(self, module: str) -> list[tuple[ast.Module, bool]]:
        """(syntax tree, whether of a stub) of each file of a module."""
        found = []
        for path in sorted(self.modules.get(module, ()), key=lambda path: path.suffix == ".pyi"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the invalid escapes of other people's docstrings
                try:
                    found.append((ast.parse(path.read_bytes()), path.suffix == ".pyi"))
                except (SyntaxError, ValueError):
                    continue
        return found

    def submodules(self, package: str) -> list[str]:
        """The names of the public modules directly below a package."""
        start = package + "."
        return [
            name[len(start) :]
            for name in self.modules
            if name.startswith(start) and "." not in name[len(start) :] and not name[len(start) :].startswith("_")
        ]
