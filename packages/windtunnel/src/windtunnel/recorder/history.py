"""Reading a run's history as its questions need it, with memory that does not grow with the history.

Rows are read page by page; what is nested in them gets names with dots, as the real service gives it them. A sample is
drawn in two passes: the first keeps the numbers of the rows that qualify, the second reads the chosen ones.
"""

from __future__ import annotations

import json
from array import array
from typing import TYPE_CHECKING, Any

from graphql import GraphQLError

from windtunnel.recorder.sampling import evenly_spaced, flattened, has_keys, key_statistics, strict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.recorder.streams import Stream, Streams

DEFAULT_SAMPLES = 500  # wandb.apis.public.Run.history
MAX_ANSWER_CHARACTERS = 128 << 20  # of one answer; about two million rows of one number


class History:
    """The history of one run.

    Args:
        streams: where the lines are.
        run: key of the run.
    """

    def __init__(self, streams: Streams, run: int) -> None:
        self._streams = streams
        self._run = run

    def sampled_texts(self, samples: int | None, *, stream: Stream = "history") -> list[str]:
        """Return the texts of at most ``samples`` rows, 500 if that is None, evenly spaced.

        Raises:
            GraphQLError: the answer would be too long.
        """
        numbers = self._streams.numbers(self._run, stream)
        chosen = evenly_spaced(numbers, DEFAULT_SAMPLES if samples is None else samples)
        return _bounded(_flat(text) for text in self._streams.lines(self._run, stream, chosen))

    def texts_between(self, min_step: int | None, max_step: int | None) -> list[str]:
        """Return the texts of all rows with a step from ``min_step`` to before ``max_step``.

        Raises:
            GraphQLError: the answer would be too long.
        """
        pages = self._streams.pages(self._run, "history", min_step=min_step, max_step=max_step)
        return _bounded(_flat(text) for page in pages for _, text in page)

    def sampled(self, spec: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the rows that have all keys of a sampling specification, cut down to these, evenly spaced.

        Args:
            spec: ``{"keys": ["_step", "loss"], "samples": 500, "minStep": 0, "maxStep": 100}``; no keys mean all.

        Raises:
            GraphQLError: the specification is malformed, or the answer would be too long.
        """
        keys = keys_of(spec)
        min_step, max_step, samples = (_whole(spec, name) for name in ("minStep", "maxStep", "samples"))
        # The client's pages of a scan end with their last step since 0.27, which also names the step among the keys;
        # those of an older one end before maxStep, so that a whole page spans as many steps as it has samples.
        if max_step is not None and "_step" in keys and max_step - (min_step or 0) != samples:
            max_step += 1
        numbers = array("q")
        for page in self._streams.pages(self._run, "history", min_step=min_step, max_step=max_step):
            numbers.extend(number for number, text in page if not keys or has_keys(flattened(json.loads(text)), keys))
        chosen = evenly_spaced(numbers, DEFAULT_SAMPLES if samples is None else samples)
        rows = (flattened(json.loads(text)) for text in _bounded(self._streams.lines(self._run, "history", chosen)))
        # A row may have been replaced since the first pass.
        return [strict({key: row[key] for key in keys} if keys else row) for row in rows if has_keys(row, keys)]

    def statistics(self) -> dict[str, Any]:
        """Return which keys the history has; see :func:`windtunnel.recorder.sampling.key_statistics`."""
        pages = self._streams.pages(self._run, "history")
        rows = (flattened(json.loads(text)) for page in pages for _, text in page)
        return key_statistics(rows, last_step=self._streams.last_step(self._run))


def keys_of(spec: dict[str, Any]) -> list[str]:
    """Return the keys of a sampling specification.

    Raises:
        GraphQLError: they are no list of texts.
    """
    keys = spec.get("keys") or []
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise GraphQLError('a history spec is JSON like {"keys": ["_step", "loss"], "samples": 500}')
    return keys


def _whole(spec: dict[str, Any], name: str) -> int | None:
    value = spec.get(name)
    if isinstance(value, bool) or not isinstance(value, int | None):
        raise GraphQLError(f"'{name}' of a history spec is a whole number, not {value!r}")
    if value is not None and not -(2**62) < value < 2**62:
        raise GraphQLError(f"'{name}' of a history spec is beyond 62 bits")
    return value


def _flat(text: str) -> str:
    return json.dumps(flattened(json.loads(text))) if "{" in text[1:] else text


def _bounded(texts: Iterator[str]) -> list[str]:
    kept: list[str] = []
    characters = 0
    for text in texts:
        characters += len(text)
        if characters > MAX_ANSWER_CHARACTERS:
            raise GraphQLError(
                f"the answer would have more than {MAX_ANSWER_CHARACTERS} characters; ask for fewer samples or a "
                "smaller page_size"
            )
        kept.append(text)
    return kept
