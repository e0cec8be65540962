"""Data loaders: how often they are iterated and how many batches are taken, by the line that iterates."""

from __future__ import annotations

import functools
import sys

from . import places, rows, story, wire
from .guard import guarded
from .story import Kept

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_PLACES = 100
_MARK, _PASS = "_windtunnel_loader", "_windtunnel_pass"

_seen = Kept("loaders", _MOST_PLACES)


def install(module: Any) -> None:
    """Watch data loaders.

    Args:
        module: ``torch.utils.data.dataloader``.
    """
    story.part(lambda: {"loaders": [dict(entry) for entry in _seen.values()]}, _seen.clear)
    rows.install()
    _watch_iterations(module.DataLoader)
    _watch_batches(module._BaseDataLoaderIter)


def _watch_iterations(loader_class: Any) -> None:
    iterate = loader_class.__iter__

    @functools.wraps(iterate)
    def __iter__(self: Any) -> Any:  # noqa: N807
        iterator = iterate(self)
        _began(self, iterator)
        return iterator

    loader_class.__iter__ = __iter__


def _watch_batches(iterator_class: Any) -> None:
    take = iterator_class.__next__

    @functools.wraps(take)
    def __next__(self: Any) -> Any:  # noqa: N807
        begun = getattr(self, _PASS, None)
        try:
            batch = take(self)
        except StopIteration:
            if begun is not None:
                rows.end(begun)
            raise
        entry = getattr(self, _MARK, None)
        if entry is not None:
            entry["batches"] += 1
            wire.touch()
        if begun is not None:
            guarded(begun.take)(batch)
        return batch

    iterator_class.__next__ = __next__


@guarded
def _began(loader: Any, iterator: Any) -> None:
    place = places.here(sys._getframe(2))
    entry = _seen.get(place, lambda: {"place": place, "batches": 0, "iterations": 0, "rows": None, "length": None})
    if entry is None:
        return
    entry["iterations"] += 1
    for name, value in (("rows", _length(loader.dataset)), ("length", _length(loader))):
        if value is not None:
            entry[name] = max(value, entry[name] or 0)
    setattr(iterator, _MARK, entry)
    setattr(iterator, _PASS, rows.begin(place))
    wire.touch()


def _length(sized: Any) -> int | None:
    """Return the length of what may have none; data sets are often the repository's own code."""
    try:
        return len(sized)
    except Exception:  # noqa: BLE001
        return None
