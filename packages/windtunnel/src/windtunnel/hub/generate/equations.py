"""Problems in TeX whose solution ends in a box, in the form of the MATH collection: equations, products, remainders."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from windtunnel.hub.generate.grammar import Fields, Setting

UNKNOWNS = ("a", "k", "n", "t", "x", "y", "z")


def boxed_problem(rng: random.Random, _setting: Setting) -> Fields:
    r"""Draw ``question``, its ``answer`` with ``\boxed{}``, the ``number`` in the box, ``level``, ``subject``."""
    question, steps, number, subject = rng.choice((_linear, _product, _remainder))(rng)
    level = rng.randint(1, 5)
    return {
        "question": question,
        "answer": f"{steps} The answer is $\\boxed{{{number}}}$.",
        "number": str(number),
        "level": f"Level {level}",
        "level_number": level,
        "subject": subject,
    }


def discussed(fields: Fields) -> Fields:
    """Add ``messages``: the problem asked by a user, the solution given by an assistant."""
    asked, given = {"content": fields["question"], "role": "user"}, {"content": fields["answer"], "role": "assistant"}
    return {**fields, "messages": [asked, given]}


def _linear(rng: random.Random) -> tuple[str, str, int, str]:
    unknown, factor, added, solution = rng.choice(UNKNOWNS), rng.randint(2, 12), rng.randint(1, 60), rng.randint(2, 40)
    right = factor * solution + added
    product = factor * solution
    steps = (
        f"Subtract {added} to get ${factor}{unknown} = {product}$, so ${unknown} = {product}/{factor} = {solution}$."
    )
    return f"Solve for ${unknown}$: ${factor}{unknown} + {added} = {right}$.", steps, solution, "Algebra"


def _product(rng: random.Random) -> tuple[str, str, int, str]:
    one, two, three = (rng.randint(2, 30) for _ in range(3))
    return (
        f"What is the value of ${one} \\cdot {two} + {three}$?",
        f"We have ${one} \\cdot {two} = {one * two}$, and ${one * two} + {three} = {one * two + three}$.",
        one * two + three,
        "Prealgebra",
    )


def _remainder(rng: random.Random) -> tuple[str, str, int, str]:
    number, divisor = rng.randint(50, 999), rng.randint(3, 19)
    whole = number // divisor
    product = divisor * whole
    steps = f"Since ${divisor} \\cdot {whole} = {product}$, it is ${number} - {product} = {number % divisor}$."
    question = f"What is the remainder when ${number}$ is divided by ${divisor}$?"
    return question, steps, number % divisor, "Number Theory"
