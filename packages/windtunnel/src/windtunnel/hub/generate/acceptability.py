"""Sentences that are English or have one thing wrong, in the style of CoLA: order, agreement, a word too many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.world import DEEDS, FIRST_NAMES, HELPERS, REASONS, THINGS, TOWNS

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

UNACCEPTABLE, ACCEPTABLE = 0, 1
ADVERBS = ("slowly", "gladly", "quietly", "at once", "in vain", "with care")


def acceptability(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``text`` and ``label`` (0 unacceptable, 1 acceptable)."""
    label = rng.randrange(2)
    name, town, thing = rng.choice(FIRST_NAMES), rng.choice(TOWNS), rng.choice(THINGS)
    (did, do), adverb = rng.choice(DEEDS), rng.choice(ADVERBS)
    helper, reason = rng.choice(HELPERS), rng.choice(REASONS)
    article, noun = thing.split(" ", 1)
    right, wrong = rng.choice(
        (
            (f"{name} {did} {thing} {reason}.", f"{name} {do} {thing} to {reason}."),
            (f"{name} {did} {thing} in {town}.", f"{name} {thing} {did} in {town}."),
            (f"Did {name} {do} {thing} in {town}?", f"Did {name} {did} {thing} in {town}?"),
            (f"{name} wanted to {do} {thing} {adverb}.", f"{name} wanted {do} {thing} {adverb}."),
            (f"It was {thing} that {name} {did}.", f"It was {thing} that {name} {did} it."),
            (f"{name} was asked by {helper} to {do} {thing}.", f"{name} was asked by {helper} {did} {thing}."),
            (f"{name} {did} {article} {noun} and left {town}.", f"{name} {did} {noun} {article} and left {town}."),
            (f"The {noun} of {town} is what {name} {did}.", f"The {noun} of {town} are what {name} {did}."),
            (f"What did {name} {do} in {town} {reason}?", f"What {name} {do} did in {town} {reason}?"),
        )
    )  # fmt: skip
    return {"text": right if label == ACCEPTABLE else wrong, "label": label}
