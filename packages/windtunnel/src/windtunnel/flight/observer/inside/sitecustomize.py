"""Python imports this module by itself when it starts: the observer begins to watch, and another one gets its turn.

It runs in the flown environment, on Python 3.9 and later, with nothing but the standard library. The program that is
flown must not notice: the folders that bring the observer in are taken off ``sys.path`` again, nothing that a program
might have forgotten to import is imported for it, and whatever fails in here is told to the reviewer only.
"""

from __future__ import annotations

import os
import sys

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  # pathlib would cost more than all else


def _begin() -> None:
    try:
        if os.environ.get("WINDTUNNEL_OBSERVER"):
            from _windtunnel_observer import start  # noqa: PLC0415

            start.watch()
    except Exception:  # noqa: BLE001, S110  # what is flown goes on, unobserved
        pass


def _give_way() -> None:
    """Take this folder off the path and run the ``sitecustomize`` that Python would have run without it."""
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != _FOLDER]  # noqa: PTH100
    this = sys.modules.pop(__name__, None)
    try:
        __import__(__name__)
    except ImportError as error:
        if error.name != __name__:
            raise
    finally:
        if this is not None:
            sys.modules.setdefault(__name__, this)


_begin()
_give_way()
