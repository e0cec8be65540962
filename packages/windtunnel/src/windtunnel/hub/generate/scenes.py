"""Pairs of everyday scenes, labelled entailment, neutral or contradiction, in the style of MNLI.

The premise tells who does what and where. An entailed hypothesis says less (the general word for the person or the
deed), a contradicting one says what cannot be at the same time, a neutral one adds a reason that the premise does not
give. Splits whose name ends in ``mismatched`` take their people, deeds and places from genres that the others never
use.

Schema source: Williams, Nangia and Bowman, "A Broad-Coverage Challenge Corpus for Sentence Understanding through
Inference", NAACL 2018. No sentence is taken from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.cells import Row

ENTAILMENT, NEUTRAL, CONTRADICTION = 0, 1, 2


@dataclass(frozen=True)
class Genre:
    """Who can be met, what they do and where.

    Attributes:
        people: (noun phrase, general noun phrase), each followed by "is" or "are" as ``plural`` begins.
        deeds: (what they do, the general word for it, what they cannot do meanwhile).
        places: (place, the general word for it, where they cannot be meanwhile).
    """

    people: tuple[tuple[str, str], ...]
    deeds: tuple[tuple[str, str, str], ...]
    places: tuple[tuple[str, str, str], ...]


TOWN = Genre(
    people=(
        ("a young violinist is", "a musician is"),
        ("an old tailor is", "a man is"),
        ("the night nurse is", "somebody is"),
        ("two brothers are", "two people are"),
        ("a group of students are", "some people are"),
        ("the mayor 's daughter is", "a woman is"),
        ("a tired waiter is", "somebody is"),
        ("three children are", "some children are"),
        ("the bus driver is", "a driver is"),
        ("several tourists are", "some people are"),
    ),
    deeds=(
        ("playing a slow waltz", "making music", "keeping quite silent"),
        ("reading a thick novel", "reading", "swimming"),
        ("eating a bowl of soup", "having a meal", "fasting"),
        ("running after a bus", "moving", "sitting still"),
        ("painting a wooden fence", "painting something", "sleeping"),
        ("arguing about the rent", "talking", "keeping quite silent"),
        ("sleeping under a blanket", "resting", "dancing"),
        ("dancing to loud music", "dancing", "lying in bed"),
        ("buying fresh bread", "shopping", "driving a truck"),
        ("repairing a bicycle", "fixing something", "playing cards"),
    ),
    places=(
        ("in a crowded market", "in a busy place", "in an empty room"),
        ("in the public library", "in a building", "on a beach"),
        ("on the main square", "outdoors", "in a cellar"),
        ("in a small kitchen", "indoors", "in the middle of a lake"),
        ("at the railway station", "at a station", "at home"),
        ("in the old theatre", "in a building", "on a mountain"),
        ("in front of the town hall", "outdoors", "in a kitchen"),
        ("in the back of a shop", "indoors", "on a football field"),
    ),
)

COAST = Genre(
    people=(
        ("an experienced diver is", "a diver is"),
        ("the harbour master is", "somebody is"),
        ("four sailors are", "some people are"),
        ("a marine biologist is", "a scientist is"),
        ("the lighthouse keeper is", "somebody is"),
        ("both fishermen are", "two people are"),
        ("a retired captain is", "a man is"),
        ("the cook and her helper are", "two people are"),
    ),
    deeds=(
        ("mending a torn net", "fixing something", "asleep"),
        ("counting grey seals", "counting animals", "keeping both eyes shut"),
        ("steering a small boat", "controlling a boat", "taking a nap"),
        ("frying a fresh mackerel", "cooking", "swimming"),
        ("writing in the log book", "writing", "rowing"),
        ("diving for a lost anchor", "under water", "climbing a tree"),
        ("shouting against the wind", "making noise", "whispering"),
        ("waiting for the tide", "waiting", "leaving at once"),
    ),
    places=(
        ("off the north coast", "near the sea", "in a desert"),
        ("on board the ferry", "on a ship", "on a train"),
        ("at the end of the pier", "outdoors", "in an office"),
        ("between two small islands", "near the sea", "in a city"),
        ("in the engine room", "indoors", "on a hill"),
        ("on a rocky beach", "outdoors", "in a cinema"),
    ),
)

TIMES = (
    "this morning",
    "late in the evening",
    "after the storm",
    "on a cold sunday",
    "before sunrise",
    "at noon",
    "during the strike",
    "on the last day of may",
)

REASONS = (
    "for a prize",
    "to please a friend",
    "because of a bet",
    "for the first time",
    "for the local newspaper",
    "to forget a quarrel",
    "as they do every year",
    "for very little money",
)


def scene_pair(rng: random.Random, split: str) -> Row:
    """Draw one pair.

    Returns:
        ``premise``, ``hypothesis`` and ``label`` (0 entailment, 1 neutral, 2 contradiction).
    """
    genre = COAST if split.endswith("mismatched") else TOWN
    person, anyone = rng.choice(genre.people)
    deed, general_deed, other_deed = rng.choice(genre.deeds)
    place, general_place, other_place = rng.choice(genre.places)
    premise = f"{person} {deed} {place} {rng.choice(TIMES)}"
    label = rng.choice((ENTAILMENT, NEUTRAL, CONTRADICTION))
    # "a violinist is" must not become "some people is": the general phrase brings its own verb
    if label == ENTAILMENT:
        hypothesis = rng.choice(
            (
                f"{anyone} {general_deed}",
                f"{person} {general_deed}",
                f"{anyone} {deed}",
                f"{anyone} {general_place}",
                f"{person} {deed} {general_place}",
            )
        )
    elif label == NEUTRAL:
        hypothesis = f"{rng.choice((person, anyone))} {rng.choice((deed, general_deed))} {rng.choice(REASONS)}"
    else:
        hypothesis = rng.choice(
            (
                f"{person} {other_deed}",
                f"{person} {deed} {other_place}",
                f"{person} {other_place}",
                f"nobody is {general_deed} {place}",
            )
        )
    return {"premise": _sentence(premise), "hypothesis": _sentence(hypothesis), "label": label}


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."
