"""Instruments for a library, put in place at the moment when the flown code has imported it.

A finder before all others lets these find the module and changes nothing but the loader's ``exec_module``, on that one
loader, once: module, spec and loader are those of the library.
"""

from __future__ import annotations

import sys

from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_waiting: dict[str, list[Callable[[Any], None]]] = {}
_prepare: list[tuple[Callable[[str], bool], Callable[[Any], None]]] = []


def after_import(name: str, install: Callable[[Any], None]) -> None:
    """Have ``install`` called with the module ``name`` as soon as it has run; at once if it has already."""
    module = sys.modules.get(name)
    if module is not None:
        guarded(install)(module)
        return
    _waiting.setdefault(name, []).append(guarded(install))


def before_import(wanted: Callable[[str], bool], prepare: Callable[[Any], None]) -> None:
    """Have ``prepare`` called with the spec of every module of which ``wanted`` likes the name."""
    _prepare.append((wanted, guarded(prepare)))


class Finder:
    """Sees every import; most pass at the cost of a look into a dictionary."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        """Return what the other finders find, where an instrument waits for the module; else nothing."""
        prepare = [change for wanted, change in _prepare if wanted(name)]
        if name not in _waiting and not prepare:
            return None
        for finder in sys.meta_path:
            find = getattr(finder, "find_spec", None)
            if finder is Finder or find is None:
                continue
            spec = find(name, path, target)
            if spec is not None:
                for change in prepare:
                    change(spec)
                if name in _waiting:
                    _follow(spec.loader, name)
                return spec
        return None


@guarded
def _follow(loader: Any, name: str) -> None:
    run = loader.exec_module

    def exec_module(module: Any) -> Any:
        del loader.exec_module
        run(module)
        for install in _waiting.pop(name, ()):
            install(module)

    loader.exec_module = exec_module


def install() -> None:
    """Put the finder before the others."""
    sys.meta_path.insert(0, Finder)
