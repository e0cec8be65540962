"""What does the choice of the learning rate by the best single trial do?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS

if TYPE_CHECKING:
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
    return ["## What does the best single trial choose?", SAID, "\n".join(lines)]
