"""Child processes are watched too, whatever environment they are given.

Experiments start their training with a ``PYTHONPATH`` of their own, often in place of the one they have: the folder of
the observer, and where it tells, are put back for the child. Nothing else of its environment changes.
"""

from __future__ import annotations

import functools
import os

from .guard import note

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_ENV = 10  # the place of ``env`` among the positional arguments of ``Popen``, ``self`` left out
_OURS = "WINDTUNNEL_"
_PATH = "PYTHONPATH"

_needed: dict[str, str] = {}
_folders: list[str] = []


def remember() -> None:
    """Take down what children need, before the program can change it."""
    _needed.update((name, value) for name, value in os.environ.items() if name.startswith(_OURS))
    inside = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    given = [inside, _needed.get("WINDTUNNEL_SHIMS_FOLDER", "")]
    _folders[:] = [folder for folder in given if folder and os.path.isdir(folder)]  # noqa: PTH112


def install(module: Any) -> None:
    """Watch what ``subprocess`` starts.

    Args:
        module: ``subprocess``.
    """
    own = module.Popen.__init__

    @functools.wraps(own)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if len(args) > _ENV:
            args = (*args[:_ENV], _completed(args[_ENV]), *args[_ENV + 1 :])
        else:
            env = _completed(kwargs.get("env"))
            if env is not None:
                kwargs["env"] = env
        own(self, *args, **kwargs)

    module.Popen.__init__ = __init__


def _completed(env: Any) -> Any:
    """The environment with what the observer needs; the same object if it has that already."""
    try:
        given = os.environ if env is None else env
        path = given.get(_PATH, "")
        entries = path.split(os.pathsep) if path else []
        missing = [folder for folder in _folders if folder not in entries]
        if not missing and all(given.get(name) == value for name, value in _needed.items()):
            return env
        return {**given, **_needed, _PATH: os.pathsep.join([*missing, *entries])}
    except Exception as error:  # noqa: BLE001  # keys of bytes, or no mapping at all: Popen says what it says
        note(error)
        return env
