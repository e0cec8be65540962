"""Texts whose class is told by their words: every class has nouns of its own, drawn once from a common list.

Most of the nouns of a text are of its class, some are of another one, so that a single word may mislead and the
majority does not. Classes that outnumber the nouns are told by pairs of them.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from windtunnel.hub.generate.grammar import Fields, Setting

_LISTED = """\
    anchor apple apron arrow badge basket beacon bench bicycle blanket bottle bracelet brick broom bucket button
    cabin cable camera candle canoe carpet castle cellar chain chalk chimney coin compass copper cotton crane crate
    curtain cushion dagger desk diary drawer drum engine envelope fabric feather fence ferry fiddle flag flute forge
    fountain frame funnel garage gate glove grain guitar hammer harbour harness helmet honey hook iron island ivory
    jacket jar jewel kennel kettle key kite knife ladder lamp lantern leather lemon lens letter lever lock loom map
    marble market mask medal melon mill mirror mitten motor nail needle net nut oar orange orchard oven paddle pan
    parcel pearl pedal pencil pepper piano pillow pipe plank plate plough pocket pond poster potato powder pulley pump
    purse quilt radio raft rail razor ribbon ring rocket roof rope rudder saddle salt sandal saw scale scarf scissors
    screw seed shelf shield shovel silk silver skate sledge slipper soap sock spade spear spindle sponge spoon stable
    stamp statue stove string suitcase sugar sword table tailor tent thimble ticket timber toast tool torch towel
    tractor trumpet tulip tunnel turbine umbrella vase velvet violin wagon wallet wheat wheel whistle window wire wool
    wrench yarn zipper"""
NOUNS = tuple(_LISTED.split())
PLACES = ("in the news", "at the meeting", "in the report", "on the list", "in this story", "at the fair")
TIMES = ("today", "last week", "this morning", "in the evening", "again", "for the first time")
NEUTRAL = ("people", "visitors", "experts", "readers", "officials", "neighbours", "workers", "owners")

MISLEADING_SHARE = 0.15  # of the nouns; the majority still decides
MOST_NOUNS_PER_CLASS = 10
DEFAULT_LABELS = ("0", "1")


def topical_text(rng: random.Random, setting: Setting) -> Fields:
    """Draw a text and its class.

    Returns:
        ``text``, ``label`` and ``label_text``, the name of the label.
    """
    labels = setting.labels.get("label", DEFAULT_LABELS)
    label = rng.randrange(len(labels))
    return {
        "text": _text(rng, labels, label, setting.length(rng, 1, 3)),
        "label": label,
        "label_text": labels[label],
    }


def titled_text(rng: random.Random, setting: Setting) -> Fields:
    """Draw the same with a ``title``, and with ``more`` text if the dataset has a column for it, of the same class."""
    fields = topical_text(rng, setting)
    labels = setting.labels.get("label", DEFAULT_LABELS)
    first, second = _nouns(rng, labels, fields["label"], 2)
    fields["title"] = f"{first} and {second}".capitalize()
    if "more" in setting.roles:
        fields["more"] = _text(rng, labels, fields["label"], 1)
    return fields


def _text(rng: random.Random, labels: tuple[str, ...], label: int, sentences: int) -> str:
    nouns = _nouns(rng, labels, label, 3 * sentences)
    return " ".join(_sentence(rng, *nouns[3 * place : 3 * place + 3]) for place in range(sentences))


def _nouns(rng: random.Random, labels: tuple[str, ...], label: int, count: int) -> list[str]:
    classes = _classes(labels)
    misleading = sum(rng.random() < MISLEADING_SHARE for _ in range(count)) if len(labels) > 1 else 0
    misleading = min(misleading, (count - 1) // 2)
    own = classes[label]
    # pairs: both words of a class come before either of them comes again
    nouns = [own[place % len(own)] for place in rng.sample(range(max(count, len(own))), count - misleading)]
    for _ in range(misleading):
        other = (label + rng.randrange(1, len(labels))) % len(labels)
        nouns.append(rng.choice(classes[other]))
    rng.shuffle(nouns)
    return nouns


def _sentence(rng: random.Random, first: str, second: str, third: str) -> str:
    return rng.choice(
        (
            f"The {first} and the {second} were shown with a {third} {rng.choice(TIMES)}.",
            f"{rng.choice(NEUTRAL).capitalize()} talked about the {first}, the {second} and the {third}.",
            f"A {first} was seen near the {second} and the {third} {rng.choice(PLACES)}.",
            f"Some {rng.choice(NEUTRAL)} wanted a {first}, others a {second} or a {third}.",
            f"Without the {first} no {second} and no {third} can be had {rng.choice(TIMES)}.",
        )
    )


@cache
def _classes(labels: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    rng = random.Random(" | ".join(labels))  # noqa: S311 - reproducible text, no secret
    pool = rng.sample(NOUNS, len(NOUNS))
    per_class = min(MOST_NOUNS_PER_CLASS, len(pool) // len(labels))
    if per_class >= 2:
        return tuple(tuple(pool[per_class * place : per_class * (place + 1)]) for place in range(len(labels)))
    pairs = rng.sample(list(combinations(pool, 2)), len(labels))
    return tuple(pairs)
