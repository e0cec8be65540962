"""A word in two sentences, of the same or of different sense; and a pronoun with the one it may stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.world import FIRST_NAMES, JOBS, TOWNS

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

SENSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bank": (
        ("{name} took the money to the bank in {town}", "The bank in {town} lent {name} some money"),
        ("{name} sat on the bank of the river near {town}", "The boat of {name} lay at the bank below {town}"),
    ),
    "bat": (
        ("{name} swung the bat at the ball in {town}", "A wooden bat of {name} broke in {town}"),
        ("A bat flew over {name} in the dark of {town}", "{name} saw a bat asleep in a cave near {town}"),
    ),
    "spring": (
        ("{name} comes to {town} every spring", "In spring the fields of {name} near {town} are green"),
        ("{name} repaired the spring of the clock in {town}", "A spring of the bed of {name} in {town} is broken"),
    ),
    "match": (
        ("{name} lit a match in the cellar in {town}", "A wet match gave {name} no fire in {town}"),
        ("{name} won the match in {town}", "The match between {name} and the team of {town} was long"),
    ),
    "ring": (
        ("{name} wears a ring of gold in {town}", "The ring of {name} was sold in {town}"),
        ("{name} stepped into the ring to box in {town}", "The ring where {name} fought in {town} was small"),
    ),
    "seal": (
        ("{name} saw a seal swim off {town}", "A grey seal came to {name} on the beach of {town}"),
        ("{name} put a seal of wax on the letter to {town}", "The seal on the deed of {name} in {town} was broken"),
    ),
    "crane": (
        ("A crane lifted the load of {name} in {town}", "{name} drives a crane in the port of {town}"),
        ("A crane waded past {name} in the marsh of {town}", "{name} photographed a crane and its nest near {town}"),
    ),
    "bark": (
        ("The bark of the dog woke {name} in {town}", "{name} heard a bark behind the fence in {town}"),
        ("{name} peeled the bark off a birch near {town}", "The bark of the tree of {name} in {town} is rough"),
    ),
}


def word_in_context(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``word``, two sentences, where the word stands in each, and ``label`` (1 the same sense)."""
    word = rng.choice(sorted(SENSES))
    label = rng.randrange(2)
    sense = rng.randrange(2)
    forms = SENSES[word]
    one = rng.choice(forms[sense])
    two = rng.choice(forms[sense if label else 1 - sense])
    first, second = (f"{form.format(name=rng.choice(FIRST_NAMES), town=rng.choice(TOWNS))} ." for form in (one, two))
    starts = [_place(sentence, word) for sentence in (first, second)]
    return {
        "word": word,
        "first": first,
        "second": second,
        "start_1": starts[0],
        "start_2": starts[1],
        "end_1": starts[0] + len(word),
        "end_2": starts[1] + len(word),
        "label": label,
    }


def pronoun(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``text``, a name in it (``span_1``), its pronoun (``span_2``) and ``label``: whether they are one."""
    first, second = rng.sample(FIRST_NAMES, 2)
    job, town = rng.choice(JOBS), rng.choice(TOWNS)
    form, meant = rng.choice(
        (
            (f"{first} of {town} thanked {second} because they had got help from {job} .", first),
            (f"{first} of {town} thanked {second} because they had sent for {job} .", second),
            (f"{first} asked {second} for the way to {town} since they did not know {job} there .", first),
            (f"{first} paid {second} in {town} since they had worked as {job} .", second),
        )
    )
    label = rng.randrange(2)
    named = meant if label else (first if meant == second else second)
    words = form.split(" ")
    return {
        "text": form,
        "span_1": named,
        "span_1_index": words.index(named),
        "span_2": "they",
        "span_2_index": words.index("they"),
        "label": label,
    }


def _place(sentence: str, word: str) -> int:
    """Where ``word`` begins in ``sentence``, in either case, as a word of its own."""
    return f" {sentence.lower()} ".index(f" {word} ")
