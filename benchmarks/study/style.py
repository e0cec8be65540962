"""How the figures of the study look, and the one form that most of them have: differences with their intervals."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from benchmarks.study.comparisons import Comparison
    from benchmarks.study.statistics import Difference

# Okabe and Ito's colours, which the colour-blind tell apart; an arm has one colour in all figures
COLOURS = {
    "lora": "#0072B2", "adalora": "#D55E00", "glora": "#009E73", "shuffled": "#999999", "reversed": "#CC79A7",
    "disturbed": "#56B4E9", "glora-parameters": "#E69F00", "glora-min1": "#000000",
}  # fmt: skip
MODULES = ("query", "key", "value", "attention_output_dense", "intermediate_dense", "output_dense")

mpl.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "svg.hashsalt": "glora",
        "figure.dpi": 120,
        "legend.frameon": False,
    }
)


class Mark(NamedTuple):
    """One line of a forest plot: what it is called, the difference, and whether it is significant."""

    label: str
    found: Difference
    sure: bool
    together: bool = False  # of several tasks


def save(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and close it."""
    figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def forest(panels: Mapping[str, Sequence[Mark]], path: Path, *, band: tuple[float, float] | None = None) -> None:
    """Draw differences with their 95 % intervals, a panel each under its title; a filled point is significant.

    Args:
        panels: from the title to what stands below it; the first panel's labels stand at the side of all.
        path: where to.
        band: a predicted range, shaded in the first panel.
    """
    titled = "over LoRA" in panels
    labels = list(dict.fromkeys(mark.label for marks in panels.values() for mark in marks))
    size = (2.3 * len(panels) + 1.4, 0.7 + 0.26 * len(labels))
    figure, grid = plt.subplots(1, len(panels), figsize=size, sharex=True, sharey=True, squeeze=False)
    for place, (axis, (title, marks)) in enumerate(zip(grid[0], panels.items(), strict=True)):
        if band is not None and (title == "over LoRA" or (place == 0 and not titled)):
            axis.axvspan(*band, color="#009E73", alpha=0.15, linewidth=0)
        axis.axvline(0, color="black", linewidth=0.6)
        for mark in marks:
            at = -labels.index(mark.label)
            colour = "#000000" if mark.together else "#0072B2"
            axis.plot([mark.found.low, mark.found.high], [at, at], color=colour, linewidth=1.4)
            axis.plot(mark.found.mean, at, "o", color=colour, markersize=5, mfc=colour if mark.sure else "white")
        axis.set_title(textwrap.fill(title, 20), fontsize=8)
        axis.set_xlabel("difference, points")
        axis.set_ylim(0.6 - len(labels), 0.6)
    grid[0][0].set_yticks([-place for place in range(len(labels))], labels)
    save(figure, path)


def against(made: Iterable[Comparison]) -> dict[str, list[Mark]]:
    """The panels of `forest` for comparisons: one for each arm that others are held against."""
    panels: dict[str, list[Mark]] = {}
    for one in made:
        panels.setdefault(f"over {ARMS[one.other].shown}", []).append(
            Mark(one.label, one.found, one.sure, one.task == POOLED)
        )
    return panels


def by_module(values: Mapping[str, float]) -> np.ndarray:
    """A value for each matrix as (kinds of matrix, layers), in the order of `MODULES`."""
    layers = sorted({int(name.split("_")[1]) for name in values})
    return np.array([[_of(values, module, layer) for layer in layers] for module in MODULES], dtype=float)


def shown_module(name: str) -> str:
    """What figures and sentences call a kind of matrix."""
    return name.replace("_dense", "").replace("_", " ")


def _of(values: Mapping[str, float], module: str, layer: int) -> float:
    prefix = f"layer_{layer}_"
    own = {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}
    known = {name.removeprefix("attention_self_").removesuffix("_proj"): value for name, value in own.items()}
    return known[module]
