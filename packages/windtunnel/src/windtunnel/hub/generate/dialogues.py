"""Dialogues of a user and an assistant, and pairs of a better and a worse answer to the same user.

The better answer is right, the worse one answers another question of the same kind, or does not answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.instructions import SYSTEM, draw_task

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

Messages = list[dict[str, str]]

REFUSALS = ("I do not know.", "I cannot say.", "That is hard to tell.", "Please ask somebody else.")
REFUSAL_SHARE = 0.4
SECOND_TURN_SHARE = 0.3


def dialogue(rng: random.Random, setting: Setting) -> Fields:
    """Draw ``prompt`` and ``completion``, and the messages ``before`` them, if the dataset has whole dialogues."""
    before: Messages = []
    if "messages" in setting.roles or "text" in setting.roles:
        for _ in range(rng.randrange(3)):
            asked, answer, _ = _turn(rng)
            before += _messages(asked, answer)
    asked, right, _ = _turn(rng)
    return {"before": before, "prompt": asked, "completion": right, "system": SYSTEM}


def whole_dialogue(fields: Fields) -> Fields:
    """Add the dialogue as ``messages`` and as one ``text``."""
    messages = [*fields["before"], *_messages(fields["prompt"], fields["completion"])]
    text = "".join(f"### {'Human' if one['role'] == 'user' else 'Assistant'}: {one['content']}" for one in messages)
    return {**fields, "messages": messages, "text": text}


def preference(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``prompt``, ``chosen`` and ``rejected`` as messages, and their ratings ``better`` and ``worse``."""
    before: Messages = []
    if rng.random() < SECOND_TURN_SHARE:
        asked, right, _ = _turn(rng)
        before = _messages(asked, right)
    asked, right, wrong = _turn(rng)
    chosen, rejected = [*before, *_messages(asked, right)], [*before, *_messages(asked, wrong)]
    return {
        "prompt": asked,
        "chosen": chosen,
        "rejected": rejected,
        "better": float(rng.randint(4, 5)),
        "worse": float(rng.randint(1, 3)),
    }


def with_chosen(fields: Fields) -> Fields:
    """Add ``messages``, which are those of the chosen answer."""
    return {**fields, "messages": fields["chosen"]}


def preferred_text(rng: random.Random, _setting: Setting) -> Fields:
    """Draw the same with plain texts: ``system``, ``prompt``, ``chosen`` and ``rejected``."""
    asked, right, wrong = _turn(rng)
    return {"system": SYSTEM, "prompt": asked, "chosen": right, "rejected": wrong}


def transcribed_preference(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``chosen`` and ``rejected`` as whole dialogues in one text, in the form of HH-RLHF."""
    asked, right, wrong = _turn(rng)
    chosen, rejected = (f"\n\nHuman: {asked}\n\nAssistant: {answer}" for answer in (right, wrong))
    return {"chosen": chosen, "rejected": rejected}


def _turn(rng: random.Random) -> tuple[str, str, str]:
    task, given, right, _ = draw_task(rng)
    _, _, wrong, _ = draw_task(rng)
    if wrong == right or rng.random() < REFUSAL_SHARE:
        wrong = rng.choice(REFUSALS)
    return f"{task} {given}", right, wrong


def _messages(asked: str, answer: str) -> Messages:
    return [{"content": asked, "role": "user"}, {"content": answer, "role": "assistant"}]
