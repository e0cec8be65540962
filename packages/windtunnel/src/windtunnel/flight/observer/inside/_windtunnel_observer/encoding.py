"""JSON without :mod:`json`, whose import takes as long as all of the observer, where the flown program has none."""

from __future__ import annotations

import sys

try:
    from _json import encode_basestring_ascii
except ImportError:  # an interpreter without C's half of json
    from json.encoder import encode_basestring_ascii

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any


def encoded(value: Any) -> bytes:
    """Return a snapshot, or a part of one, as JSON.

    Args:
        value: dictionaries with texts as keys, lists, tuples, texts, whole and finite numbers, truth values, None.

    Raises:
        TypeError: something else is in it.
    """
    json = sys.modules.get("json")
    if json is not None and hasattr(json, "dumps"):
        text: str = json.dumps(value, separators=(",", ":"), check_circular=False)
    else:
        text = _written(value)
    return text.encode()


def _written(value: Any) -> str:
    kind = type(value)
    if kind is str:
        return encode_basestring_ascii(value)
    if value is None or value is True or value is False:
        return {None: "null", True: "true", False: "false"}[value]
    if kind in {int, float}:
        return repr(value)
    if kind in {list, tuple}:
        return f"[{','.join([_written(entry) for entry in value])}]"
    if kind is dict:
        pairs = [f"{encode_basestring_ascii(key)}:{_written(entry)}" for key, entry in value.items()]
        return f"{{{','.join(pairs)}}}"
    raise TypeError(f"a snapshot holds {kind.__name__}, which JSON has not")
