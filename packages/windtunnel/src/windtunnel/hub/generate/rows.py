"""Rows of a generated split: distinct over all splits of a config, the same for the same name, on any machine."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from windtunnel.errors import WindtunnelError
from windtunnel.hub.generate.film_reviews import film_review
from windtunnel.hub.generate.news import news_pair
from windtunnel.hub.generate.scenes import scene_pair

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Row = dict[str, str | int | float]
Grammar = Callable[[random.Random, str], Row]

GRAMMARS: dict[str, Grammar] = {"film_reviews": film_review, "news": news_pair, "scenes": scene_pair}

UNLABELLED = -1  # what the hub stores where a benchmark keeps its test labels to itself
DRAWS_PER_ROW = 50


def generate_splits(
    grammar: str, rows: Mapping[str, int], *, seed: str, unlabelled: Collection[str] = ()
) -> dict[str, list[Row]]:
    """Draw the rows of every split.

    Args:
        grammar: a key of ``GRAMMARS``.
        rows: split name → number of rows, in the order in which they are drawn.
        seed: the same seed gives the same rows.
        unlabelled: splits whose labels are replaced by -1.

    Returns:
        Split name → rows, each with an ``idx`` that counts from 0 in its split. No text occurs twice, neither in
        a split nor in two of them.

    Raises:
        WindtunnelError: the grammar has too few distinct sentences for ``rows``.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible text, no secret
    seen: set[tuple[object, ...]] = set()
    return {
        split: _draw(grammar, rng, split=split, count=count, seen=seen, labelled=split not in unlabelled)
        for split, count in rows.items()
    }


def _draw(
    grammar: str,
    rng: random.Random,
    *,
    split: str,
    count: int,
    seen: set[tuple[object, ...]],
    labelled: bool,
) -> list[Row]:
    drawn: list[Row] = []
    for _ in range(count * DRAWS_PER_ROW):
        row = GRAMMARS[grammar](rng, split)
        text = tuple(value for column, value in row.items() if column != "label")
        if text in seen:
            continue
        seen.add(text)
        drawn.append({**row, "label": row["label"] if labelled else UNLABELLED, "idx": len(drawn)})
        if len(drawn) == count:
            break
    else:
        raise WindtunnelError(
            f"the grammar {grammar!r} gave {len(drawn)} distinct rows for the split {split!r} in "
            f"{count * DRAWS_PER_ROW} draws, {count} were asked for; lower `rows` in the catalogue or widen the grammar"
        )
    return drawn
