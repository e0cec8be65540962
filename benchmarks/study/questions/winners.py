"""Which matrices win the ranks?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import SymLogNorm

from benchmarks.study.style import MODULES, by_module, save, shown_module
from benchmarks.study.tables import image

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.frame import Study


def winners(study: Study) -> list[str]:
    """GLoRA's ranks by kind of matrix and layer, every task counting alike."""
    part = study.core[study.core["arm"] == "glora"]
    if part.empty:
        return []
    _draw(part, study.folder / "ranks.png")
    groups: dict[tuple[str, int], list[np.ndarray]] = {}
    for task, rank, ranks in zip(part["task"], part["mean_rank"], part["ranks"], strict=True):
        groups.setdefault((str(task), int(rank)), []).append(by_module(ranks) / rank)
    relative = {key: np.stack(runs) for key, runs in groups.items()}  # (runs, kinds, layers) each
    means = {key: runs.mean(axis=0) for key, runs in relative.items()}  # (kinds, layers)
    of_kind = np.mean([values.mean(axis=1) for values in means.values()], axis=0)
    kinds = ", ".join(f"{shown_module(MODULES[place])} {of_kind[place]:.2f}" for place in np.argsort(-of_kind))
    kept = {key: (runs > 0).mean(axis=(0, 2)) for key, runs in relative.items()}  # (kinds,)
    least, fullest = int(np.argmin(of_kind)), int(np.argmax(of_kind))
    adapters = "; ".join(
        f"at mean rank {rank} {_range([shares[least] for (_, of), shares in kept.items() if of == rank])} of the "
        f"{shown_module(MODULES[least])} matrices keep an adapter and "
        f"{_range([shares[fullest] for (_, of), shares in kept.items() if of == rank])} of "
        f"{shown_module(MODULES[fullest])}"
        for rank in sorted({rank for _, rank in kept})
    )
    said = f"In units of the mean rank, every task and rank counting alike: {kinds}; over tasks, {adapters}."
    return [
        "## Which matrices win?",
        said,
        image("ranks by matrix", "ranks"),
        "Kinds and layers of each task, in the same units:",
        _table(means),
    ]


def _range(shares: list[float]) -> str:
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    return low if low == high else f"{low} to {high}"


def _table(means: dict[tuple[str, int], np.ndarray]) -> str:
    layers = range(next(iter(means.values())).shape[1])
    heads = [*(shown_module(name) for name in MODULES), *(f"layer {layer}" for layer in layers)]
    lines = [f"| task | mean rank | {' | '.join(heads)} |", f"| --- | ---: |{' ---: |' * len(heads)}"]
    lines += [
        f"| {task} | {rank} | {' | '.join(f'{value:.2f}' for value in (*of.mean(axis=1), *of.mean(axis=0)))} |"
        for (task, rank), of in means.items()
    ]
    return "\n".join(lines)


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
        shown = axis.imshow(values, cmap="viridis", norm=SymLogNorm(1, vmin=0, vmax=16), aspect="auto")
        axis.set_title(f"{task}, rank {rank}, {len(found)} run{'s' if len(found) > 1 else ''}", fontsize=8)
        axis.set_yticks(range(len(MODULES)), [shown_module(name) for name in MODULES])
        axis.tick_params(labelsize=6)
        axis.set_xticks(range(values.shape[1]))
    figure.supxlabel("layer", fontsize=8)
    bar = figure.colorbar(shown, ax=grid, shrink=0.7, pad=0.02)
    bar.set_label("rank / mean rank")
    bar.set_ticks([0, 1, 2, 4, 8, 16], labels=["0", "1", "2", "4", "8", "16"])
    bar.ax.minorticks_off()
    save(figure, path)
