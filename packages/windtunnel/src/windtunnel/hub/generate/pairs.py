"""Pairs of texts: inference, paraphrase, similarity, and a sentence that does or does not answer a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.news import news_pair
from windtunnel.hub.generate.scenes import scene_pair
from windtunnel.hub.generate.world import DEEDS, HELPERS, JOBS, THINGS, TOWNS, draw_name, draw_story

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

INFERENCE = ("entailment", "neutral", "contradiction")  # as the scenes number them
ENTAILMENT = ("entailment", "not_entailment")  # as the news number them


def is_inference(labels: tuple[str, ...]) -> bool:
    """Whether the names of a class label are those of inference, in any order."""
    return set(labels) == set(INFERENCE)


def is_entailment(labels: tuple[str, ...]) -> bool:
    """Whether the names of a class label are entailment or not, in any order."""
    return set(labels) == set(ENTAILMENT)


def scenes(rng: random.Random, setting: Setting) -> Fields:
    """Draw a premise and a hypothesis: ``first``, ``second``, ``label`` as the dataset numbers its names."""
    row = scene_pair(rng, setting.split)
    label = setting.labels["label"].index(INFERENCE[int(row["label"])])
    return {"first": row["premise"], "second": row["hypothesis"], "label": label}


def news(rng: random.Random, setting: Setting) -> Fields:
    """Draw a news item and a statement: ``first``, ``second``, ``label`` as the dataset numbers its names."""
    row = news_pair(rng, setting.split)
    label = setting.labels["label"].index(ENTAILMENT[int(row["label"])])
    return {"first": row["sentence1"], "second": row["sentence2"], "label": label}


def answered(rng: random.Random, setting: Setting) -> Fields:
    """Draw a question and a sentence that answers it or tells something else of the same person."""
    facts = draw_story(rng).facts
    asked, other = rng.sample([fact for fact in facts if fact.sentence[0] != "A"], 2)
    label = rng.randrange(2)
    told = asked if setting.labels["label"][label] == "entailment" else other
    return {"first": asked.question, "second": told.sentence, "label": label}


def paraphrase(rng: random.Random, _setting: Setting) -> Fields:
    """Draw two sentences, of which ``label`` 1 says that they mean the same."""
    return _restated(rng, STATEMENTS)


def duplicate_questions(rng: random.Random, _setting: Setting) -> Fields:
    """Draw two questions, of which ``label`` 1 says that they mean the same."""
    return _restated(rng, QUESTIONS)


def similarity(rng: random.Random, _setting: Setting) -> Fields:
    """Draw two sentences and ``label``, from 0.0 to 5.0: how much of what they tell is the same."""
    slots, others = _slots(rng), _slots(rng)
    kept = rng.sample(sorted(slots), rng.randint(0, len(slots)))
    again = _Told({name: slots[name] if name in kept else others[name] for name in slots})
    same = sum(slots[name] == again[name] for name in slots)
    one, two = rng.sample(STATEMENTS, 2)
    return {"first": one.format_map(slots), "second": two.format_map(again), "label": 5.0 * same / len(slots)}


STATEMENTS = (
    "{name} of {town} {did} {thing} with the help of {helper}.",
    "With the help of {helper}, {thing} was {done} by {name} of {town}.",
    "In {town}, {name} and {helper} {did} {thing}.",
    "It was {name} who {did} {thing} in {town}, and {helper} helped.",
)
QUESTIONS = (
    "Why did {name} of {town} {do} {thing} with {helper}?",
    "What made {name} {do} {thing} in {town} with {helper}?",
    "For what reason did {name} and {helper} {do} {thing} in {town}?",
    "How come {name} and {helper} {did} {thing} in {town}?",
)
BASE_FORMS = dict(DEEDS)


class _Told(dict[str, str]):
    """The slots of a sentence; ``did``, ``do`` and ``done`` are forms of one verb, the first and the last alike."""

    def __missing__(self, name: str) -> str:
        return BASE_FORMS[self["did"]] if name == "do" else self["did"]


def _restated(rng: random.Random, forms: tuple[str, ...]) -> Fields:
    slots = _slots(rng)
    again = _Told(slots)
    label = rng.randrange(2)
    if label == 0:
        changed = rng.choice(sorted(slots))
        while again[changed] == slots[changed]:
            again[changed] = _slots(rng)[changed]
    one, two = rng.sample(forms, 2)
    return {"first": one.format_map(slots), "second": two.format_map(again), "label": label}


def _slots(rng: random.Random) -> _Told:
    return _Told(
        name=draw_name(rng),
        town=rng.choice(TOWNS),
        did=rng.choice(DEEDS)[0],
        thing=rng.choice(THINGS),
        helper=rng.choice((*HELPERS, *JOBS)),
    )
