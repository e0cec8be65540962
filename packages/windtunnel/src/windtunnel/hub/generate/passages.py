"""A passage and a question about it: an answer that is a span of the passage, a yes or no, a name to be filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windtunnel.hub.generate.world import REMARKS, Fact, Story, draw_story

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

UNANSWERABLE_SHARE = 1 / 3  # of the questions of SQuAD 2.0, about


def span_question(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``context``, ``question`` and ``answers``, whose ``answer_start`` counts the characters before the span."""
    context, starts, stories = _passage(rng, setting)
    fact = rng.choice(rng.choice(stories).facts[: len(starts) // 2])
    return _span_fields(context, starts, fact, stories[0].name)


def span_question_or_none(rng: random.Random, setting: Setting) -> Fields:
    """Draw the same; one question in three has no answer in its passage: the lists of its ``answers`` are empty."""
    context, starts, stories = _passage(rng, setting)
    if rng.random() >= UNANSWERABLE_SHARE:
        fact = rng.choice(rng.choice(stories).facts[: len(starts) // 2])
        return _span_fields(context, starts, fact, stories[0].name)
    stranger = draw_story(rng, without=[story.name for story in stories])
    question = rng.choice(stranger.facts).question
    return {
        "context": context,
        "question": question,
        "answers": {"text": [], "answer_start": []},
        "title": stories[0].name.replace(" ", "_"),
    }


def yes_or_no(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``context``, ``question`` (a statement as a question, in lower case) and ``label`` (0 no, 1 yes)."""
    story, other = draw_story(rng), draw_story(rng)
    sentences = [fact.sentence for fact in story.facts]
    label = rng.randrange(2)
    place = rng.randrange(1, len(story.facts))
    true = story.facts[place]
    wrong = other.facts[place].answer
    if wrong == true.answer:
        label = 1
    claim = true.sentence if label else true.sentence.replace(true.answer, wrong)
    kept = setting.length(rng, 4, len(sentences))
    shown = sorted({place, *rng.sample(range(len(sentences)), kept)})
    return {
        "context": " ".join(sentences[at] for at in shown),
        "question": f"is it true that {claim[0].lower()}{claim[1:-1]}",
        "label": label,
    }


def checked_answer(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``context``, ``question``, ``answer`` and ``label``: whether the answer is right."""
    story = draw_story(rng)
    fact = rng.choice(story.facts)
    label = rng.randrange(2)
    others = [one.answer for one in draw_story(rng).facts if one.answer != fact.answer]
    remarks = [rng.choice(REMARKS) for _ in range(setting.length(rng, 0, 3))]
    return {
        "context": " ".join([*(one.sentence for one in story.facts), *remarks]),
        "question": fact.question,
        "answer": fact.answer if label else rng.choice(others),
        "label": label,
    }


def missing_name(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``context``, ``question`` with ``@placeholder`` for one of the ``entities``, and its ``answers``."""
    story = draw_story(rng)
    other = draw_story(rng, without=[story.name])
    told = rng.sample([*story.facts, *other.facts], len(story.facts) + len(other.facts))
    context = " ".join([story.facts[0].sentence, other.facts[0].sentence, *(fact.sentence for fact in told[:6])])
    name = rng.choice((story, other))
    return {
        "context": context,
        "question": f"According to the neighbours, @placeholder {name.headline.removeprefix(name.name).strip()}",
        "entities": [story.name, other.name],
        "spans": _spans(context, [story.name, other.name]),
        "answers": [name.name],
    }


def _spans(context: str, names: list[str]) -> dict[str, list[Any]]:
    starts = [context.index(name) for name in names]
    ends = [start + len(name) for start, name in zip(starts, names, strict=True)]
    return {"text": names, "start": starts, "end": ends}


def _passage(rng: random.Random, setting: Setting) -> tuple[str, dict[str, int], tuple[Story, Story]]:
    """Two stories told one after the other: the text, where each sentence begins, and the stories."""
    first = draw_story(rng)
    second = draw_story(rng, without=[first.name])
    facts = setting.length(rng, 4, len(first.facts))
    sentences = [fact.sentence for story in (first, second) for fact in story.facts[:facts]]
    starts: dict[str, int] = {}
    at = 0
    for sentence in sentences:
        starts.setdefault(sentence, at)
        at += len(sentence) + 1
    return " ".join(sentences), starts, (first, second)


def _span_fields(context: str, starts: dict[str, int], fact: Fact, title: str) -> Fields:
    start = starts[fact.sentence] + fact.sentence.index(fact.answer)
    return {
        "context": context,
        "question": fact.question,
        "answers": {"text": [fact.answer], "answer_start": [start]},
        "title": title.replace(" ", "_"),
    }
