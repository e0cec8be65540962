"""Which keys of its configuration the repository's code reads, misses, converts and sets.

A read counts if the line that asks is one of the repository: what Hydra and OmegaConf do among themselves does not, nor
what happens within one access. Interpolations count as reads of what they lead to. A library that is handed a node and
reads it, a loop over a node, ``dict(node)`` and ``**node`` convert it as a whole.
"""

# ruff: noqa: ARG001  # what records an access has the arguments of the access

from __future__ import annotations

import _thread
import functools
import sys

from . import asking, nodes, seen_config
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_local = _thread._local()


class _Access:
    """One access from outside OmegaConf.

    Args:
        frame: who made it.
        child: what the key led to before.

    Attributes:
        targets: where the interpolations within it led.
    """

    __slots__ = ("child", "frame", "targets")

    def __init__(self, frame: Any, child: Any) -> None:
        self.frame = frame
        self.child = child
        self.targets: list[str] = []


def install(omegaconf: Any) -> None:
    """Watch the accesses to nodes."""
    mapping = omegaconf.DictConfig
    for name, record in (
        ("__getattr__", _got_attribute),
        ("__getitem__", _got_item),
        ("get", _got_with_default),
        ("pop", _got_with_default),
        ("setdefault", _set_default),
        ("__contains__", _asked_for),
        ("keys", _listed),
        ("__iter__", _converted),
        ("items", _converted),
        ("__setattr__", _set),
        ("__setitem__", _set),
        ("merge_with", None),
    ):
        _wrap(mapping, name, record)
    static = omegaconf.OmegaConf
    for name, record in (
        ("select", _selected),
        ("update", _updated),
        ("to_container", _converted),
        ("to_object", _converted),
        ("to_yaml", _written),
        ("save", _written),
        ("load", _made),
        ("merge", _made),
        ("unsafe_merge", _made),
        ("create", None),
        ("resolve", None),
        ("masked_copy", None),
        ("is_missing", None),
        ("is_interpolation", None),
    ):
        _wrap(static, name, record)
    _follow_interpolations(omegaconf.Container)
    seen_config.install()


def _wrap(owner: Any, name: str, record: Callable[..., None] | None) -> None:
    """Let an access tell of itself, unless it is part of another.

    Args:
        owner: a class.
        name: a method of it.
        record: gets the access, what it returned or raised, and its arguments; None only hides what is within.
    """
    original = getattr(owner, name, None)
    if original is None:
        return
    tell = None if record is None else guarded(record)
    look = _child if record in {_got_with_default, _set_default} else _nothing

    @functools.wraps(original)
    def access(*args: Any, **kwargs: Any) -> Any:
        if getattr(_local, "access", None) is not None:
            return original(*args, **kwargs)
        _local.access = current = _Access(sys._getframe(1), look(*args[:2]))
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            if tell is not None:
                tell(current, error, *args, **kwargs)
            raise
        else:
            if tell is not None:
                tell(current, result, *args, **kwargs)
            return result
        finally:
            _local.access = None

    setattr(owner, name, staticmethod(access) if isinstance(owner.__dict__.get(name), staticmethod) else access)


def _follow_interpolations(container: Any) -> None:
    resolve = getattr(container, "_resolve_node_interpolation", None)
    if resolve is None:
        return

    @functools.wraps(resolve)
    def follow(*args: Any, **kwargs: Any) -> Any:
        node = resolve(*args, **kwargs)
        current = getattr(_local, "access", None)
        if current is not None and len(current.targets) < 1000:
            current.targets.append(nodes.full_name(node))
        return node

    container._resolve_node_interpolation = follow


def _got_attribute(access: _Access, result: Any, node: Any, key: Any) -> None:
    if isinstance(key, str) and key.startswith("__"):
        return  # Python and libraries ask every object for such
    asker = asking.asker(access.frame)
    if isinstance(result, Exception):
        # an error that Python itself turned into a default; any other is the caller's to deal with
        if asker.repository and isinstance(result, AttributeError) and asking.calls(access.frame):
            seen_config.absent(nodes.full_name(node, key), asking.default_of(access.frame), asker)
        return
    _got(access, asker, node, key)


def _got_item(access: _Access, result: Any, node: Any, key: Any) -> None:
    if isinstance(result, Exception):
        return
    asker = asking.asker(access.frame)
    if asker.repository and getattr(_local, "listing", None) == (id(node), id(access.frame), access.frame.f_lasti):
        _convert(access, asker, node)  # dict(node), **node
    else:
        _got(access, asker, node, key)


def _got(access: _Access, asker: asking.Asker, node: Any, key: Any) -> None:
    if asker.repository:
        if not nodes.is_branch(access.child or _child(node, key)):
            seen_config.read([nodes.full_name(node, key), *access.targets], asker)
        seen_config.root_in_use(node)
    elif asker.library:
        _convert(access, asker, node)


def _got_with_default(access: _Access, result: Any, node: Any, key: Any, *defaults: Any, **named: Any) -> None:
    asker = asking.asker(access.frame)
    if not asker.repository or isinstance(result, Exception):
        return
    if access.child is None or access.child._is_missing():
        seen_config.absent(nodes.full_name(node, key), nodes.value_text(result), asker)
    else:
        _got(access, asker, node, key)


def _set_default(access: _Access, result: Any, node: Any, key: Any, *defaults: Any, **named: Any) -> None:
    _got_with_default(access, result, node, key)
    if access.child is None:
        _set(access, result, node, key, result)


def _asked_for(access: _Access, result: Any, node: Any, key: Any) -> None:
    asker = asking.asker(access.frame)
    if asker.repository and result is False:
        seen_config.absent(nodes.full_name(node, key), "False", asker)


def _listed(access: _Access, result: Any, node: Any) -> None:
    _local.listing = (id(node), id(access.frame), access.frame.f_lasti)


def _converted(access: _Access, result: Any, node: Any = None, *args: Any, **kwargs: Any) -> None:
    if not isinstance(result, Exception):
        _convert(access, asking.asker(access.frame), kwargs.get("cfg", node))


def _written(access: _Access, result: Any, node: Any = None, *args: Any, **kwargs: Any) -> None:
    if not isinstance(result, Exception):
        node = kwargs.get("cfg", kwargs.get("config", node))
        _convert(access, asking.asker(access.frame), node, text=True)


def _convert(access: _Access, asker: asking.Asker, node: Any, *, text: bool = False) -> None:
    if not asker.place or asker.hydra or nodes.content(node) is None:
        return
    name = nodes.full_name(node)
    seen_config.converted(name, asker, text=text)
    for target in access.targets:
        if name and target != name and not target.startswith(f"{name}."):
            seen_config.converted(target, asker, text=text)


def _selected(access: _Access, result: Any, node: Any, key: Any, **options: Any) -> None:
    asker = asking.asker(access.frame)
    if not asker.repository or isinstance(result, Exception):
        return
    name = ".".join(part for part in (nodes.full_name(node), str(key).lstrip(".")) if part)
    select = sys.modules["omegaconf._impl"].select_node
    child = select(node, key, throw_on_resolution_failure=False, absolute_key=options.get("absolute_key", False))
    if child is None or child._is_missing():
        seen_config.absent(name.partition("[")[0], nodes.value_text(result), asker)
    elif not nodes.is_branch(child):
        seen_config.read([name.partition("[")[0], *access.targets], asker)
    seen_config.root_in_use(node)


def _updated(access: _Access, result: Any, node: Any, key: Any, value: Any = None, **options: Any) -> None:
    asker = asking.asker(access.frame)
    if asker.repository and not isinstance(result, Exception):
        name = ".".join(part for part in (nodes.full_name(node), str(key)) if part)
        seen_config.assigned(nodes.leaves(_child_of(node, key), name))


def _set(access: _Access, result: Any, node: Any, key: Any, value: Any) -> None:
    asker = asking.asker(access.frame)
    if asker.repository and not isinstance(result, Exception):
        seen_config.assigned(nodes.leaves(_child(node, key), nodes.full_name(node, key)))


def _made(access: _Access, result: Any, *args: Any, **kwargs: Any) -> None:
    asker = asking.asker(access.frame)
    if asker.repository and nodes.is_branch(result):
        seen_config.made(result)


def _nothing(*_: Any) -> None:
    return None


@guarded
def _child(node: Any, key: Any) -> Any:
    inner = nodes.content(node)
    return inner.get(key) if isinstance(inner, dict) else None


def _child_of(node: Any, dotted: Any) -> Any:
    for key in str(dotted).split("."):
        node = _child(node, key)
    return node
