"""Can it be made better, at the same cost? Each idea is tried on a few seeds, and what looks well on fresh ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS, IMPROVED
from benchmarks.study.comparisons import POOLED, Comparison, family
from benchmarks.study.style import Mark, forest
from benchmarks.study.tables import comparison_table, image, sentence, shown_p

if TYPE_CHECKING:
    from benchmarks.study.frame import Study

TRIED, FRESH = "improve", "fresh"
BASE = "glora-same"  # as it was proposed, at the same learning rate
CONTROLS = {"glora-seeded": ("seeded-shuffled",)}  # what is left of the idea without the choice of matrices
AGAIN = "The same seeds are a second measurement of GLoRA as proposed against LoRA, the first question of all:"
SAID = {
    "glora-cost": "shares divided by what a rank of the matrix costs (`cost_exponent=1`)",
    "glora-shrunk": "shares moved half way to equal ones (`uniform_share=0.5`)",
    "glora-dropped": "the quarter of the matrices that score lowest left without an adapter (`drop_fraction=0.25`)",
    "glora-seeded": 'new components along the gradient\'s leading directions instead of noise (`growth="gradient"`)',
}


def improvements(study: Study) -> list[str]:
    """Each idea against GLoRA as it was proposed and against LoRA, when tried and on fresh seeds."""
    panels: dict[str, list[Mark]] = {}
    parts: list[str] = []
    for phase, title in ((TRIED, "tried"), (FRESH, "fresh seeds")):
        made = family(
            one
            for arm in IMPROVED
            for other in (BASE, "lora", *CONTROLS.get(arm, ()))
            for one in _beside(study, arm, other, phase)
        )
        again = family(_beside(study, BASE, "lora", phase)) if phase == FRESH else []
        if not made:
            continue
        for one in made:
            if one.other == BASE:
                mark = Mark(f"{ARMS[one.arm].shown}, {one.label}", one.found, one.sure, one.task == POOLED)
                panels.setdefault(f"{title}: over {ARMS[BASE].shown}", []).append(mark)
        parts += [f"### {title.capitalize()}", _said(made, phase), comparison_table(made)]
        parts += [AGAIN, comparison_table(again), *_together(study, again)] if again else []
    if not parts:
        return []
    forest(panels, study.folder / "improvements.png")
    ideas = "\n".join(f"- *{ARMS[arm].shown}*: {said}" for arm, said in SAID.items())
    return ["## Can it be made better?", ideas, image("improvements over GLoRA", "improvements"), *parts]


def _beside(study: Study, arm: str, other: str, phase: str) -> list[Comparison]:
    return study.beside(arm, other, phases=(phase,), among=("core", "same", phase))


def _together(study: Study, again: list[Comparison]) -> list[str]:
    """GLoRA as proposed against LoRA on the first seeds and the fresh ones, where both have been run."""
    every = study.beside(BASE, "lora", phases=("same", FRESH), among=("core", "same", FRESH))
    seeds = {(one.task, one.mean_rank): one.found.count for one in again}
    made = family(one for one in every if one.found.count > seeds.get((one.task, one.mean_rank), one.found.count))
    return [f"First seeds and fresh ones together: {sentence(one)[0].lower()}{sentence(one)[1:]}" for one in made]


def _said(made: list[Comparison], phase: str) -> str:
    against = [one for one in made if one.other == BASE]
    pooled = [one for one in against if one.task == POOLED] or against
    words = [
        f"{ARMS[one.arm].shown} {one.found.mean:+.2f} ({one.label}, {shown_p(one.adjusted)})"
        for one in sorted(pooled, key=lambda one: -one.found.mean)
    ]
    lead = "Points against GLoRA as proposed" + (
        ", on seeds that chose nothing (the rows measured on are the same)" if phase == FRESH else ""
    )
    controls = [one for one in made if one.other in {name for names in CONTROLS.values() for name in names}]
    beside = "".join(
        f" {ARMS[one.arm].shown.capitalize()} is {one.found.mean:+.2f} points against {ARMS[one.other].shown} "
        f"({one.label}, {one.found.interval}, {shown_p(one.adjusted)})."
        for one in [one for one in controls if one.task == POOLED] or controls
    )
    return f"{lead}: {'; '.join(words)}.{beside}{_verdict(pooled) if phase == FRESH else ''}"


def _verdict(against: list[Comparison]) -> str:
    survive = [ARMS[one.arm].shown for one in against if one.sure and one.found.mean > 0]
    if survive:
        return f" What survives: {', '.join(survive)}."
    taken = {one.arm for one in against}
    left = [ARMS[arm].shown for arm in IMPROVED if arm not in taken]
    others = f" The others were not run on them: {', '.join(left)}." if left else ""
    return f" No idea survives: none that was run on fresh seeds is better there than chance explains.{others}"
