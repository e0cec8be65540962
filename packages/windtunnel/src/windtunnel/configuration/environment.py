"""Interpolations without the user's environment: ``${oc.env:NAME}`` answers as if no variable were set."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.resolvers import oc

if TYPE_CHECKING:
    from collections.abc import Iterator

_depth = [0]


@contextmanager
def without_environment() -> Iterator[None]:
    """Keep environment variables, keys and tokens among them, out of whatever is resolved meanwhile."""
    if not _depth[0]:
        OmegaConf.register_new_resolver("oc.env", _unset, replace=True)
    _depth[0] += 1
    try:
        yield
    finally:
        _depth[0] -= 1
        if not _depth[0]:
            OmegaConf.register_new_resolver("oc.env", oc.env, replace=True)


def _unset(key: str, *default: Any) -> Any:
    if default:
        return None if default[0] is None else str(default[0])
    raise KeyError(f"Environment variable '{key}' not found")
