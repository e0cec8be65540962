"""Interpolations that would explode: found by counting, before anything resolves them.

``a: ${b}${b}``, ``b: ${c}${c}`` and so on doubles with every line, as do sections that refer to sections. OmegaConf
has no
limit of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 100_000  # characters that one value may become; chosen by us: a thousand times the longest seen
_REFERENCE = re.compile(r"\$\{([^${}]*)\}")
_DEEPEST = 50

Keys = tuple[str, ...]


def explosion(config: DictConfig) -> str:
    """Say which value would become longer than :data:`LIMIT`, or "" if none does."""
    if not _refers(config):
        return ""
    tree = OmegaConf.to_container(config, resolve=False)
    counter = _Counter(tree)
    for keys, _ in _interpolated(tree, ()):
        if counter.size(keys, 0) > LIMIT:
            return f"the interpolations of {'.'.join(keys)!r} expand to more than {LIMIT:,} characters"
    return ""


def _refers(node: Any) -> bool:
    content = node._content
    if isinstance(content, str):
        return "${" in content
    parts = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    return any(_refers(part) if hasattr(part, "_content") else "${" in str(part._value()) for part in parts)


class _Counter:
    def __init__(self, tree: Any) -> None:
        self.tree = tree
        self.sizes: dict[Keys, int] = {}
        self.pending: set[Keys] = set()

    def size(self, keys: Keys, depth: int) -> int:
        """How long the value at ``keys`` becomes, at least; references that go in circles count once."""
        if keys in self.sizes:
            return self.sizes[keys]
        if keys in self.pending or depth > _DEEPEST:
            return 1
        self.pending.add(keys)
        value = _at(self.tree, keys)
        total = 0
        if isinstance(value, dict | list):
            names = value if isinstance(value, dict) else range(len(value))
            for name in names:
                total += self.size((*keys, str(name)), depth + 1)
                if total > LIMIT:
                    break
        else:
            text = str(value)
            total = len(text)
            for reference in _REFERENCE.findall(text) if "${" in text else ():
                target = _target(reference.strip(), keys)
                if target is not None:
                    total += self.size(target, depth + 1)
                if total > LIMIT:
                    break
        self.pending.discard(keys)
        self.sizes[keys] = total
        return total


def _target(reference: str, keys: Keys) -> Keys | None:
    """The keys that a reference in the value at ``keys`` leads to; None for a resolver such as ``now:``."""
    if ":" in reference:
        return None
    dots = len(reference) - len(reference.lstrip("."))
    base = keys[: len(keys) - dots] if dots else ()
    parts = tuple(part for part in re.split(r"[.\[\]]+", reference.lstrip(".")) if part)
    return (*base, *parts)


def _at(tree: Any, keys: Keys) -> Any:
    for key in keys:
        if isinstance(tree, dict):
            tree = tree[key] if key in tree else next((item for name, item in tree.items() if str(name) == key), None)
        elif isinstance(tree, list) and key.isdigit() and int(key) < len(tree):
            tree = tree[int(key)]
        else:
            return None
    return tree


def _interpolated(tree: Any, keys: Keys) -> Iterator[tuple[Keys, str]]:
    if isinstance(tree, dict):
        for key, item in tree.items():
            yield from _interpolated(item, (*keys, str(key)))
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from _interpolated(item, (*keys, str(index)))
    elif isinstance(tree, str) and "${" in tree:
        yield keys, tree
