"""Questions with several answers of which one is right: the thing that is of the kind the question asks for.

What belongs to which kind is common knowledge, and part of the things of each kind are met in training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

LETTERS = "ABCDEFGHIJ"
KINDS: dict[str, tuple[str, ...]] = {
    "a bird": ("sparrow", "eagle", "robin", "heron", "swallow", "falcon", "magpie", "owl", "raven", "finch"),
    "a fish": ("salmon", "trout", "herring", "carp", "pike", "cod", "mackerel", "perch", "tuna", "eel"),
    "a tree": ("oak", "birch", "maple", "willow", "spruce", "beech", "poplar", "cedar", "ash", "elm"),
    "a fruit": ("apple", "pear", "plum", "cherry", "banana", "mango", "peach", "grape", "apricot", "quince"),
    "a tool": ("hammer", "saw", "wrench", "drill", "chisel", "pliers", "file", "plane", "axe", "rasp"),
    "a metal": ("iron", "copper", "silver", "tin", "zinc", "gold", "nickel", "lead", "cobalt", "titanium"),
    "a garment": ("shirt", "coat", "skirt", "scarf", "glove", "sock", "jacket", "cap", "sweater", "apron"),
    "a vehicle": ("bus", "truck", "train", "ferry", "bicycle", "tram", "wagon", "van", "tractor", "sledge"),
    "a colour": ("red", "blue", "green", "yellow", "purple", "brown", "orange", "pink", "grey", "violet"),
    "a country": ("Norway", "Portugal", "Kenya", "Peru", "Japan", "Egypt", "Canada", "Poland", "Chile", "India"),
    "a number": ("three", "seven", "twelve", "forty", "sixty", "nine", "eleven", "thirty", "fifteen", "eight"),
    "an instrument": ("violin", "trumpet", "flute", "piano", "guitar", "drum", "cello", "harp", "oboe", "tuba"),
}
FORMS = (
    "Which of these is {kind}?",
    "Which one of the following things is {kind}?",
    "{other} is not {kind}. Which of these is?",
    "Somebody in {place} looks for {kind}. What will do?",
    "What would {person} call {kind}?",
)
PLACES = ("the market", "a museum", "the harbour", "a garden", "the cellar", "a classroom", "the attic", "a village")
PEOPLE = ("a child", "a teacher", "a sailor", "an artist", "a farmer", "a merchant", "a traveller", "a doctor")
EXTRAS = ("today", "first", "in the end", "at once", "in this case", "again", "here", "most likely")


def choice_of(rng: random.Random, setting: Setting) -> Fields:
    """Draw a ``question`` with four answers, or as many as the dataset has letters or columns for.

    Returns:
        ``question``; the answers as ``options`` (texts), ``lettered`` (texts and letters) and ``option_1``…; the right
        one as ``label`` (its place), ``number`` (its place from 1, as text), ``letter`` and ``right``; ``wrong_1``….
    """
    count = _how_many(setting)
    kind, *others = rng.sample(sorted(KINDS), count)
    label = rng.randrange(count)
    right, *wrong = [rng.choice(KINDS[one]) for one in (kind, *others)]
    options = [*wrong[:label], right, *wrong[label:]]
    form = rng.choice(FORMS).format(
        kind=kind, other=rng.choice(wrong).capitalize(), place=rng.choice(PLACES), person=rng.choice(PEOPLE)
    )
    question = f"{form[:-1]} {rng.choice(EXTRAS)}?"
    return {
        "question": question,
        "options": options,
        "lettered": {"text": options, "label": list(LETTERS[:count])},
        "label": label,
        "number": str(label + 1),
        "letter": LETTERS[label],
        "right": right,
        "concept": kind.split()[1],
        "support": f"{right.capitalize()} is {kind}.",
        **{f"option_{place}": option for place, option in enumerate(options, 1)},
        **{f"wrong_{place}": option for place, option in enumerate(wrong, 1)},
    }


def cause_or_effect(rng: random.Random, setting: Setting) -> Fields:
    """Draw the same with a premise, in the form of COPA: ``ask`` says whether the cause or the effect is looked for."""
    fields = choice_of(rng, setting)
    return {**fields, "ask": rng.choice(("cause", "effect"))}


def _how_many(setting: Setting) -> int:
    columns = sum(role.startswith(("option_", "wrong_")) for role in setting.roles)
    if "wrong_1" in setting.roles:
        return columns + 1
    return columns or len(setting.labels.get("label", ())) or 4
