"""What a submission holds."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class File:
    """One file.

    Attributes:
        path: relative to the repository, with forward slashes.
        size: in bytes.
        data: its bytes, None if it was not read.
        refusal: why it was not read, "" if it was or is of no interest to a review.
    """

    path: str
    size: int
    data: bytes | None = None
    refusal: str = ""

    @cached_property
    def text(self) -> str | None:
        """Its text, None if it was not read or is not UTF-8."""
        if self.data is None:
            return None
        try:
            return self.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None


@dataclass(frozen=True)
class RunConfig:
    """The configuration of one run.

    Attributes:
        run_id: the name of its file without the ending.
        path: in the repository, where Hydra would look for it.
        text: as it stands.
        origin: "config/run", "config/runs", "document" or "--runs".
        declared: what a review document says beside it: method, model, dataset.
    """

    run_id: str
    path: str
    text: str
    origin: str
    declared: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Something met while loading that a reviewer must know of."""

    path: str
    message: str
    fix: str


@dataclass(frozen=True)
class Context:
    """What a review document says besides code."""

    hypothesis: str = ""
    method: str = ""
    design: str = ""


@dataclass(frozen=True)
class Submission:
    """The files under review.

    Attributes:
        origin: as given on the command line.
        kind: how it was handed in.
        root: the folder, None if there is none.
        files: by path, sorted; run configurations included.
        runs: sorted by run id.
        context: of a review document.
        problems: what was met while loading.
    """

    origin: str
    kind: Literal["folder", "json", "document"]
    root: Path | None
    files: Mapping[str, File]
    runs: tuple[RunConfig, ...] = ()
    context: Context | None = None
    problems: tuple[Problem, ...] = ()

    def text(self, path: str) -> str | None:
        """The text of a file, None if it is not there or cannot be read."""
        file = self.files.get(path)
        return file.text if file is not None else None

    @cached_property
    def digest(self) -> str:
        """SHA-256 over paths and contents."""
        total = hashlib.sha256()
        for path, file in self.files.items():
            content = hashlib.sha256(file.data).hexdigest() if file.data is not None else f"{file.size} {file.refusal}"
            total.update(f"{path}\0{content}\n".encode("utf-8", "backslashreplace"))
        return total.hexdigest()
