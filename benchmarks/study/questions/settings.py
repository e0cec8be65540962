"""Do β, the length of the warm-up, the bounds or the signal matter?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from benchmarks.study.comparisons import FEWEST, Comparison, family
from benchmarks.study.frame import PLAIN
from benchmarks.study.statistics import paired
from benchmarks.study.style import Mark, forest
from benchmarks.study.tables import image, shown_p

if TYPE_CHECKING:
    from benchmarks.study.frame import Study


def settings(study: Study) -> list[str]:
    """GLoRA of each setting against GLoRA as the core grid has it, of the same task, rank and seed."""
    made = _compared(study)
    if not made:
        return []
    panels: dict[str, list[Mark]] = {}
    for name, one in made:
        panels.setdefault(one.label, []).append(Mark(name, one.found, one.sure))
    forest(panels, study.folder / "settings.png")
    lines = [
        "| setting | task | mean rank | points against the plan's | 95 % | p (Holm) | detectable | seeds |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {one.task} | {one.mean_rank} | {one.found.mean:+.2f} | {one.found.interval} | "
        f"{shown_p(one.adjusted, alone=True)} | {one.found.detectable:.2f} | {one.found.count} |"
        for name, one in made
    ]
    sure = [(name, one) for name, one in made if one.sure]
    sizes = {one.task: one.found.detectable for _, one in made}
    seen = ", ".join(f"{size:.1f} points on {task}" for task, size in sizes.items())
    widest, _ = max(made, key=lambda named: named[1].found.deviation)
    said = (
        "; ".join(
            f"{name} is {one.found.mean:+.2f} points on {one.task} ({shown_p(one.adjusted)})" for name, one in sure
        )
        if sure
        else f"None of them makes a difference that can be told from chance. To be found four times in five, a true "
        f"one would have to be of {seen}: by the spread that all settings have in common, and {widest} has the widest"
    )
    return [
        "## Do β, the warm-up, the bounds and the signal matter?",
        f"{said}.",
        image("settings against the plan's", "settings"),
        "\n".join(lines),
    ]


def shown(changed: dict[str, object]) -> str:
    """What a changed setting is called."""
    names = {"beta_ema": "β", "allocation_share": "warm-up", "max_rank": "max_rank", "signal": "signal"}
    parts = []
    for key, value in changed.items():
        text = f"{value:.0%}" if key == "allocation_share" and isinstance(value, float) else str(value)
        parts.append(f"{names.get(key, key)} = {text}")
    return ", ".join(parts)


def _compared(study: Study) -> list[tuple[str, Comparison]]:
    """What each setting is called, and GLoRA with it against GLoRA without."""
    plain = study.proposed("score")
    gaps: dict[tuple[str, str, int], list[float]] = {}
    for run in study.of("settings", settings=None).to_dict("records"):
        key = (run["task"], int(run["mean_rank"]), int(run["seed"]))
        if key in plain and run["settings"] != PLAIN:
            gaps.setdefault((shown(json.loads(run["settings"])), *key[:2]), []).append(run["score"] - plain[key])
    names = [name for (name, _, _), values in gaps.items() if len(values) >= FEWEST]
    made = [
        Comparison(task, rank, "glora", "glora", found := paired(values), found.p)
        for (_, task, rank), values in gaps.items()
        if len(values) >= FEWEST
    ]
    return list(zip(names, family(made), strict=True))
