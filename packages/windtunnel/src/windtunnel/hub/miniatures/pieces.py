"""The pieces that a miniature's tokenizer knows: English words, their spellings, and synthetic ones that never occur.

A real vocabulary has its real size, so that ids and embedding rows are right. What no English word fills is filled
with words that no text holds: seven consonants, which a model with random weights may print but nobody types.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

CONSONANTS = "bcdfghjklmnpqrstvwxz"
SYNTHETIC_LETTERS = 7
SYNTHETIC_START = "zq"  # begins no English word
CAPITALISED = 3000  # of the most frequent words
UNSPACED = 1500  # of the most frequent words; they also follow a quotation mark or a bracket
ENDINGS = 400


@cache
def words() -> tuple[str, ...]:
    """English words in lower case, the frequent ones first."""
    text = (resources.files(__package__) / "words.txt").read_text(encoding="ascii")
    return tuple(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


@cache
def spellings() -> tuple[str, ...]:
    """The words, the most frequent ones also with a capital, and numbers of two digits; in order of frequency."""
    spelled: dict[str, None] = {}
    for place, word in enumerate(words()):
        spelled[word] = None
        if place < CAPITALISED:
            spelled[word.capitalize()] = None
    spelled.update(dict.fromkeys(str(number) for number in range(10, 100)))
    return tuple(spelled)


@cache
def endings() -> tuple[str, ...]:
    """The most frequent last two to four letters of the words."""
    counts: dict[str, int] = {}
    for word in words():
        for length in (2, 3, 4):
            if len(word) > length:
                counts[word[-length:]] = counts.get(word[-length:], 0) + 1
    return tuple(sorted(counts, key=lambda ending: (-counts[ending], ending))[:ENDINGS])


def synthetic(count: int) -> list[str]:
    """``count`` distinct words that occur in no text."""
    digits = SYNTHETIC_LETTERS - len(SYNTHETIC_START)
    made = []
    for number in range(count):
        letters = []
        rest = number * 7919 % len(CONSONANTS) ** digits  # neighbours look different: 7919 and 20 have no common factor
        for _ in range(digits):
            rest, letter = divmod(rest, len(CONSONANTS))
            letters.append(CONSONANTS[letter])
        made.append(SYNTHETIC_START + "".join(letters))
    return made


def filled(size: int, fixed: dict[int, str], pieces: Iterable[str], *, filler: str = "{}") -> list[str]:
    """Lay out a vocabulary.

    Args:
        size: how many pieces it has.
        fixed: id → piece, for those whose id is given; ids from ``size`` on are left to the caller.
        pieces: put in the other places in this order, each once; what is left over is not used.
        filler: how a synthetic word is written as a piece.

    Returns:
        The pieces by their id.
    """
    taken = set(fixed.values())
    wanted = _once(pieces, taken)
    spare = iter(synthetic(size))
    return [
        fixed[place] if place in fixed else next(wanted, None) or filler.format(next(spare)) for place in range(size)
    ]


def _once(pieces: Iterable[str], taken: Collection[str]) -> Iterator[str]:
    return (piece for piece in dict.fromkeys(pieces) if piece not in taken)


def numbered(template: str, first: int, last: int) -> list[str]:
    """``template`` with each number from ``first`` to ``last``, which may be the smaller one."""
    step = 1 if last >= first else -1
    return [template.format(number) for number in range(first, last + step, step)]
