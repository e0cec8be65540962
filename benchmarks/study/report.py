"""``docs/study/README.md``: what the rows say, in tables, figures and a sentence for each question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study import figures
from benchmarks.study.arms import ARMS
from benchmarks.study.frame import POOLED, Comparison, compare, learnable, runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

HEAD = """# Does GLoRA hold?

The hypothesis: GLoRA reaches what AdaLoRA reaches, 0.5 to 1.0 points above LoRA of uniform ranks, at the same total
rank and in LoRA's time (within 2 %). This page is made by `python -m benchmarks.study --report` from
[results.jsonl](results.jsonl) alone.
"""
METHODS = """## How it was measured

- {backbone}, real weights, on two CPU cores; {precision} in the forward pass; all linear layers of the encoder
  adapted, alpha / r = 2, the same head, epochs and batches in every arm.
- Real rows: {tasks}. SST-2's training rows are the stated subset of 6,000; of SNLI the validation split is trained on
  and the test split measured, which makes it no result on SNLI's own terms, and it is not MNLI.
- The learning rate is tuned for LoRA, AdaLoRA and GLoRA alike: {trials} trials of one seeded sequence between {low:g}
  and {high:g}, at mean rank {ranks}, on {fraction:.0%} of the training rows; the reported split is never asked. Other
  arms take their method's rate.
- GLoRA reallocates, and AdaLoRA begins to prune, after {share:.0%} of the steps. The score is the last epoch's.
- Differences are paired over seeds. p is of the paired t-test, adjusted by Holm over the tasks (over ranks and arms for
  all tasks together); *detectable* is the true difference that this test would have found four times in five.

GLUE and SNLI come from the hub (`nyu-mll/glue`, `stanfordnlp/snli`); put each split under `<task>/<split>.parquet` and
give the folder with `--data`.
"""


def write_report(plan: Plan, rows: Iterable[Row], folder: Path) -> None:
    """Write the page and its figures into ``folder``."""
    table = runs(rows, plan)
    core = table[(table["phase"] == "core") & (table["settings"] == "{}")] if len(table) else table
    parts = [HEAD]
    if len(core):
        parts += _core(core, folder)
    second = table[table["phase"] == "second"] if len(table) else table
    if len(second):
        parts.append(_second(table))
    parts.append(_methods(plan))
    (folder / "README.md").write_text("\n".join(part.rstrip("\n") + "\n" for part in parts), encoding="utf-8")


def verdict(one: Comparison) -> str:
    """What a comparison with uniform LoRA says of the prediction, in a few words."""
    low, high = figures.PREDICTED
    if one.adjusted < 0.05:
        return "better" if one.found.mean > 0 else "worse"
    if one.found.high < low:
        return "no gain as predicted"
    if one.found.detectable > high:
        return "undecidable here"
    return "no difference was found"


def _core(core: pd.DataFrame, folder: Path) -> list[str]:
    fine = learnable(core)
    kept = core[core["task"].isin([task for task, is_fine in fine.items() if is_fine])]
    out = [task for task, is_fine in fine.items() if not is_fine]
    others = [arm for arm in ("lora", "shuffled", "adalora") if arm in set(kept["arm"])]
    made = compare(kept, "glora", others)
    figures.scores(core, folder / "scores.png")
    parts = ["## Scores", _score_table(core), "![scores of all runs](scores.png)"]
    if out:
        parts.append(f"Not learnable with these weights, and left out of what follows: {', '.join(out)}.")
    if made:
        figures.differences(made, folder / "differences.png")
        parts += [
            "## Does it beat uniform LoRA, a shuffle of its own ranks, AdaLoRA?",
            *[_sentence(one) for one in made if one.task == POOLED],
            _comparison_table(made),
            "![differences with their confidence intervals](differences.png)",
        ]
    if "glora" in set(core["arm"]):
        figures.rank_map(core, folder / "ranks.png")
        alike = figures.stability(core, folder / "stability.png")
        parts += [
            "## Which matrices win?",
            "![ranks by matrix](ranks.png)",
            "## How stable are the ranks over seeds?",
            "Spearman's correlation of the ranks of two seeds, on average: "
            + "; ".join(f"{task} at rank {rank} {value:.2f}" for (task, rank), value in alike.items())
            + ".",
            "![likeness of ranks over seeds](stability.png)",
        ]
    return parts


def _second(table: pd.DataFrame) -> str:
    """Every further arm against uniform LoRA of the same mean rank and the same seeds."""
    plain = table[(table["settings"] == "{}")].copy()
    made: list[Comparison] = []
    for arm in [arm for arm in ARMS if arm not in {"lora", "shuffled"}]:
        part = plain[plain["arm"].isin([arm, "lora"])]
        with_arm = plain[plain["arm"] == arm][["task", "mean_rank", "seed"]].drop_duplicates()
        made += compare(part.merge(with_arm, on=["task", "mean_rank", "seed"]), arm, ["lora"])
    return "## Controls and bounds, against LoRA\n\n" + _comparison_table([one for one in made if one.task != POOLED])


def _score_table(core: pd.DataFrame) -> str:
    arms = [arm for arm in ARMS if arm in set(core["arm"])]
    lines = [
        f"| task | mean rank | majority | {' | '.join(ARMS[arm].shown for arm in arms)} | seeds |",
        f"| --- | ---: | ---: |{' ---: |' * len(arms)} ---: |",
    ]
    for (task, rank), part in core.groupby(["task", "mean_rank"], sort=False):
        cells = []
        for arm in arms:
            found = part[part["arm"] == arm]["score"]
            spread = f" ± {found.std():.2f}" if len(found) > 1 else ""
            cells.append(f"{found.mean():.2f}{spread}" if len(found) else "-")
        seeds = part.groupby("arm")["seed"].nunique()
        count = str(seeds.min()) if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
        lines.append(f"| {task} | {rank} | {100 * part['majority'].max():.1f} | {' | '.join(cells)} | {count} |")
    return "\n".join(lines)


def _comparison_table(made: Sequence[Comparison]) -> str:
    lines = [
        "| task | mean rank | arm | over | points | 95 % | p (Holm) | detectable | |",
        "| --- | ---: | --- | --- | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [
        f"| {one.task} | {one.mean_rank} | {ARMS[one.arm].shown} | {ARMS[one.other].shown} | {one.found.mean:+.2f} | "
        f"{one.found.low:+.2f} to {one.found.high:+.2f} | {one.adjusted:.3f} | {one.found.detectable:.2f} | "
        f"{verdict(one) if one.other == 'lora' else ''} |"
        for one in made
    ]
    return "\n".join(lines)


def _sentence(one: Comparison) -> str:
    found = one.found
    return (
        f"At mean rank {one.mean_rank}, over all tasks, GLoRA is {found.mean:+.2f} points against "
        f"{ARMS[one.other].shown} ({found.low:+.2f} to {found.high:+.2f}, p = {one.adjusted:.3f}, {found.count} seeds; "
        f"{found.detectable:.2f} would have been seen)" + (f": {verdict(one)}." if one.other == "lora" else ".")
    )


def _methods(plan: Plan) -> str:
    return METHODS.format(
        backbone=plan.backbone,
        precision=plan.precision,
        tasks=", ".join(f"{task.name} ({task.rows} rows, {task.epochs} epochs)" for task in plan.tasks.values()),
        trials=plan.tuning["trials"],
        low=plan.tuning["low"],
        high=plan.tuning["high"],
        ranks=" and ".join(map(str, plan.tuning["mean_ranks"])),
        fraction=plan.selection_fraction,
        share=plan.allocation_share,
    )
