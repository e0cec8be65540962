"""Plain text for language modelling: stories of invented people, in paragraphs, documents or lines of a corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.world import draw_story, tell

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

HEADING_SHARE, EMPTY_SHARE = 0.2, 0.3  # of the lines of WikiText, about


def document(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``text`` of one to three paragraphs, and its ``title``."""
    stories = [draw_story(rng) for _ in range(rng.randint(1, 3))]
    text = "\n".join(tell(rng, story, setting.length(rng, 5, 9)) for story in stories)
    return {"text": text, "title": stories[0].name}


def sentence(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``text`` of one to three sentences in lower case without punctuation, as in the Penn Treebank."""
    told = tell(rng, draw_story(rng), setting.length(rng, 1, 3))
    return {"text": told.lower().replace(".", "").replace(",", "")}


def encyclopedia_line(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``text``, a line of WikiText: empty, a heading between "=", or a paragraph with spaced punctuation."""
    story = draw_story(rng)
    kind = rng.random()
    if kind < EMPTY_SHARE:
        return {"text": ""}
    if kind < EMPTY_SHARE + HEADING_SHARE:
        marks = "= " * rng.randint(1, 3)
        return {"text": f" {marks}{story.name} {marks[::-1].strip()} \n"}
    told = tell(rng, story, setting.length(rng, 4, 9))
    return {"text": f" {told.replace('.', ' .').replace(',', ' ,')} \n"}
