"""The ranks of a plan as a picture: layers from left to right, the matrices of a layer from top to bottom.

Needs matplotlib, which is an extra; it draws on a figure of its own and touches no global state of pyplot.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

_CELL = 0.42  # inches per cell; chosen by us: two digits stay readable
_NONE = "#e8e8e8"  # no adapter: grey, which no rank has


def heat_map(ranks: Mapping[str, int]) -> Figure:
    """Draw ranks by layer and matrix.

    Args:
        ranks: Rank by module name. The first number that is a part of a name of its own is the layer, what follows it
            the kind of matrix; what precedes it is a part of that where a model has several towers (an encoder and a
            decoder). Names without a number stand in a column of their own.

    Returns:
        A figure with the rank in every cell; grey where the matrix has no adapter, empty where the model has no such
        matrix.
    """
    parts = {name: _parts(name) for name in ranks}
    shared = Counter((rest, layer) for _, layer, rest in parts.values())
    towers = {rest for (rest, _), names in shared.items() if names > 1}
    places = {
        name: (f"{prefix}.*.{rest}".removesuffix(".") if rest in towers else rest or prefix, layer)
        for name, (prefix, layer, rest) in parts.items()
    }
    rows = list(dict.fromkeys(row for row, _ in places.values()))
    columns = sorted({column for _, column in places.values()}, key=lambda column: (column is None, column or 0))
    grid = np.full((len(rows), len(columns)), np.nan)
    for name, rank in ranks.items():
        row, column = places[name]
        grid[rows.index(row), columns.index(column)] = rank

    label_width = 0.075 * max(len(row) for row in rows)
    size = (max(4.0, label_width + _CELL * len(columns) + 1.2), max(1.8, _CELL * len(rows) + 1.1))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    colours = mpl.colormaps["viridis"].with_extremes(under=_NONE, bad="white")
    greatest = max(1.0, float(np.nanmax(grid)))
    image = axes.imshow(np.ma.masked_invalid(grid), cmap=colours, vmin=0.5, vmax=max(greatest, 1.5), aspect="equal")
    for y, x in zip(*np.nonzero(~np.isnan(grid)), strict=True):
        rank = grid[y, x]
        is_dark = 0 < rank < 0.6 * greatest
        axes.text(x, y, f"{rank:.0f}", ha="center", va="center", fontsize=8, color="white" if is_dark else "black")
    axes.set_xticks(range(len(columns)), ["none" if column is None else str(column) for column in columns])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_xlabel("layer")
    figure.suptitle(f"ranks, {sum(ranks.values())} in total; grey: no adapter", fontsize=9)
    axes.tick_params(length=0, labelsize=8)
    for edge in axes.spines.values():
        edge.set_visible(False)
    figure.colorbar(image, ax=axes, label="rank", shrink=0.8)
    return figure


def _parts(name: str) -> tuple[str, int | None, str]:
    """Split a module name into what precedes the layer, the layer, and what follows it."""
    found = re.search(r"(?:^|\.)(\d+)(?=\.|$)", name)
    if found is None:
        return "", None, name
    return name[: found.start()], int(found.group(1)), name[found.end() :].lstrip(".")
