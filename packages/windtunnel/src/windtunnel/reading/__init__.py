"""Reading the files of a submission, every one of them taken for hostile: a parsed file, or why it cannot be read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unreadable:
    """A file that cannot be read.

    Attributes:
        path: the file.
        kind: "syntax", "encoding", "nul", "nesting", "size", "aliases", "tag", "tab", "duplicate" or "shape".
        message: what is wrong, in the reader's own words.
        line: from 1, 0 if it is not known.
        column: from 1, 0 if it is not known.
        evidence: the line it is in.
    """

    path: str
    kind: str
    message: str
    line: int = 0
    column: int = 0
    evidence: str = ""
