"""Which matrices win the ranks?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.study.style import MODULES, by_module, save, shown_module
from benchmarks.study.tables import image

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.frame import Study


def winners(study: Study) -> list[str]:
    """GLoRA's ranks by kind of matrix and layer."""
    part = study.core[study.core["arm"] == "glora"]
    if part.empty:
        return []
    _draw(part, study.folder / "ranks.png")
    relative = np.stack(
        [by_module(ranks) / rank for ranks, rank in zip(part["ranks"], part["mean_rank"], strict=True)]
    )  # (runs, kinds, layers)
    of_kind = relative.mean(axis=(0, 2))
    kept = {rank: (relative[part["mean_rank"] == rank] > 0).mean(axis=(0, 2)) for rank in sorted({*part["mean_rank"]})}
    of_layer = relative.mean(axis=(0, 1))
    order = np.argsort(-of_kind)
    kinds = ", ".join(f"{shown_module(MODULES[place])} {of_kind[place]:.2f}" for place in order)
    tightest = next(iter(kept.values()))
    least, fullest = int(np.argmin(tightest)), int(np.argmax(tightest))
    adapters = "; ".join(
        f"at mean rank {rank} {shares[least]:.0%} of the {shown_module(MODULES[least])} matrices keep an adapter and "
        f"{shares[fullest]:.0%} of {shown_module(MODULES[fullest])}"
        for rank, shares in kept.items()
    )
    layers = ", ".join(f"{value:.2f}" for value in of_layer)
    said = f"In units of the mean rank, over all tasks, ranks and seeds: {kinds}; {adapters}."
    return [
        "## Which matrices win?",
        f"{said} From the first layer to the last: {layers}.",
        image("ranks by matrix", "ranks"),
    ]


def _draw(part: pd.DataFrame, path: Path) -> None:
    """The mean rank over seeds, by kind of matrix and layer, for every task and mean rank."""
    cells = sorted(dict.fromkeys(zip(part["mean_rank"], part["task"], strict=True)), key=lambda cell: cell[0])
    columns = max(1, len({task for _, task in cells}))
    rows = -(-len(cells) // columns)
    size = (1.7 * columns + 1.8, 1.6 * rows + 0.3)
    figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, sharey=True, layout="constrained")
    for axis in grid.flat[len(cells) :]:
        axis.axis("off")
    for axis, (rank, task) in zip(grid.flat, cells, strict=False):
        found = part[(part["task"] == task) & (part["mean_rank"] == rank)]["ranks"]
        values = np.mean([by_module(ranks) for ranks in found], axis=0) / rank
        shown = axis.imshow(values, cmap="viridis", vmin=0, vmax=4, aspect="auto")
        axis.set_title(f"{task}, rank {rank}", fontsize=8)
        axis.set_yticks(range(len(MODULES)), [shown_module(name) for name in MODULES])
        axis.tick_params(labelsize=6)
        axis.set_xticks(range(values.shape[1]))
    figure.supxlabel("layer", fontsize=8)
    bar = figure.colorbar(shown, ax=grid, shrink=0.7, pad=0.02)
    bar.set_label("rank / mean rank")
    save(figure, path)
