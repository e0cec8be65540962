"""Which rows passes over data loaders took for training, and whether the other passes took the same ones.

A pass during which ``backward`` was called trained; the others measured. Rows are known by a hash of their tokens
(without padding) or of some of their numbers; what is kept of them is the hashes alone.
"""

from __future__ import annotations

from . import losses, story
from .guard import guarded

TYPE_CHECKING = False  # importing typing would cost more than all else
if TYPE_CHECKING:
    from typing import Any

_MOST_ROWS = 20_000
_NUMBERS = 8192  # of a row that is no text, beside the sum of all
_INPUTS = ("input_ids", "pixel_values", "inputs", "x", "image", "images", "img")
_PREFETCHED = 2  # batches that a loader may be ahead of the training
_LEAST_DIMENSIONS = 2  # one number a row is a label

_open: list[Pass] = []
_trained: set[int] = set()
_measured: dict[str, set[int]] = {}


class Pass:
    """One pass over a loader.

    Args:
        place: the line that iterates.
    """

    def __init__(self, place: str) -> None:
        self.place = place
        self.rows: set[int] = set()
        self.taken = 0
        self.trained = False
        self.readable = True
        self._calls = losses.calls.count

    def look(self) -> None:
        """Notice whether ``backward`` was called since the last look."""
        self.trained = self.trained or losses.calls.count > self._calls
        self._calls = losses.calls.count

    def take(self, batch: Any) -> None:
        """Take down the rows of a batch."""
        if self.taken:
            self.look()
        else:
            self._calls = losses.calls.count
        self.taken += 1
        if not self.readable or len(self.rows) > _MOST_ROWS:
            return
        found = _rows(batch)
        self.readable = found is not None
        self.rows.update(found or ())

    def end(self) -> None:
        """Put the rows where they belong."""
        if self.trained:
            _trained.update(self.rows if len(_trained) < _MOST_ROWS else ())
        elif self.rows:
            _measured.setdefault(self.place, set()).update(self.rows)


def install() -> None:
    """Tell of rows from now on."""
    story.part(_tell, _forget)
    story.at_end(_end_all)


@guarded
def begin(place: str) -> Pass:
    """Begin a pass over a loader."""
    begun = Pass(place)
    _open.append(begun)
    return begun


@guarded
def end(ended: Pass) -> None:
    """End a pass: the loader has no more batches."""
    if ended in _open:
        _open.remove(ended)
        ended.look()
        ended.end()


def _end_all() -> None:
    """End the passes that were left early; one of which too little was taken to tell what it was for does not count."""
    while _open:
        left = _open.pop()
        if left.trained or left.taken > _PREFETCHED:
            left.end()


def _rows(batch: Any) -> list[int] | None:
    """A number for each row of a batch, None if its inputs are not found."""
    inputs, mask = _inputs(batch)
    if inputs is None or inputs.device.type != "cpu" or inputs.dim() < _LEAST_DIMENSIONS:
        return None
    if mask is not None and mask.shape == inputs.shape:
        return [hash(tuple(row[kept.bool()].tolist())) for row, kept in zip(inputs, mask)]  # noqa: B905  # Python 3.8
    flat = inputs.reshape(len(inputs), -1)
    some = flat[:, :: max(1, flat.shape[1] // _NUMBERS)]
    return [hash((total, *row)) for total, row in zip(flat.double().sum(1).tolist(), some.tolist())]  # noqa: B905


def _inputs(batch: Any) -> tuple[Any, Any]:
    """The tensor with the inputs of a batch, and its attention mask."""
    values = getattr(batch, "data", batch) if hasattr(batch, "keys") else batch
    if isinstance(values, dict):
        named = next((values[name] for name in _INPUTS if hasattr(values.get(name), "dim")), None)
        return named, values.get("attention_mask") if values.get("input_ids") is named else None
    if isinstance(values, (list, tuple)):
        return next((value for value in values if hasattr(value, "dim")), None), None
    return (values, None) if hasattr(values, "dim") else (None, None)


def _tell() -> dict[str, Any]:
    return {
        "rows": [
            {"place": place, "measured": len(rows), "trained": len(rows & _trained)}
            for place, rows in list(_measured.items())
        ]
    }


def _forget() -> None:
    _open.clear()
    _trained.clear()
    _measured.clear()
