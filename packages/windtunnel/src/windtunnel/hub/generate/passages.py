"""A passage and a question about it: an answer that is a span of the passage, a yes or no, a name to be filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from windtunnel.hub.generate.world import REMARKS, Fact, draw_story

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

UNANSWERABLE_SHARE = 1 / 3  # of the questions of SQuAD 2.0, about


def span_question(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``context``, ``question`` and ``answers``, whose ``answer_start`` counts the characters before the span."""
    passage = _Passage(rng, setting)
    return passage.asked(rng.randrange(len(passage.facts)))


def span_question_or_none(rng: random.Random, setting: Setting) -> Fields:
    """Draw the same; one question in three has no answer in its passage: the lists of its ``answers`` are empty."""
    passage = _Passage(rng, setting)
    fields = passage.asked(rng.randrange(len(passage.facts)))
    if rng.random() >= UNANSWERABLE_SHARE:
        return fields
    stranger = draw_story(rng, without=passage.names)
    return {**fields, "question": rng.choice(stranger.facts).question, "answers": {"text": [], "answer_start": []}}


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


class _Passage:
    """Two stories told one after the other.

    Attributes:
        names: whom they are about.
        facts: what they tell, in their order.
        context: the text.
    """

    def __init__(self, rng: random.Random, setting: Setting) -> None:
        first = draw_story(rng)
        second = draw_story(rng, without=[first.name])
        told = setting.length(rng, 4, len(first.facts))
        self.names = (first.name, second.name)
        self.facts: tuple[Fact, ...] = (*first.facts[:told], *second.facts[:told])
        self.context = " ".join(fact.sentence for fact in self.facts)

    def asked(self, place: int) -> Fields:
        """The fields of the question for one of the facts."""
        fact = self.facts[place]
        before = sum(len(other.sentence) + 1 for other in self.facts[:place])
        start = before + fact.sentence.index(fact.answer)
        return {
            "context": self.context,
            "question": fact.question,
            "answers": {"text": [fact.answer], "answer_start": [start]},
            "title": self.names[0].replace(" ", "_"),
        }
