"""What is known of how the configuration was used, in the form of ``windtunnel.evidence.ConfigSeen``."""

from __future__ import annotations

import weakref

from . import asking, nodes, story, wire
from .story import Kept
from .text import shown

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_KEYS, _MOST_PLACES, _MOST_VALUES = 2000, 20, 50

_keys: dict[str, str] = {}
_handed: list[bool] = []
_reads = Kept("config", _MOST_KEYS)
_absent = Kept("config", _MOST_KEYS)
_bulk = Kept("config", _MOST_KEYS)
_assigned = Kept("config", _MOST_KEYS)
_as_text: dict[str, bool] = {}
# configurations that code of the repository made of files or of others: their leaves count once one of them is read
_made: dict[int, weakref.ref[Any]] = {}


def install() -> None:
    """Tell of it."""
    story.part(_tell, _forget)
    story.watched["config"] = None


def _tell() -> dict[str, Any]:
    if not (_handed or _reads.entries or _absent.entries or _bulk.entries or _assigned.entries):
        return {"config": None}
    return {
        "config": {
            "keys": dict(list(_keys.items())[:_MOST_KEYS]),
            "reads": {key: list(places) for key, places in _reads.items()},
            "absent": [
                {"key": key, "default": entry[0], "place": place, "count": entry[1]}
                for (key, place), entry in _absent.items()
            ],
            "bulk": {key: list(places) for key, places in _bulk.items()},
            "assigned": {key: list(values) for key, values in _assigned.items()},
            "as_text": [place for place, text in list(_as_text.items()) if text],
        }
    }


def _forget() -> None:
    # what the parent read is not the child's, but the configuration is the same
    for kept in (_reads, _absent, _bulk, _assigned):
        kept.clear()
    _as_text.clear()


def composed(node: Any) -> None:
    """Take the leaves of a configuration that Hydra composed, its own apart."""
    _handed.append(True)
    for key, value in nodes.leaves(node).items():
        if not key.startswith("hydra."):
            _take(key, value)
    wire.touch()


def made(node: Any) -> None:
    """Remember a configuration that code of the repository loaded or merged."""
    number = id(node)
    _made[number] = weakref.ref(node, lambda _: _made.pop(number, None))


def root_in_use(node: Any) -> None:
    """Take the leaves of a configuration that was made by the repository, at the first read of it.

    They are named from its own root. One that was merged or put into another is read, and named, there.
    """
    if not _made:
        return
    root = node._get_root()
    reference = _made.get(id(root))
    if reference is not None and reference() is root:
        del _made[id(root)]
        for key, value in nodes.leaves(root).items():
            if not key.startswith("hydra."):
                _take(key, value)


def _take(key: str, value: str) -> None:
    if key not in _keys and len(_keys) >= _MOST_KEYS:
        story.cut["config"] = None
    else:
        _keys.setdefault(key, value)


def _add_place(kept: Kept, key: str, place: str) -> None:
    places = kept.get(key, dict)
    if places is not None and place not in places and len(places) < _MOST_PLACES:
        places[place] = None
        wire.touch()


def read(keys: list[str], asker: asking.Asker) -> None:
    """Count reads of leaves."""
    for key in keys:
        if key and not key.startswith("hydra."):
            _add_place(_reads, key, asker.place)


def absent(key: str, default: str, asker: asking.Asker) -> None:
    """Count a read of a key that was not there, and what was taken for it."""
    entry = _absent.get((key, asker.place), lambda: [shown(default), 0])
    if entry is not None:
        entry[1] += 1
        wire.touch()


def converted(key: str, asker: asking.Asker, *, text: bool) -> None:
    """Count the conversion of a whole node; ``text`` if all that came of it is text."""
    if not key.startswith("hydra.") and key != "hydra":
        _add_place(_bulk, key, asker.place)
        _as_text[asker.place] = text and _as_text.get(asker.place, True)


def assigned(leaves: dict[str, str]) -> None:
    """Count leaves that were set."""
    for key, value in leaves.items():
        values = _assigned.get(key, list)
        if values is not None and len(values) < _MOST_VALUES:
            values.append(value)
            wire.touch()
