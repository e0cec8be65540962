"""Whether code can make a string: from its constants and its f-strings. Holds no rules.

A key that no rehearsed run logs may still be logged by another one. It cannot be where no string of the code, and no
f-string filled with such strings, gives it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.repo import Repo

_DEEPEST = 4  # f-strings inside each other
_MOST_HOLES = 2
_DEEPEST_SECTION = 8


@dataclass(slots=True)
class Producer:
    """What some source files and the configurations can make.

    Attributes:
        constants: their strings.
        templates: one pattern for each f-string that has some text of its own.
    """

    constants: set[str] = field(default_factory=set)
    templates: list[re.Pattern[str]] = field(default_factory=list)

    @classmethod
    def of(cls, repo: Repo, *, without: str) -> Producer:
        """Those of all files but one."""
        made = cls()
        for source in repo.sources.values():
            if source.path == without:
                continue
            for node in source.nodes:
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    made.constants.add(node.value)
                elif isinstance(node, ast.JoinedStr):
                    made._add(node)
        for document in repo.documents.values():
            made.constants |= set(_strings(document.value))
        return made

    def _add(self, node: ast.JoinedStr) -> None:
        texts = [part.value for part in node.values if isinstance(part, ast.Constant)]
        holes = len(node.values) - len(texts)
        if 0 < holes <= _MOST_HOLES and any(len(str(text).strip(" _/.-")) > 1 for text in texts):
            parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else "(.+?)" for p in node.values]
            self.templates.append(re.compile("".join(parts)))

    def makes(self, text: str, depth: int = 0) -> bool:
        """Whether the code can make this string."""
        if text in self.constants:
            return True
        if depth >= _DEEPEST:
            return False
        for template in self.templates:
            found = template.fullmatch(text)
            if found and all(self.makes(hole, depth + 1) for hole in found.groups()):
                return True
        return False


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    """The keys and texts of a configuration."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < _DEEPEST_SECTION:
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from _strings(part, depth + 1)
