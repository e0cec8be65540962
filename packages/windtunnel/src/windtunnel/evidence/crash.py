"""An exception that ended a process, and the lines of the repository that it passed through."""

from __future__ import annotations

from pydantic.dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A line of the repository under review.

    Attributes:
        path: relative to the repository, with forward slashes.
        line: from 1.
        function: the function's name, "<module>" at the top of a file.
    """

    path: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


@dataclass(frozen=True)
class Crash:
    """An exception nobody caught.

    Attributes:
        exception: its class with the module, such as "omegaconf.errors.ConfigAttributeError".
        message: its text, cut to a few thousand characters.
        frames: the frames inside the repository, the outermost first; empty if it passed through none.
        library: the innermost frame outside it as "package/module.py:line", "" if the innermost is inside.
        chain: the exceptions that led to it as "class: text", the first cause first.
        inside: whether the observer told it; otherwise it was read from the log.
    """

    exception: str
    message: str
    frames: tuple[Frame, ...] = ()
    library: str = ""
    chain: tuple[str, ...] = ()
    inside: bool = False
