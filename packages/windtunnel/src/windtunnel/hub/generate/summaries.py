"""Articles with highlights, and dialogues with a summary: every line of the summary follows from what is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.world import REMARKS, draw_story, tell

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting


def article(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``document``, three stories of a day, and ``summary``: a line for each, in their order."""
    stories = [draw_story(rng) for _ in range(3)]
    sentences = setting.length(rng, 9, 13)
    parts = [f"{story.headline} {tell(rng, story, sentences)}" for story in stories]
    return {
        "document": " ".join(parts),
        "summary": "\n".join(f"{story.headline.removesuffix('.')} ." for story in stories),
        "title": stories[0].headline.removesuffix("."),
    }


def report(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``document``, one story, and ``summary``: its headline."""
    story = draw_story(rng)
    remarks = [rng.choice(REMARKS) for _ in range(2)]
    text = " ".join([remarks[0], tell(rng, story, setting.length(rng, 7, 11)), remarks[1]])
    summary = f"{story.name}, {story.job} from {story.home}, {story.headline.removeprefix(story.name).strip()}"
    return {"document": text, "summary": summary, "title": story.headline.removesuffix(".")}


def dialogue(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``document``, what two people say in turn, and ``summary``: who tells whom of what."""
    story = draw_story(rng)
    asker = draw_story(rng, without=[story.name])
    first, second = asker.name.split()[0], story.name.split()[0]
    turns = []
    for fact in story.facts[1 : 1 + setting.length(rng, 2, 5)]:
        turns += [f"{first}: {fact.question}", f"{second}: {fact.answer.capitalize()}."]
    deed = story.headline.removeprefix(story.name).strip().removesuffix(".")
    lines = [f"{second}: Guess what, {story.name} {deed}!", *turns]
    return {
        "document": "\r\n".join(lines),
        "summary": f"{second} tells {first} that {story.name} {deed}.",
        "topic": deed.split(" in ", maxsplit=1)[0],
    }
