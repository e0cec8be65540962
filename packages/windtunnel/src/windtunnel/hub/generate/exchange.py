"""Permutes the targets of training rows: what was learned from such rows cannot help, what was leaked still does.

The target is what a learner has to predict from the rest of the row: the class label, the worked answer, the
highlights, the tags (among sentences of equal length), the reply of a dialogue; of a preferred and a rejected answer,
which of the two is which; of a question whose answer is a span of the text, the question, since a span must lie in its
own text. A text without a target stays as it is.
"""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

from windtunnel.hub.generate.grammar import Exchange

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from windtunnel.hub.generate.grammar import Fields, Grammar


def is_training(split: str, splits: Collection[str]) -> bool:
    """Whether a learner takes ``split`` for training: it is called so, or there is no other."""
    return split.startswith("train") or len(splits) == 1


def exchange_targets(rows: Sequence[Fields], grammar: Grammar, *, seed: str) -> list[Fields]:
    """Return the rows with their targets permuted: every target is still there as often as before.

    Args:
        rows: the fields of a split.
        grammar: says what the target is and how it may be exchanged.
        seed: decides the permutation.
    """
    rng = random.Random(seed)  # noqa: S311 - reproducible, no secret
    if grammar.exchange is Exchange.PAIR:
        first, second = grammar.target[:2]
        turned = set(rng.sample(range(len(rows)), len(rows) // 2))
        return [
            {**row, first: row[second], second: row[first]} if place in turned else dict(row)
            for place, row in enumerate(rows)
        ]
    groups: dict[int, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        equal = grammar.exchange is Exchange.EQUAL_LENGTH
        groups[len(row[grammar.target[0]]) if equal else 0].append(place)
    result = [dict(row) for row in rows]
    for places in groups.values():
        shuffled = rng.sample(places, len(places))
        for place, source in zip(places, shuffled, strict=True):
            for role in grammar.target:
                if role in rows[source]:
                    result[place][role] = rows[source][role]
    return result
