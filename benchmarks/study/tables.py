"""Comparisons as Markdown: tables, sentences, and what a comparison says of the prediction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, PREDICTED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.study.comparisons import Comparison


def verdict(one: Comparison) -> str:
    """What a comparison with uniform LoRA says of the predicted 0.5 to 1.0 points, in a few words."""
    low, _ = PREDICTED
    if one.sure:
        less = ", by less than predicted" if one.found.mean > 0 and one.found.high < low else ""
        return f"better{less}" if one.found.mean > 0 else "worse"
    if one.excludes:
        return f"the predicted gain is excluded ({shown_p(one.excluded)})"
    below = one.found.deviation > 0 and one.found.high < low
    return f"undecidable here, interval below {low:+.1f}" if below else "undecidable here"


def shown_p(p: float, *, alone: bool = False) -> str:
    """A p-value: "p = 0.012", or "0.012" for a column."""
    text = "< 0.001" if p < 0.001 else f"{p:.3f}"
    return text if alone else f"p {text}" if text[0] == "<" else f"p = {text}"


def comparison_table(made: Sequence[Comparison]) -> str:
    """A line for each comparison."""
    lines = [
        "| task | mean rank | arm | over | points | 95 % | p (Holm) | detectable | ± rows | seeds | the prediction |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [
        f"| {one.where} | {one.mean_rank} | {ARMS[one.arm].shown} | {ARMS[one.other].shown} | {one.found.mean:+.2f} | "
        f"{one.found.interval} | {shown_p(one.adjusted, alone=True)} | {one.found.detectable:.2f} | "
        f"{'' if one.of_rows is None else f'{one.of_rows:.2f}'} | {one.found.count} | "
        f"{verdict(one) if one.other == 'lora' else ''} |"
        for one in made
    ]
    return "\n".join(lines)


def listed(names: Sequence[str]) -> str:
    """Names in words: "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def sentence(one: Comparison) -> str:
    """A comparison in words."""
    found = one.found
    where = f"on {listed(one.tasks)}{' together' if one.task == POOLED else ''}"
    said = f": {verdict(one)}." if one.other == "lora" else "."
    return (
        f"At mean rank {one.mean_rank}, {where}, {ARMS[one.arm].shown} is {found.mean:+.2f} points against "
        f"{ARMS[one.other].shown} ({found.interval}, {shown_p(one.adjusted)}, {found.count} seeds; "
        f"detectable {found.detectable:.2f}){said}"
    )


def plain_answer(made: Sequence[Comparison]) -> str:
    """What comparisons with LoRA and AdaLoRA come to, in one sentence."""
    found, also = _sure(made, "lora"), _sure(made, "adalora")
    said = f"GLoRA is {found}" if found else "No gain over LoRA was found"
    if also:
        said += f"; GLoRA is {also}"
    elif any(one.other == "adalora" for one in made):
        said += "; no certain difference from AdaLoRA was found" if found else ", nor a certain difference from AdaLoRA"
    return f"{said}."


def _sure(made: Sequence[Comparison], other: str) -> str:
    """Than what it is better or worse at which mean ranks, where that is significant."""
    ranks: dict[str, list[str]] = {}
    for one in made:
        if one.other == other and one.sure:
            ranks.setdefault("better" if one.found.mean > 0 else "worse", []).append(str(one.mean_rank))
    return " and ".join(f"{word} than {ARMS[other].shown} at mean rank {listed(of)}" for word, of in ranks.items())


def image(what: str, name: str) -> str:
    """A figure of the report."""
    return f"![{what}]({name}.png)"
