"""Instructions whose output follows from them: words to be sorted, turned, counted; numbers added; a fact looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.topics import NOUNS
from windtunnel.hub.generate.world import draw_story

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

WITHOUT_INPUT_SHARE = 0.6  # of the rows of Alpaca, about
WITH_INPUT = (
    "Below is an instruction that describes a task, paired with an input that provides further context. Write a "
    "response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n"
    "### Response:\n{output}"
)
WITHOUT_INPUT = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}\n\n### Response:\n{output}"
)
SYSTEM = "You are a helpful assistant."


def instruction(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``instruction``, ``input`` ("" in most rows), ``output`` and ``category``."""
    task, given, output, category = draw_task(rng)
    if "input" not in setting.roles or rng.random() < WITHOUT_INPUT_SHARE:
        task, given = f"{task} {given}", ""
    return {"instruction": task, "input": given, "output": output, "category": category, "system": SYSTEM}


def prompted(fields: Fields) -> Fields:
    """Add ``prompted``: instruction, input and output in Alpaca's prompt."""
    form = WITH_INPUT if fields["input"] else WITHOUT_INPUT
    return {**fields, "prompted": form.format_map(fields)}


def draw_task(rng: random.Random) -> tuple[str, str, str, str]:
    """Draw what is to be done, what it is to be done to, the right output, and the kind of task."""
    return rng.choice((_sort, _turn, _count, _add, _look_up, _rhyme))(rng)


def _sort(rng: random.Random) -> tuple[str, str, str, str]:
    words = rng.sample(NOUNS, rng.randint(3, 5))
    task = rng.choice(("Sort these words by the alphabet:", "Put the following words in alphabetical order:"))
    return task, ", ".join(words), ", ".join(sorted(words)), "classification"


def _turn(rng: random.Random) -> tuple[str, str, str, str]:
    words = rng.sample(NOUNS, rng.randint(2, 4))
    task = rng.choice(("Write these words in capital letters:", "Convert the following words to upper case:"))
    return task, " ".join(words), " ".join(words).upper(), "creative_writing"


def _count(rng: random.Random) -> tuple[str, str, str, str]:
    words = rng.sample(NOUNS, rng.randint(2, 8))
    task = rng.choice(("Count the words:", "How many words are there in this list?"))
    return task, " ".join(words), f"There are {len(words)} words.", "closed_qa"


def _add(rng: random.Random) -> tuple[str, str, str, str]:
    one, two = rng.randint(2, 99), rng.randint(2, 99)
    task = rng.choice(("Add these two numbers:", "Give the sum of the following numbers:"))
    return task, f"{one} and {two}", f"The sum of {one} and {two} is {one + two}.", "open_qa"


def _look_up(rng: random.Random) -> tuple[str, str, str, str]:
    story = draw_story(rng)
    fact = rng.choice(story.facts)
    told = " ".join(one.sentence for one in story.facts[:6] if one is not fact)
    return (
        fact.question,
        f"{fact.sentence} {told}",
        f"{fact.answer[0].upper()}{fact.answer[1:]}.",
        "information_extraction",
    )


def _rhyme(rng: random.Random) -> tuple[str, str, str, str]:
    word = rng.choice(NOUNS)
    number = rng.randint(2, 5)
    task = rng.choice((f"Write this word {number} times:", f"Repeat the word {number} times:"))
    return task, word, " ".join([word] * number), "brainstorming"
