"""Word problems with worked answers in the form of GSM8K: a calculation between << and >>, #### and the result.

A problem is a number of things and two to four changes to it; every line of the answer does one of them. The socratic
form puts before each line the question that it answers, and ``**`` between them.

Form source: Cobbe et al., "Training Verifiers to Solve Math Word Problems", 2021, section 2 and appendix. No problem is
taken from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from windtunnel.hub.generate.world import FIRST_NAMES

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

FEMININE = frozenset(
    {"Agnes", "Bella", "Clara", "Dora", "Elena", "Greta", "Ingrid", "Judith", "Lena", "Mara", "Olga", "Paula", "Rosa"}
    | {"Stella", "Ursula", "Wanda"}
)
THINGS = ("apples", "books", "cards", "coins", "eggs", "flowers", "marbles", "pencils", "shells", "stamps", "tickets")
BOXES = ("bags", "baskets", "boxes", "drawers", "jars", "rows")
FRIENDS = ("a friend", "the neighbours", "a sister", "the school", "a teammate")


@dataclass(frozen=True)
class Step:
    """One change: what the problem tells, the calculation, what its result is, the question it answers."""

    told: str
    calculation: str
    result: int
    means: str
    asked: str


def word_problem(rng: random.Random, _setting: Setting) -> Fields:
    """Draw ``question``, the worked ``answer``, and its ``number``."""
    question, steps = _problem(rng)
    lines = [f"{_sentence(step)}" for step in steps]
    return _fields(question, lines, steps[-1].result)


def socratic_problem(rng: random.Random, _setting: Setting) -> Fields:
    """Draw the same with a question before each line of the answer."""
    question, steps = _problem(rng)
    lines = [f"{step.asked} ** {_sentence(step)}" for step in steps]
    return _fields(question, lines, steps[-1].result)


def explained_problem(rng: random.Random, _setting: Setting) -> Fields:
    """Draw the same in the form of MetaMathQA: the answer ends with "The answer is: " and the number."""
    question, steps = _problem(rng)
    lines = [_sentence(step).replace(f"<<{step.calculation}={step.result}>>", "") for step in steps]
    text = "\n".join([*lines, f"#### {steps[-1].result}", f"The answer is: {steps[-1].result}"])
    return {"question": question, "original": question, "answer": text, "kind": "GSM_Rephrased"}


def _fields(question: str, lines: list[str], result: int) -> Fields:
    return {"question": question, "answer": "\n".join([*lines, f"#### {result}"]), "number": str(result)}


def _sentence(step: Step) -> str:
    return f"{step.means.format(f'{step.calculation}=<<{step.calculation}={step.result}>>{step.result}')}."


def _problem(rng: random.Random) -> tuple[str, list[Step]]:
    name, things = rng.choice(FIRST_NAMES), rng.choice(THINGS)
    she = "she" if name in FEMININE else "he"
    amount = rng.randint(4, 60)
    opening = f"{name} has {amount} {things}."
    steps: list[Step] = []
    kinds = rng.sample((_more, _fewer, _times, _shared, _priced), rng.randint(2, 4))
    for kind in sorted(kinds, key=lambda kind: kind is _priced):  # once sold, there is nothing left to count
        steps.append(kind(rng, name, she, things, amount))
        amount = steps[-1].result
    last = steps[-1]
    told = " ".join([opening, *(step.told for step in steps)])
    return f"{told} {last.asked}", steps


def _more(rng: random.Random, name: str, she: str, things: str, amount: int) -> Step:
    new = rng.randint(2, 40)
    return Step(
        f"Then {she} gets {new} more.",
        f"{amount}+{new}",
        amount + new,
        f"{name} then has {{}} {things}",
        f"How many {things} does {name} have now?",
    )


def _fewer(rng: random.Random, name: str, she: str, things: str, amount: int) -> Step:
    if amount < 2:
        return _more(rng, name, she, things, amount)
    gone = rng.randint(1, amount - 1)
    return Step(
        f"Of these, {she} gives {gone} to {rng.choice(FRIENDS)}.",
        f"{amount}-{gone}",
        amount - gone,
        f"{name} keeps {{}} {things}",
        f"How many {things} does {name} have left?",
    )


def _times(rng: random.Random, name: str, she: str, things: str, amount: int) -> Step:
    times = rng.randint(2, 5)
    word = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}[times]
    return Step(
        f"A week later {she} has {word} as many.",
        f"{amount}*{times}",
        amount * times,
        f"{name} has {{}} {things} a week later",
        f"How many {things} does {name} have a week later?",
    )


def _shared(rng: random.Random, name: str, she: str, things: str, amount: int) -> Step:
    divisors = [number for number in range(2, 11) if amount % number == 0]
    if not divisors:
        return _more(rng, name, she, things, amount)
    parts, box = rng.choice(divisors), rng.choice(BOXES)
    return Step(
        f"{she.capitalize()} puts them into {parts} {box} of the same size and keeps what is in one of them.",
        f"{amount}/{parts}",
        amount // parts,
        f"There are {{}} {things} in each of the {box}",
        f"How many {things} does {name} keep?",
    )


def _priced(rng: random.Random, name: str, she: str, things: str, amount: int) -> Step:
    price = rng.randint(2, 9)
    return Step(
        f"{she.capitalize()} sells all of them for {price} dollars each, which makes a number of dollars.",
        f"{amount}*{price}",
        amount * price,
        f"{name} earns ${{}}",
        f"How many dollars does {name} earn from the {things}?",
    )
