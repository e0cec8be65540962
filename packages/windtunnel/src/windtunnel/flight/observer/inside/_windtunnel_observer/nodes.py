"""OmegaConf's nodes: their dotted names, their leaves and their values as text, without reading them as code does."""

from __future__ import annotations

from .text import shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_LEAVES = 5000
_DEEPEST = 50


def full_name(node: Any, key: Any = None) -> str:
    """Return the dotted name of a node, or of a key below it; a list is a leaf, whatever it holds.

    Args:
        node: a container.
        key: what is asked of it.
    """
    try:
        name = node._get_full_key(key)
    except Exception:  # noqa: BLE001  # a key that is none
        name = shown(key)
    return shown(str(name or "").partition("[")[0])


def is_branch(node: Any) -> bool:
    """Whether a node or a value is a mapping with keys of its own."""
    return hasattr(type(node), "_get_node") and isinstance(content(node), dict) and bool(content(node))


def content(node: Any) -> Any:
    """Return what a container holds, without resolving anything."""
    try:
        return node.__dict__["_content"]
    except (AttributeError, KeyError):
        return None


def leaves(node: Any, prefix: str = "") -> dict[str, str]:
    """Return every leaf below a container by its dotted name, as text, interpolations as they are written."""
    found: dict[str, str] = {}
    _collect(node, prefix, found, 0)
    return found


def _collect(node: Any, prefix: str, found: dict[str, str], depth: int) -> None:
    if len(found) >= _MOST_LEAVES or depth > _DEEPEST:
        return
    if not is_branch(node):
        if prefix:
            found[shown(prefix)] = value_text(node)
        return
    for key, child in list(content(node).items()):
        _collect(child, f"{prefix}.{key}" if prefix else str(key), found, depth + 1)


def value_text(node: Any) -> str:
    """Return the value of a leaf, or of anything else, as text."""
    return shown(_plain(node, 0))


def _plain(node: Any, depth: int) -> Any:
    if depth > _DEEPEST:
        return "…"
    if type(node).__module__.startswith("omegaconf"):
        inner = content(node)
        if isinstance(inner, dict):
            return {key: _plain(child, depth + 1) for key, child in list(inner.items())}
        if isinstance(inner, list):
            return [_plain(child, depth + 1) for child in inner]
        if hasattr(node, "_value"):
            return node._value()
        return inner
    return node
