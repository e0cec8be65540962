"""An experiment's files, operators that find sites for a defect in them, and mutants that have one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from benchmarks.mutations.sources import Configuration, Source
from windtunnel.contract import MODULES, REQUIRED_FILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    Finder = Callable[["Experiment"], Iterator["Site"]]

CONFIG = "config/config.yaml"
MAIN, TRAIN, EVALUATE, PREPROCESS, MODEL = (
    f"src/{name}.py" for name in ("main", "train", "evaluate", "preprocess", "model")
)
PYPROJECT = "pyproject.toml"


class Experiment:
    """The files of an experiment by their paths, parsed when asked for."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = dict(files)
        self._sources: dict[str, Source] = {}
        self._readers: dict[str, list[str]] = {}

    @classmethod
    def read(cls, folder: Path) -> Experiment:
        """Read the seven files and the run configurations of a folder."""
        paths = [
            *REQUIRED_FILES,
            *(f"config/run/{path.name}" for path in sorted((folder / "config/run").glob("*.yaml"))),
        ]
        return cls({path: (folder / path).read_text(encoding="utf-8") for path in paths})

    def source(self, path: str) -> Source:
        """A Python file."""
        if path not in self._sources:
            self._sources[path] = Source(path, self.files[path])
        return self._sources[path]

    @property
    def sources(self) -> list[Source]:
        """All Python files."""
        return [self.source(f"src/{name}.py") for name in MODULES]

    @cached_property
    def config(self) -> Configuration:
        """The root configuration."""
        return Configuration(CONFIG, self.files[CONFIG])

    @cached_property
    def runs(self) -> list[Configuration]:
        """The run configurations."""
        return [Configuration(path, text) for path, text in self.files.items() if path.startswith("config/run/")]

    def readers(self, key: str) -> list[str]:
        """Python files that name a key, as an attribute or in quotes."""
        if key not in self._readers:
            named = re.compile(rf"[.\"']{re.escape(key)}\b")
            modules = (source.path for source in self.sources)
            self._readers[key] = [path for path in modules if named.search(self.files[path])]
        return self._readers[key]

    def with_changes(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """The files after changes; None removes one."""
        changed = {**self.files, **changes}
        return {path: text for path, text in changed.items() if text is not None}


@dataclass(frozen=True)
class Site:
    """Where an operator can make its defect.

    Attributes:
        what: the defect, in words.
        changes: the whole new text of each file that differs; None where one is removed.
        also: files besides the changed ones where the defect may rightly be reported.
    """

    what: str
    changes: Mapping[str, str | None]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operator:
    """One kind of defect.

    Attributes:
        name: in words with hyphens.
        criterion: of the contract that it breaks.
        find: yields its sites.
        breaks: whether a changed file cannot be read as what it is: Python, YAML or TOML.
    """

    name: str
    criterion: int
    find: Callable[[Experiment], Iterable[Site]]
    breaks: bool = False


@dataclass(frozen=True)
class Mutant:
    """The experiment with one defect."""

    number: int
    operator: Operator
    site: Site

    @property
    def expected(self) -> frozenset[str]:
        """The files where the defect may rightly be reported."""
        return frozenset((*self.site.changes, *self.site.also))

    def __str__(self) -> str:
        return f"{self.number:03} {self.operator.name}: {' '.join(self.site.what.split())}"


OPERATORS: dict[str, Operator] = {}


def operator(name: str, criterion: int, *, breaks: bool = False) -> Callable[[Finder], Finder]:
    """Enter a function that yields sites as an operator."""

    def enter(find: Finder) -> Finder:
        if name in OPERATORS:
            raise ValueError(f"two operators are called {name!r}")
        OPERATORS[name] = Operator(name, criterion, find, breaks)
        return find

    return enter
