"""What does the choice of the learning rate by the best single trial do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS

if TYPE_CHECKING:
    import pandas as pd

    from benchmarks.study.frame import Study

SAID = """\
The first task was begun with the rate of each method's best trial. One trial is one seed on a few hundred rows, and the
best of six is the luckiest. After a run at such a rate had failed, rates became the best on average over neighbouring
trials, for every method alike, and the first task was run again. The runs at the lucky rates count nowhere but here.
"""


def lucky(study: Study) -> list[str]:
    """Scores at the rate of the best single trial, beside those at the smoothed rate."""
    table = study.of("lucky", "core")
    lines = [
        "| task | mean rank | arm | learning rate | mean | lowest | highest | seeds |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    parts = table[table["arm"].map(lambda arm: f"{arm.removesuffix('-lucky')}-lucky" in set(table["arm"])).astype(bool)]
    parts = parts[parts["task"].isin(table[table["phase"] == "lucky"]["task"])]
    for (task, rank, arm), part in sorted(parts.groupby(["task", "mean_rank", "arm"])):
        scores, rate = part["score"], part["learning_rate"].iloc[0]
        lines.append(
            f"| {task} | {rank} | {ARMS[str(arm)].shown} | {rate:.1e} | {scores.mean():.2f} | {scores.min():.2f} | "
            f"{scores.max():.2f} | {len(scores)} |"
        )
    if len(lines) == 2 or "lucky" not in set(table["phase"]):
        return []
    return ["## What does the best single trial choose?", SAID, _changed(parts), "\n".join(lines)]


def _changed(runs: pd.DataFrame) -> str:
    """Whose rate, and so whose score, smoothing changed."""
    parts = {
        (str(task), rank, str(arm)): part for (task, rank, arm), part in runs.groupby(["task", "mean_rank", "arm"])
    }
    changed, kept = [], []
    for (task, rank, arm), plain in parts.items():
        first = parts.get((task, rank, f"{arm}-lucky"))
        if first is None:
            continue
        named = f"{ARMS[arm].shown} on {task} at mean rank {rank}"
        if first["learning_rate"].iloc[0] == plain["learning_rate"].iloc[0]:
            kept.append(named)
        else:
            changed.append(f"{named} by {plain['score'].mean() - first['score'].mean():+.2f} points")
    said = f"It changed the mean of {', '.join(changed)}" if changed else "It changed no score"
    return f"{said}; the same rate as before have {', '.join(kept)}." if kept else f"{said}."
