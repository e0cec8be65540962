"""A YAML file as Hydra would read it: OmegaConf's types, with the place of every key, and none of YAML's dangers.

``2e-4`` is a float for OmegaConf and a string for YAML 1.1; dates stay strings; a key that stands twice is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from windtunnel.findings import Place
from windtunnel.reading import Unreadable

REMEMBERED = 64  # files, so that a second review reads only what changed; their contents are never changed
LARGEST = 1_000_000  # characters
MOST_NODES = 50_000
DEEPEST = 50
_FLOAT = re.compile(
    r"""^(?:
     [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_BASE):  # type: ignore[misc]
    """PyYAML's safe loader with OmegaConf's scalar types."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _BASE.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))

Keys = tuple[Any, ...]


@dataclass(frozen=True, eq=False)
class Document:
    """A YAML file that can be read.

    Attributes:
        path: in the submission.
        text: as it stands.
        value: what it holds, in plain Python types.
        places: (line, column) of each key or item by its keys.
        duplicates: (keys, line of the first, line of the second) of keys that stand twice, which OmegaConf refuses.
    """

    path: str
    text: str
    value: Any
    places: dict[Keys, tuple[int, int]] = field(default_factory=dict)
    duplicates: tuple[tuple[Keys, int, int], ...] = ()

    @property
    def package(self) -> str | None:
        """The ``@package`` of its header, None if there is none."""
        for line in self.text.splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                return None
            match = re.match(r"\s*#\s*@package\s+(\S+)", line)
            if match:
                return match.group(1)
        return None

    def place(self, keys: Keys = ()) -> Place:
        """Where a key is, or the nearest section around it."""
        for length in range(len(keys), 0, -1):
            found = self.places.get(keys[:length])
            if found:
                return Place(self.path, *found)
        return Place(self.path)

    def quote(self, keys: Keys) -> str:
        """The line of a key."""
        line = self.place(keys).line
        lines = self.text.splitlines()
        return lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""


@lru_cache(maxsize=REMEMBERED)
def read(path: str, text: str | None) -> Document | Unreadable:
    """Read a YAML file; an empty one holds an empty mapping."""
    if text is None:
        return Unreadable(path, "encoding", "not UTF-8")
    if len(text) > LARGEST:
        return Unreadable(path, "size", f"{len(text):,} characters, more than the {LARGEST:,} a configuration may have")
    loader = None
    try:
        loader = _Loader(text)
        _check_nesting(path, text)
        node = loader.get_single_node()
        if node is None:
            return Document(path, text, {})
        places: dict[Keys, tuple[int, int]] = {}
        builder = _Builder(loader, path, text, places)
        value = builder.build(node, (), 0)
        return Document(path, text, value, places, tuple(builder.duplicates))
    except _Refused as error:
        return error.unreadable
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        evidence = _line(text, line)
        kind = "tab" if "\t" in evidence[: column + 1] else "syntax"
        problem = "; ".join(part for part in (error.context, error.problem) if part)
        return Unreadable(path, kind, f"not YAML: {problem}", line, column, evidence)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Unreadable(path, "syntax", f"not YAML: {' '.join(str(error).split())[:200]}")
    finally:
        if loader is not None:
            loader.dispose()


class _Refused(Exception):  # noqa: N818 - carries the answer
    def __init__(self, unreadable: Unreadable) -> None:
        super().__init__(unreadable.message)
        self.unreadable = unreadable


def _check_nesting(path: str, text: str) -> None:
    """Refuse brackets nested so deep that composing the nodes would exhaust the stack."""
    depth = deepest = 0
    for character in text:
        if character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth = max(0, depth - 1)
    indent = max((len(line) - len(line.lstrip(" -?")) for line in text.splitlines()), default=0)
    if deepest > DEEPEST * 4 or indent > 2_000:
        raise _Refused(Unreadable(path, "nesting", f"nested more than {DEEPEST} levels deep"))


class _Builder:
    """Nodes into values, counting, so that aliases cannot multiply without end."""

    def __init__(self, loader: Any, path: str, text: str, places: dict[Keys, tuple[int, int]]) -> None:
        self.loader, self.path, self.text, self.places = loader, path, text, places
        self.count = 0
        self.duplicates: list[tuple[Keys, int, int]] = []

    def build(self, node: Any, keys: Keys, depth: int) -> Any:
        self.count += 1
        if self.count > MOST_NODES:
            self._refuse("aliases", f"its aliases expand to more than {MOST_NODES:,} values", node)
        if depth > DEEPEST:
            self._refuse("nesting", f"nested more than {DEEPEST} levels deep", node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, keys, depth)
        if isinstance(node, yaml.SequenceNode):
            if node.tag != "tag:yaml.org,2002:seq":
                self._refuse("tag", f"the tag {node.tag[:80]!r} is not for configurations", node)
            items = []
            for index, item in enumerate(node.value):
                self.places[*keys, index] = (item.start_mark.line + 1, item.start_mark.column + 1)
                items.append(self.build(item, (*keys, index), depth + 1))
            return items
        if not node.tag.startswith("tag:yaml.org,2002:") or node.tag.split(":", 1)[-1].startswith("python"):
            self._refuse("tag", f"the tag {node.tag[:80]!r} is not for configurations", node)
        value = self.loader.construct_object(node)
        return value if isinstance(value, str | int | float | bool | bytes | type(None)) else str(node.value)

    def _mapping(self, node: Any, keys: Keys, depth: int) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        if not node.tag.startswith("tag:yaml.org,2002:map"):
            self._refuse("tag", f"the tag {node.tag[:80]!r} is not for configurations", node)
        merged: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                for part in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    value = self.build(part, keys, depth + 1)
                    merged |= value if isinstance(value, dict) else {}
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                self._refuse("shape", "a key that is a list or a mapping", key_node)
            key = self.build(key_node, keys, depth + 1)
            if key in made:
                self.duplicates.append(((*keys, key), self.places[*keys, key][0], key_node.start_mark.line + 1))
            self.places[*keys, key] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            made[key] = self.build(value_node, (*keys, key), depth + 1)
        return {**merged, **made} if merged else made

    def _refuse(self, kind: str, message: str, node: Any) -> None:
        line = node.start_mark.line + 1
        raise _Refused(Unreadable(self.path, kind, message, line, node.start_mark.column + 1, _line(self.text, line)))


def _line(text: str, number: int) -> str:
    lines = text.splitlines()
    return lines[number - 1].rstrip()[:200] if 0 < number <= len(lines) else ""
