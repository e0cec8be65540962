"""How well do the signals agree with each other and with the exact gradient norm?

Runs that differ in the signal alone train alike until they reallocate, so that what they have seen by then is of the
same gradients.
"""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.study.questions.stability import alike, within
from benchmarks.study.style import by_module, save
from benchmarks.study.tables import image, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.study.frame import Study

DEFAULT = "delta"
CLOSE = 0.9  # a rank correlation of it is called close
Seen = dict[str, dict[str, float]]  # by signal, the average by matrix


def signals(study: Study) -> list[str]:
    """The likeness of each pair of signals over the matrices, and each estimate beside the exact norm."""
    runs = _by_run(study)
    if not runs:
        return []
    names = [name for name in (DEFAULT, "lora_B", "exact") if any(name in seen for seen in runs.values())]
    said = []
    for one, other in combinations(names, 2):
        both = [seen for seen in runs.values() if one in seen and other in seen]
        spearman = [alike(seen[one], seen[other]) for seen in both]
        inner = [within(seen[one], seen[other]) for seen in both]
        tasks = list(dict.fromkeys(task for (task, _, _), seen in runs.items() if one in seen and other in seen))
        if both:
            said.append(
                f"`{one}` and `{other}` have a rank correlation of {np.mean(spearman):.2f} ({min(spearman):.2f} to "
                f"{max(spearman):.2f}) over all matrices, and of {np.mean(inner):.2f} over the layers of one kind of "
                f"matrix ({len(both)} runs on {listed(tasks)})"
            )
    exactly = [alike(seen[DEFAULT], seen["exact"]) for seen in runs.values() if {DEFAULT, "exact"} <= {*seen}]
    _draw(runs, study.folder / "signals.png")
    return [
        "## How well do the signals agree, with each other and with the exact gradient norm?",
        f"{'; '.join(said)}.{_judged(exactly)}",
        image("each estimate beside the exact norm", "signals"),
    ]


def _judged(exactly: Sequence[float]) -> str:
    """In words, how well the signal that is used by default stands for the exact norm."""
    if not exactly:
        return ""
    most = float(np.mean(exactly)) >= CLOSE
    return f" The default, `{DEFAULT}`, orders matrices {'much' if most else 'only in part'} as the exact norm does."


def _by_run(study: Study) -> dict[tuple[str, int, int], Seen]:
    """By task, mean rank and seed: what each signal had seen by the end of the warm-up, where there are several."""
    found: dict[tuple[str, int, int], Seen] = {}
    table = study.of("core", "settings", settings=None)
    for run in table[table["arm"] == "glora"].to_dict("records"):
        changed = json.loads(run["settings"])
        if set(changed) <= {"signal"}:
            key = (run["task"], int(run["mean_rank"]), int(run["seed"]))
            found.setdefault(key, {})[changed.get("signal", DEFAULT)] = run["signal"]
    return {key: seen for key, seen in found.items() if len(seen) > 1}


def _draw(runs: Mapping[tuple[str, int, int], Seen], path: Path) -> None:
    shown = [name for name in (DEFAULT, "lora_B") if any(name in seen and "exact" in seen for seen in runs.values())]
    figure, grid = plt.subplots(1, max(1, len(shown)), figsize=(3.2 * max(1, len(shown)), 3.0), squeeze=False)
    for axis, name in zip(grid[0], shown, strict=False):
        for place, task in enumerate(dict.fromkeys(key[0] for key in runs)):
            points = [
                (_shares(seen["exact"]), _shares(seen[name]))
                for key, seen in runs.items()
                if key[0] == task and name in seen and "exact" in seen
            ]
            if points:
                exact, estimate = (np.concatenate(values) for values in zip(*points, strict=True))
                axis.plot(exact, estimate, ".", markersize=4, alpha=0.5, color=f"C{place}", label=task)
        most = max(axis.get_xlim()[1], axis.get_ylim()[1])
        axis.plot([0, most], [0, most], color="black", linewidth=0.6)
        axis.set_xlabel("share of the sum over matrices, exact")
        axis.set_ylabel(f"share, {name}")
        axis.legend(fontsize=7)
    figure.tight_layout()
    save(figure, path)


def _shares(values: Mapping[str, float]) -> np.ndarray:
    found = by_module(values).ravel()
    shares: np.ndarray = found / found.sum()
    return shares
