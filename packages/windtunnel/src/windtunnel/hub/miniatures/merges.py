"""Byte pair merges made from a list of words, so that each word becomes one token and every other text still has some.

No corpus is counted: words are taken in their order, and whatever of a word the merges before it leave in pieces is
merged from the left. The same list gives the same merges on any machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Pair = tuple[str, str]


def merges_for(words: Iterable[str], *, room: int) -> list[Pair]:
    """Find merges after which each of ``words`` is one token.

    Args:
        words: written in the symbols of the vocabulary, one character a symbol.
        room: how many tokens the merges may make; words that come later stay in pieces.

    Returns:
        The merges in the order in which they apply; the token that one makes is new each time.
    """
    ranks: dict[Pair, int] = {}
    made: set[str] = set()
    for word in words:
        symbols = _apply(ranks, list(word))
        while len(symbols) > 1 and len(ranks) < room:
            pair = (symbols[0], symbols[1])
            if "".join(pair) in made:  # another pair makes the same token; a second way to it would shift all ids
                break
            ranks[pair] = len(ranks)
            made.add("".join(pair))
            symbols = _apply(ranks, ["".join(pair), *symbols[2:]])
    return list(ranks)


def _apply(ranks: dict[Pair, int], symbols: list[str]) -> list[str]:
    """Merge as the tokenizer does: the pair that was merged first comes first, from the left."""
    while len(symbols) > 1:
        places = range(len(symbols) - 1)
        best = min(places, key=lambda place: ranks.get((symbols[place], symbols[place + 1]), len(ranks)))
        if (symbols[best], symbols[best + 1]) not in ranks:
            break
        symbols = [*symbols[:best], symbols[best] + symbols[best + 1], *symbols[best + 2 :]]
    return symbols
