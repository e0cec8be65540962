"""Does it win where the budget is tight and matrices may be left without a rank, as in a prototype?

What a larger rank is worth to LoRA comes first: it is what a better place for a rank can be measured by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import FEWEST, POOLED, PREDICTED, SURE, Comparison, family
from benchmarks.study.statistics import holm, paired
from benchmarks.study.style import Mark, forest
from benchmarks.study.tables import image, shown_p

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.study.frame import Study
    from benchmarks.study.statistics import Difference

QUESTION = """\
In an untuned prototype GLoRA at mean rank 1, with matrices that may be left without a rank, was better than LoRA and
than a shuffle of its ranks, and close to LoRA at twice the rank."""


def lead(study: Study) -> list[str]:
    """LoRA's larger ranks, GLoRA at mean rank 1 against LoRA at 1 and 2, and a least rank of 0 against one of 1."""
    worth = {
        f"LoRA, rank {more} over {less} ({where})": gap
        for less, more in ((1, 2), (2, 8))
        for gap, where in _between(study, ("lora", more), ("lora", less))
    }
    at_one = [one for one in study.gains if one.mean_rank == 1 and one.other in {"lora", "shuffled"}]
    shown = [one for one in at_one if one.task == POOLED] or at_one
    pooled = {one.other: one for one in shown if one.where == shown[0].where}
    between = _between(study, ("glora", 1), ("lora", 2))
    if len(pooled) < 2 or not between:
        return []
    ((doubled, where),) = between
    against = {
        f"GLoRA over {ARMS[other].shown}, both at rank 1 ({_where(one.tasks, one.found)})": one.found
        for other, one in pooled.items()
    }
    adjusted = {name: one.adjusted for name, one in zip(against, pooled.values(), strict=True)}  # as they are elsewhere
    twice = f"GLoRA, rank 1 over LoRA, rank 2 ({where})"
    against[twice] = doubled
    others = {**worth, twice: doubled}
    adjusted.update(zip(others, holm([gap.p for gap in others.values()]), strict=True))
    marks = [Mark(name, gap, adjusted[name] < SURE) for name, gap in {**worth, **against}.items()]
    answer = _answer(pooled["lora"], pooled["shuffled"], doubled, adjusted[twice])
    forest({"": marks}, study.folder / "lead.png")
    return [
        "## Does it win at tight budgets and with zero ranks?",
        f"What a larger rank is worth, in points: {_listed(worth, adjusted)}.",
        f"{QUESTION} Is it with tuned rates? {answer}: {_listed(against, adjusted)}.",
        image("GLoRA at mean rank 1 beside LoRA at 1 and 2", "lead"),
        *_zero_ranks(study),
    ]


def _answer(uniform: Comparison, shuffled: Comparison, doubled: Difference, adjusted: float) -> str:
    """Whether it is better than both at its rank, and at most the predicted gain below LoRA at twice the rank.

    As in the headline, a gain over LoRA is excluded only where one of the predicted size could have been seen.

    Args:
        uniform: over LoRA at its rank.
        shuffled: over its shuffled ranks.
        doubled: over LoRA at twice the rank.
        adjusted: p-value of ``doubled``.
    """
    low, high = PREDICTED
    above = [one.sure and one.found.mean > 0 for one in (uniform, shuffled)]
    below = [one.sure and one.found.mean < 0 for one in (uniform, shuffled)]
    if all(above) and doubled.low > -high:
        return "It is"
    refuted = [*below, uniform.excludes, adjusted < SURE and doubled.high < -low]
    return "It is not" if any(refuted) else "Undecidable here"


def _listed(gaps: dict[str, Difference], adjusted: dict[str, float]) -> str:
    return "; ".join(
        f"{name}: {gap.mean:+.2f} ({gap.interval}, {shown_p(adjusted[name])})" for name, gap in gaps.items()
    )


def _zero_ranks(study: Study) -> list[str]:
    """What it is worth that a matrix may be left without a rank, task by task, and how many are."""
    made = [one for one in study.beside("glora-min1", "glora", phases=("second",)) if one.task != POOLED]
    if not made:
        return []
    said = "; ".join(
        f"{one.found.mean:+.2f} on {one.label} ({one.found.interval}, {shown_p(one.adjusted)})"
        for one in family(one.turned() for one in made)
    )
    own = study.core[study.core["arm"] == "glora"]
    left = [
        f"{part['ranks'].map(lambda ranks: sum(rank > 0 for rank in ranks.values())).mean():.1f} of "
        f"{len(part['ranks'].iloc[0])} at mean rank {rank}"
        for rank, part in own.groupby("mean_rank")
    ]
    kept = f"Of the matrices {', '.join(left)} keep an adapter; at mean rank 1 a least rank of 1 leaves ranks equal."
    return [f"A least rank of 0 instead of 1 makes, in points: {said}. {kept}"]


def _where(tasks: Sequence[str], gap: Difference) -> str:
    return f"{', '.join(tasks)}; {gap.count} seeds"


def _between(study: Study, own: tuple[str, int], other: tuple[str, int]) -> list[tuple[Difference, str]]:
    """One arm at a mean rank against another at another, paired by seed, each seed's mean over the tasks.

    Returns the difference and of what it is, or nothing where there are too few pairs.
    """
    table = study.of("core", "second").drop_duplicates(["task", "seed", "arm", "mean_rank"])
    wide = table.pivot_table(index=["seed", "task"], columns=["arm", "mean_rank"], values="score")
    if own not in wide or other not in wide:
        return []
    gaps = (wide[own] - wide[other]).dropna().unstack("task")
    whole = gaps.loc[:, gaps.count() >= FEWEST].dropna()
    if len(whole) < FEWEST:
        return []
    gap = paired(whole.mean(axis=1).tolist())
    return [(gap, _where([task for task in study.plan.tasks if task in whole], gap))]
