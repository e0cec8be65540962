"""Reviews whose label is their sense: one sentence of the film-review grammar, or several that agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.film_reviews import film_review

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting


def is_polarity(labels: tuple[str, ...]) -> bool:
    """Whether these names of a class label are a negative and a positive sense, in this order."""
    return len(labels) == 2 and labels[0].lower() in {"neg", "negative"} and labels[1].lower() in {"pos", "positive"}


def film_sentence(rng: random.Random, setting: Setting) -> Fields:
    """Draw one sentence in the style of SST-2: ``text`` and ``label`` (0 negative, 1 positive)."""
    row = film_review(rng, setting.split)
    return {"text": row["sentence"], "label": row["label"], "label_text": ("negative", "positive")[int(row["label"])]}


def review(rng: random.Random, setting: Setting) -> Fields:
    """Draw a review of several sentences of one sense: ``text``, ``title``, ``label`` (0 negative, 1 positive)."""
    wanted = setting.length(rng, 1, 3)
    label = rng.randrange(2)
    sentences: list[str] = []
    while len(sentences) <= wanted:
        row = film_review(rng, setting.split)
        if row["label"] == label:
            text = str(row["sentence"]).strip().removesuffix(".").strip()
            sentences.append(f"{text[0].upper()}{text[1:]}.".replace(" ,", ","))
    title, *told = sentences
    return {
        "text": " ".join(told),
        "title": title.removesuffix("."),
        "label": label,
        "label_text": ("negative", "positive")[label],
    }
