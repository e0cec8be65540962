"""Short stories of invented people, from which articles, questions, summaries and plain prose are made.

A story is a list of facts about one person; each fact is a sentence, and a question whose answer is a span of that
sentence. Everything is drawn from the lists below; no name, firm or event is real.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

FIRST_NAMES = (
    "Agnes", "Anton", "Bella", "Boris", "Clara", "Conrad", "Dora", "Edgar", "Elena", "Felix", "Greta", "Hugo",
    "Ingrid", "Ivan", "Judith", "Karl", "Lena", "Leo", "Mara", "Nils", "Olga", "Oscar", "Paula", "Ralf",
    "Rosa", "Simon", "Stella", "Theo", "Ursula", "Victor", "Wanda", "Zeno",
)  # fmt: skip
LAST_NAMES = (
    "Aldous", "Barlow", "Carver", "Dunmore", "Ekman", "Farrow", "Gorman", "Hadley", "Ibsen", "Jarvis", "Kessel",
    "Lindt", "Marlow", "Norris", "Oakley", "Pruitt", "Quimby", "Rowland", "Sandler", "Thorpe", "Ullman", "Varga",
    "Wexley", "Yates",
)  # fmt: skip
TOWNS = (
    "Antwerp", "Bergen", "Bilbao", "Cork", "Dresden", "Gdansk", "Leeds", "Lyon", "Malmo", "Porto", "Turin", "Zagreb",
    "Aarhus", "Bristol", "Cadiz", "Ghent", "Graz", "Nantes", "Riga", "Siena", "Tartu", "Utrecht", "Verona", "Vilnius",
)  # fmt: skip
JOBS = (
    "a baker", "a nurse", "a plumber", "a teacher", "a painter", "a farmer", "a clerk", "a tailor", "a pilot",
    "a dentist", "a gardener", "a carpenter", "a librarian", "a photographer", "a chemist", "a violinist",
)  # fmt: skip
DEEDS = (
    ("repaired", "repair"), ("bought", "buy"), ("sold", "sell"), ("painted", "paint"), ("found", "find"),
    ("lost", "lose"), ("built", "build"), ("opened", "open"), ("closed", "close"), ("moved", "move"),
)  # fmt: skip
THINGS = (
    "an old bridge", "a wooden boat", "a small bakery", "a stone tower", "a red tractor", "a broken clock",
    "a public garden", "a glass house", "a village school", "a water mill", "a narrow canal", "a town library",
    "a country inn", "a flour store", "a tram depot", "a paper factory",
)  # fmt: skip
SEASONS = ("spring", "summer", "autumn", "winter")
HELPERS = ("a cousin", "an old friend", "a neighbour", "two students", "the mayor", "a retired soldier", "a sister")
REASONS = (
    "to please the children", "to earn some money", "to keep a promise", "to win a bet", "to save time",
    "to help the poor", "to end a quarrel", "to remember the flood",
)  # fmt: skip
FEELINGS = ("proud", "tired", "glad", "worried", "surprised", "grateful", "calm", "angry")
REMARKS = (
    "The weather was mild for the time of the year.",
    "Most of the shops had already shut.",
    "A small crowd gathered and soon went home again.",
    "The local paper printed a short note about it.",
    "Nobody could say how long it would last.",
    "The road was closed for an hour.",
    "Several letters arrived in the following days.",
    "An official said that no rule had been broken.",
    "The bells rang twice that afternoon.",
    "Visitors are asked to come before noon.",
)


@dataclass(frozen=True)
class Fact:
    """One thing that a story tells.

    Attributes:
        sentence: that says it.
        question: whose answer it holds.
        answer: a span of ``sentence``, there once.
    """

    sentence: str
    question: str
    answer: str


@dataclass(frozen=True)
class Story:
    """What one person did.

    Attributes:
        name: of the person.
        home: where the person comes from.
        job: with its article.
        headline: the story in one sentence.
        facts: in the order in which they are told.
    """

    name: str
    home: str
    job: str
    headline: str
    facts: tuple[Fact, ...]


def draw_story(rng: random.Random, *, without: Sequence[str] = ()) -> Story:
    """Draw a story.

    Args:
        rng: decides all of it.
        without: names of people of whom nobody in it may have the last name.
    """
    name = draw_name(rng)
    while name.split()[1] in {other.split()[1] for other in without}:
        name = draw_name(rng)
    last = name.split()[1]
    home, place = rng.sample(TOWNS, 2)
    job, thing, helper = rng.choice(JOBS), rng.choice(THINGS), rng.choice(HELPERS)
    (did, do), reason, feeling = rng.choice(DEEDS), rng.choice(REASONS), rng.choice(FEELINGS)
    season, year = rng.choice(SEASONS), rng.randint(1950, 2019)
    days, price = rng.randint(2, 60), 100 * rng.randint(2, 90)
    facts = (
        Fact(f"{name} is {job}.", f"What does {name} do for a living?", job),
        Fact(f"{last} comes from {home}.", f"Where does {name} come from?", home),
        Fact(
            f"In the {season} of {year}, {name} {did} {thing}.",
            f"What did {name} {do} in the {season} of {year}?",
            thing,
        ),
        Fact(f"All of it happened in {place}.", f"In which town did {name} {do} {thing}?", place),
        Fact(f"{last} had the help of {helper}.", f"Who helped {name}?", helper),
        Fact(f"{last} did it {reason}.", f"Why did {name} {do} {thing}?", reason),
        Fact(f"The work of {last} took {days} days.", f"How many days did the work of {name} take?", str(days)),
        Fact(f"It cost {last} {price} euros.", f"How many euros did {name} pay?", str(price)),
        Fact(f"In the end {last} was {feeling}.", f"How did {name} feel in the end?", feeling),
    )
    return Story(name, home, job, f"{name} {did} {thing} in {place}.", facts)


def draw_name(rng: random.Random) -> str:
    """Draw the first and the last name of a person."""
    return f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"


def tell(rng: random.Random, story: Story, sentences: int) -> str:
    """Tell ``story`` in so many sentences: its facts in their order, then remarks that say nothing of it."""
    facts = [fact.sentence for fact in story.facts[:sentences]]
    return " ".join(facts + [rng.choice(REMARKS) for _ in range(sentences - len(facts))])
