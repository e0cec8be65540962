"""The cost rows of the study: step times, the pause of the reallocation and memory, by `benchmarks.overhead`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import torch

from benchmarks import overhead
from benchmarks.study.rows import append_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.study.rows import Row


def measure_costs(rows: Path, *, model: str, mean_ranks: Sequence[int], pairs: int, device: str, threads: int) -> None:
    """Measure each mean rank and append a row; nothing else should run on the machine meanwhile.

    Args:
        rows: the file of rows.
        model: of `benchmarks.shapes`.
        mean_ranks: of every matrix at the start.
        pairs: rounds, in each of which every arm makes a step.
        device: where to train.
        threads: of torch.
    """
    for rank in mean_ranks:
        options = overhead.parse(
            [
                "--models",
                model,
                "--rank",
                str(rank),
                "--pairs",
                str(pairs),
                "--device",
                device,
                "--threads",
                str(threads),
            ]
        )
        torch.set_num_threads(options.threads)
        append_rows(rows, [_row(overhead.run(options), model, rank, pairs)])


def _row(found: dict[str, Any], model: str, rank: int, pairs: int) -> Row:
    measured = dict(found["models"][model])
    for phase in ("warmup", "after"):
        measured[phase] = [{key: value for key, value in one.items() if key != "values"} for one in measured[phase]]
    return {
        "kind": "cost",
        "model": model,
        "mean_rank": rank,
        "pairs": pairs,
        "measured": measured,
        "environment": found["environment"],
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
