"""Pairs of a news item and a statement, labelled entailment or not_entailment, in the style of RTE.

The item names two companies, their towns, a price and a day; the statement repeats one of its facts in other words,
or gets one of them wrong: the buyer and the bought exchanged, another town, another price.

Schema source: the Recognizing Textual Entailment challenges as GLUE joins them (Wang et al., ICLR 2019, section 3.3).
No sentence is taken from them, and the companies do not exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.cells import Row

ENTAILMENT, NOT_ENTAILMENT = 0, 1

NAMES = (
    "Alvera", "Bexley", "Corvane", "Daltrix", "Elmsford", "Fenwick", "Garrano", "Halvorsen",
    "Ingleby", "Jorvik", "Kestrel", "Lumara", "Merriden", "Norwell", "Ostara", "Pelham",
    "Quillon", "Ravenna", "Selwick", "Tarrant", "Umbra", "Velden", "Westray", "Yarrow",
)  # fmt: skip
TRADES = ("Airlines", "Bank", "Chemicals", "Foods", "Insurance", "Mining", "Motors", "Press", "Shipping", "Steel")
TOWNS = (
    "Antwerp", "Bergen", "Bilbao", "Cork", "Dresden", "Gdansk", "Leeds", "Lyon", "Malmo", "Porto", "Turin", "Zagreb",
)  # fmt: skip
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
CHANGES = (("rose", "higher"), ("fell", "lower"))


def news_pair(rng: random.Random, _split: str) -> Row:
    """Draw one pair.

    Returns:
        ``sentence1`` (the item), ``sentence2`` (the statement) and ``label`` (0 entailment, 1 not_entailment).
    """
    buyer, bought = (f"{name} {rng.choice(TRADES)}" for name in rng.sample(NAMES, 2))
    home, branch, elsewhere = rng.sample(TOWNS, 3)
    day = rng.choice(DAYS)
    price, wrong_price = (10 * number for number in rng.sample(range(2, 90), 2))
    (moved, direction), (_, opposite) = rng.sample(CHANGES, 2)
    percent = rng.randrange(2, 20)
    announcement = (
        f"{buyer}, which is based in {home}, said on {day} that it would buy {bought} of {branch} for {price} "
        f"million euros; its shares {moved} by {percent} percent after the news."
    )
    report = (
        f"Shares of {buyer} {moved} by {percent} percent on {day}, when the company from {home} agreed to pay "
        f"{price} million euros for {bought}, a rival with headquarters in {branch}."
    )
    item = rng.choice((announcement, report))
    label = rng.choice((ENTAILMENT, NOT_ENTAILMENT))
    true, false = rng.choice(
        (
            (f"{buyer} buys {bought}.", f"{bought} buys {buyer}."),
            (f"{bought} is taken over by {buyer}.", f"{buyer} is taken over by {bought}."),
            (f"{buyer} has its home in {home}.", f"{buyer} has its home in {branch}."),
            (f"The headquarters of {bought} are in {branch}.", f"The headquarters of {bought} are in {elsewhere}."),
            (f"{buyer} pays {price} million euros.", f"{buyer} pays {wrong_price} million euros."),
            (f"The shares of {buyer} ended {direction}.", f"The shares of {buyer} ended {opposite}."),
            (f"The purchase was announced on a {day}.", f"{buyer} and {bought} broke off their talks on {day}."),
        )
    )
    return {"sentence1": item, "sentence2": true if label == ENTAILMENT else false, "label": label}
