"""Sentences with a tag per word: names of people, firms, towns and other things, told by the words alone.

The parts of speech and the chunks, where a dataset has them, are right for the few sentence forms there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.news import NAMES, TRADES
from windtunnel.hub.generate.topics import NOUNS
from windtunnel.hub.generate.world import FIRST_NAMES, LAST_NAMES, TOWNS

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from windtunnel.hub.generate.grammar import Fields, Setting

CONLL_TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC")
# the numbers that CoNLL-2003 gives to the parts of speech and the chunks used here
POS_NUMBERS = {",": 6, ".": 7, "CD": 11, "DT": 12, "IN": 15, "JJ": 16, "NN": 21, "NNP": 22, "VBD": 38}
CHUNK_NUMBERS = {"O": 0, "B-NP": 11, "I-NP": 12, "B-PP": 13, "B-VP": 21}

PEOPLE = frozenset({"PER", "person"})
FIRMS = frozenset({"ORG", "corporation", "group"})
PLACES = frozenset({"LOC", "location", "GPE", "LOCATION"})
ADJECTIVES = ("Baltic", "Iberian", "Nordic", "Alpine", "Flemish", "Gaelic", "Saxon", "Levantine")
LANDSCAPES = ("Bay", "Hills", "Valley", "Heath")
EVENTS = ("Cup", "Open", "Prize", "Festival")
VERBS = ("visited", "praised", "joined", "left", "reached", "watched", "named", "met")
FILLERS = (
    (("after", "IN"), ("the", "DT"), ("match", "NN")),
    (("on", "IN"), ("a", "DT"), ("cold", "JJ"), ("day", "NN")),
    (("in", "IN"), ("two", "CD"), ("hours", "NN")),
    (("for", "IN"), ("the", "DT"), ("press", "NN")),
)


def tagged_sentence(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``tokens`` and ``tags``; also ``pos`` and ``chunks``, as the dataset or else CoNLL-2003 numbers them."""
    names = setting.labels.get("tags", CONLL_TAGS)
    numbers = {name: place for place, name in enumerate(names)}
    kinds = [name.removeprefix("B-") for name in names if name.startswith("B-")]
    words: list[tuple[str, str]] = []
    tags: list[str] = []
    for place in range(setting.length(rng, 1, 3)):
        if place:
            words.append((",", ","))
            tags.append("O")
        for part in (rng.choice(kinds), None, rng.choice(kinds), *([None] * rng.randrange(2))):
            drawn = _name(rng, part, kinds) if part else _between(rng, after=words)
            words += drawn
            tags += [f"{'I' if at else 'B'}-{part}" if part else "O" for at in range(len(drawn))]
    words.append((".", "."))
    tags.append("O")
    pos = [kind for _, kind in words]
    return {
        "tokens": [word for word, _ in words],
        "tags": [numbers.get(tag, numbers.get(tag.replace("I-", "B-", 1), 0)) for tag in tags],
        "pos": _numbered(pos, setting.labels.get("pos", ()), POS_NUMBERS),
        "chunks": _numbered(_chunks(pos), setting.labels.get("chunks", ()), CHUNK_NUMBERS),
    }


def _name(rng: random.Random, kind: str, kinds: Sequence[str]) -> list[tuple[str, str]]:
    if kind in PEOPLE:
        parts = [rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)][rng.randrange(2) :]
    elif kind in FIRMS:
        parts = [rng.choice(NAMES), rng.choice(TRADES)]
    elif kind in PLACES:
        parts = [rng.choice(TOWNS), rng.choice(LANDSCAPES)][: rng.choice((1, 1, 2))]
    elif kind == "MISC":
        parts = [rng.choice(ADJECTIVES), rng.choice(EVENTS)][: rng.randint(1, 2)]
    else:
        own = NOUNS[kinds.index(kind) :: len(kinds)]  # other kinds share out the nouns among them
        parts = [rng.choice(own), rng.choice(own)][rng.randrange(2) :]
        return [(part.capitalize(), "NNP") for part in parts]
    return [(part, "NNP") for part in parts]


def _between(rng: random.Random, *, after: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    verb_is_there = any(kind == "VBD" for _, kind in after[-4:])
    return list(rng.choice(FILLERS)) if verb_is_there else [(rng.choice(VERBS), "VBD")]


def _chunks(pos: Sequence[str]) -> list[str]:
    chunks: list[str] = []
    for kind in pos:
        if kind in {",", "."}:
            chunks.append("O")
        elif kind in {"VBD", "IN"}:
            chunks.append("B-VP" if kind == "VBD" else "B-PP")
        else:
            chunks.append("I-NP" if chunks and chunks[-1].endswith("NP") else "B-NP")
    return chunks


def _numbered(names: Sequence[str], labels: Sequence[str], otherwise: dict[str, int]) -> list[int]:
    return [labels.index(name) if name in labels else otherwise[name] for name in names]
