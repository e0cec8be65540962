"""Which learning rate does every method take, and is the best one inside the range that was searched?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

from benchmarks.study.arms import ARMS, TUNED
from benchmarks.study.style import COLOURS, save
from benchmarks.study.tables import image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.study.frame import Study
    from benchmarks.study.rows import Row

FORMS = {"lora": ("o", "-"), "adalora": ("s", "-"), "glora": ("^", "--")}  # lines may lie upon each other


def rates(study: Study) -> list[str]:
    """What the searches found, trial by trial."""
    trials = study.plan.trials(study.rows)
    if not trials:
        return []
    nearest = int(study.plan.tuning["nearest"])
    best = study.plan.tuned(study.rows)
    _draw(trials, best, study)
    lines = [
        "| task | mean rank | " + " | ".join(ARMS[arm].shown for arm in TUNED) + " |",
        f"| --- | ---: |{' ---: |' * len(TUNED)}",
    ]
    for task, rank in dict.fromkeys((task, rank) for task, _, rank in best):
        cells = [f"{best[task, arm, rank]:.1e}" if (task, arm, rank) in best else "-" for arm in TUNED]
        lines.append(f"| {task} | {rank} | {' | '.join(cells)} |")
    tried = {
        key: sorted(row["learning_rate"] for row in trials if (row["task"], row["arm"]) == key[:2]) for key in best
    }
    counts = sorted({len(found) for found in tried.values()})
    edge = [key for key, rate in best.items() if rate in (tried[key][0], tried[key][-1])]
    named = ", ".join(f"{ARMS[arm].shown} on {task}" for task, arm, _ in edge)
    said = (
        f"The best rate is at the edge of those tried for {named}"
        if edge
        else "No best rate is at the edge of those that were tried"
    )
    judged = (
        f"A rate is judged by the mean over the {nearest} trials nearest to it, and is at most 1/"
        f"{study.plan.tuning['margin']:g} of the lowest above the best trial that failed: that learned nothing, or "
        "broke off or was given up because it was behind the others (these two are crosses in the figure; the line is "
        "the rate taken). What lies above the best rate of a task may therefore not have been searched."
    )
    return [
        "## Which learning rates?",
        f"{said}; every method was given {' or '.join(map(str, counts))} rates on a task. {judged}",
        "\n".join(lines),
        image("the search for learning rates", "rates"),
    ]


def _draw(trials: Sequence[Row], best: Mapping[tuple[str, str, int], float], study: Study) -> None:
    tasks = list(dict.fromkeys(row["task"] for row in trials))
    figure, grid = plt.subplots(1, len(tasks), figsize=(2.2 * len(tasks) + 0.6, 2.5), squeeze=False)
    for axis, task in zip(grid[0], tasks, strict=True):
        for arm, (marker, line) in FORMS.items():
            own = [row for row in trials if row["task"] == task and row["arm"] == arm and row["value"] is not None]
            own.sort(key=lambda row: row["learning_rate"])
            tried, values = [row["learning_rate"] for row in own], [100 * row["value"] for row in own]
            form = {"color": COLOURS[arm], "marker": marker, "linestyle": line, "markersize": 4, "alpha": 0.8}
            axis.plot(tried, values, linewidth=1, label=ARMS[arm].shown, **form)
        least, _ = axis.get_ylim()
        for place, arm in enumerate(FORMS):
            lost = [row for row in trials if row["task"] == task and row["arm"] == arm and row["value"] is None]
            at = [row["learning_rate"] for row in lost]
            axis.plot(at, [least] * len(at), "x", color=COLOURS[arm], markersize=4 + 2 * place)
            for (of, taken, _), rate in best.items():
                if (of, taken) == (task, arm):
                    axis.axvline(rate, color=COLOURS[arm], linewidth=0.8, linestyle=FORMS[arm][1], alpha=0.6)
        axis.set_xscale("log")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.set_title(study.plan.tasks[task].title)
        axis.set_xlabel("learning rate")
    grid[0][0].set_ylabel("on held-out training rows, points")
    grid[0][0].legend(fontsize=7)
    figure.tight_layout()
    save(figure, study.folder / "rates.png")
