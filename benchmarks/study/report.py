"""``docs/study/README.md``: what the rows say, in tables, figures and a sentence for each question."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED
from benchmarks.study.frame import Study
from benchmarks.study.questions import QUESTIONS
from benchmarks.study.questions.failures import told_failures
from benchmarks.study.running import EXACTLY
from benchmarks.study.style import PREDICTED
from benchmarks.study.tables import image, listed, sentence, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.study.cells import Task
    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

FIGURE = re.compile(r"\]\((\w+\.png)\)")
OPENING = "<!-- the study's headline -->"
CLOSING = re.compile(r"<!-- made by benchmarks.study --report of (\d+) rows -->")
HEAD = """# Does GLoRA hold?

The hypothesis: GLoRA reaches what AdaLoRA reaches, 0.5 to 1.0 points above LoRA of uniform ranks, at the same total
rank and in LoRA's time (within 2 %). This page is made by `python -m benchmarks.study --report` from
[results.jsonl](results.jsonl) and [plan.yaml](plan.yaml) alone.
"""
METHODS = """## How it was measured

- {backbone}, real weights, on {device}; {precision} in the forward pass; all linear layers of the encoder
  adapted, alpha / r = 2, the same head, epochs and batches in every arm.{widened}
- Real rows: {tasks}.{subsets}
- The learning rate is tuned for LoRA, AdaLoRA and GLoRA alike: {trials} trials of one seeded sequence, between {low:g}
  and {high:g} where nothing else is said, at mean rank {ranks}, on {fraction:.0%} of the training rows; the reported
  split is never scored. The rate is taken that is best on average over its {nearest} nearest trials and at most
  1/{margin:g} of the lowest above the best trial that failed or was given up. Other arms take their method's rate, and
  all mean ranks have the one rate that was tuned at mean rank {ranks}.
- GLoRA reallocates, and AdaLoRA begins to prune, after {share:.0%} of the steps. The score is the last epoch's.
- AdaLoRA is PEFT's: it starts with 1.5 times the ranks that are left in the end, rounded up in every matrix, has
  pruned when 60 % of the steps are made, beta 0.85, orthogonal regularisation 0.1. Its new components start from 0.
- Differences are paired over seeds, Matthews' correlation counted in points as in GLUE's average. p is of the paired
  t-test, adjusted by Holm over each table, where all tasks together are one family and single tasks another.
  *detectable* is the true difference that would have been significant four times in five as the only one of its table,
  given the spread of all comparisons with the same arm on the same task. With LoRA a gain is called excluded where the
  interval ends below the predicted {least} points and no more than {most} is detectable; what is not significant else
  is undecidable here. Intervals are of 95 % each and not adjusted, p and filled points are.
- Intervals and p-values are of seeds: they say what other seeds would give on the same rows. *± rows* is the standard
  error of a difference by the choice of the rows that are measured on, in points of accuracy; answers were kept from
  the second task on.
- In figures of differences a line is the 95 % interval, a filled point is significant, the shaded range the prediction.
{repeated}- {runs} runs and {trials_run} trials, {hours:.1f} hours of one core.

GLUE and SNLI come from the hub (`nyu-mll/glue`, `stanfordnlp/snli`); put each split under `<task>/<split>.parquet` and
give the folder with `--data`.
"""
SUBSETS = """
  SST-2's training rows are a subset of 6,000, `random.Random(0).sample` of the split in its order. MRPC is measured on
  its test split, whose labels are public. Of SNLI the validation split is trained on and the test split measured, which
  makes it no result on SNLI's own terms, and it is not MNLI."""
WIDENED = """
  {count} of the runs were made on a processor without bf16 instructions ({told}): there products of bf16 matrices are
  computed in fp32 and rounded, as those instructions do it."""
CHANGED = """## What was changed after results were seen

- After SST-2's first runs: a learning rate is judged with its neighbours, for every method, and SST-2 was run again.
  What the first choice gave is in the section on the best single trial.
- After SST-2: the second task of the grids is SNLI, which has the most rows to measure on; it is trained for one epoch
  instead of two; the other tasks' rates end at half of SST-2's highest, where training had failed; MRPC is measured on
  its test split; attention is computed by the implementation that is faster on this machine. Of the other tasks a few
  trials of searches were known.
- After SNLI's first seeds: a rate keeps a margin to those at which training failed, for every method. LoRA at mean rank
  2 had learned nothing on SNLI with each seed at a rate that its single trial had stood. No other rate changed by it;
  at mean rank 1 LoRA had been better at that rate on the three seeds, see the section on replaced rates.
- After SNLI's searches: AdaLoRA's rates reach higher on SNLI, where its best one was the highest that was tried, and on
  the tasks that were not searched yet.
- When the core runs on SST-2, CoLA and SNLI were known, and before any of the runs concerned: SNLI is left out of all
  grids but core and same, for want of hours. It was to be the second task of those grids; SST-2 is now their only one.
- The families of Holm's adjustment and the pooled spread behind *detectable* were settled after SST-2's results; the
  second analysis, whose tasks are weighted, and what is called excluded after those of SNLI and CoLA's first seeds.
"""


def write_report(plan: Plan, rows: Sequence[Row], folder: Path) -> None:
    """Write the page and its figures into ``folder``."""
    study = Study(plan, rows, folder)
    parts = [HEAD, *_unfinished(study), *_left_out(study), *_headline(study)]
    for question in QUESTIONS:
        parts += question(study)
    if plan.hub == "loopback":  # of this plan alone
        parts.append(CHANGED)
    parts.append(_methods(study))
    page, text = folder / "README.md", "\n".join(part.rstrip("\n") + "\n" for part in parts)
    before = page.read_text(encoding="utf-8") if page.exists() else ""
    for name in {*FIGURE.findall(before)} - {*FIGURE.findall(text)}:
        (folder / name).unlink(missing_ok=True)  # an earlier report's, of which nothing speaks any more
    page.write_text(text, encoding="utf-8")


def write_headline(plan: Plan, rows: Sequence[Row], page: Path, folder: Path) -> None:
    """Put the headline between the marks of another page, if it has them.

    Args:
        plan: the plan.
        rows: all rows.
        page: the page, such as the project's own README.
        folder: where the report is, below the page's folder.
    """
    text = page.read_text(encoding="utf-8")
    before, opening, rest = text.partition(OPENING)
    closing = CLOSING.search(rest)
    if not opening or closing is None:
        return
    made = closing.group(0).replace(closing.group(1), str(len(rows)))  # rows are only added: these can be found again
    study = Study(plan, rows, folder)
    where = folder.relative_to(page.parent).as_posix()
    told = "\n".join(textwrap.wrap(_told(study, where), 118, break_on_hyphens=False, break_long_words=False))
    figure = "headline" if any(one.task == POOLED for one in study.gains) else "differences"
    shown = f"![GLoRA's differences from LoRA and others, in points]({where}/{figure}.png)"
    page.write_text(f"{before}{opening}\n{told}\n\n{shown}\n{made}{rest[closing.end() :]}", encoding="utf-8")


def _told(study: Study, where: str) -> str:
    """What the core grid says of GLoRA against LoRA and AdaLoRA, in a few sentences."""
    made = [one for one in study.gains if one.other in {"lora", "adalora"}]
    pooled = [one for one in made if one.task == POOLED] or made
    tasks = listed(list(dict.fromkeys(task for one in pooled for task in one.tasks)))
    parts = []
    for one in pooled:
        said = f"; {verdict(one)}" if one.other == "lora" else ""
        on = "" if one.task == POOLED else f" on {one.task}"
        against = f"{ARMS[one.other].shown} at mean rank {one.mean_rank}{on}"
        parts.append(f"{one.found.mean:+.2f} points against {against} ({one.found.interval}{said})")
    if not parts:
        return f"**Does it hold?** [The study]({where}/README.md) of it on real data has no result yet."
    finished, cells = len(study.plan.rows_of(study.rows)), len(study.plan.cells())
    model = study.plan.backbone.rpartition("/")[2]
    seeds = min(one.found.count for one in pooled)
    told = (
        f"**Does it hold?** [Measured]({where}/README.md) on real rows ({tasks}) with the real weights of {model}, "
        f"learning rates tuned for each method, {seeds} seeds or more: GLoRA is {'; '.join(parts)}. "
        "Predicted were +0.5 to +1.0."
    )
    if study.failed.any():
        told = f"{told} {_without_failures(study)}"
    if finished == cells:
        return told
    return (
        f"{told} Unfinished: {finished} of {cells} cells of the plan, {study.tasks} of {len(study.plan.tasks)} tasks."
    )


def _without_failures(study: Study) -> str:
    """What is left of the comparison with LoRA when runs that learned nothing, and their pairs, do not count."""
    left = [one for one in study.sound_gains if one.other == "lora"]
    left = [one for one in left if one.task == POOLED] or left
    said = "; ".join(
        f"{one.found.mean:+.2f} at mean rank {one.mean_rank}{'' if one.task == POOLED else f' on {one.task}'} "
        f"({one.found.interval}; {verdict(one)})"
        for one in left
    )
    lost = f"At the majority class ended {told_failures(study)}"
    return f"{lost}; without these it is, against LoRA, {said}." if left else f"{lost}."


def _unfinished(study: Study) -> list[str]:
    """Which grids have runs that are still to be made."""
    cells, finished = study.plan.cells(), study.plan.rows_of(study.rows)
    if len(finished) == len(cells):
        return []
    by_grid: dict[str, list[bool]] = {}
    for cell in cells:
        by_grid.setdefault(cell.phase, []).append(cell in finished)
    told = ", ".join(f"{name} {sum(there)} of {len(there)}" for name, there in by_grid.items())
    made = f"{len(finished)} of {len(cells)} cells of the plan have their run ({told})"
    return [f"**Unfinished**: {made}. What follows is of these alone; the same command goes on with the others."]


def _left_out(study: Study) -> list[str]:
    """What was planned and is not run, and why, in the plan's words."""
    by_part = Counter((cell.phase, cell.task) for cell in study.plan.dropped_cells())
    if not by_part:
        return []
    told = ", ".join(f"{count} of grid {phase} on {task}" for (phase, task), count in by_part.items())
    whys = "; ".join(dict.fromkeys(part["why"] for part in study.plan.dropped))
    return [f"**Left out**: {told}. They were planned and are not run: {whys}."]


def _headline(study: Study) -> list[str]:
    pooled = [one for one in study.gains if one.task == POOLED and one.other in {"lora", "adalora"}]
    if not pooled:
        return []
    return [*(f"**{sentence(one)}**" for one in pooled), image("GLoRA over LoRA and others", "headline")]


def _shown(task: Task) -> str:
    said = [f"{task.rows} rows", f"{task.epochs} epoch{'s' if task.epochs > 1 else ''}"]
    if task.attention != "auto":
        said.append(f"{task.attention} attention")
    said += [f"{ARMS[arm].shown}'s rates between {low:g} and {high:g}" for arm, (low, high) in task.rates.items()]
    return f"{task.name} ({', '.join(said)})"


def _widened(runs: Sequence[Row]) -> str:
    by_task = Counter(row["task"] for row in runs if row.get("products", "").startswith("fp32"))
    told = ", ".join(f"{count} on {task}" for task, count in sorted(by_task.items()))
    return WIDENED.format(count=by_task.total(), told=told) if by_task else ""


def _repeated(study: Study) -> str:
    """How far runs that were made once more are from the first."""
    first = {row["config"]: row for row in study.rows if row["kind"] == "run"}
    told = []
    for row in study.rows:
        if row["kind"] == "repeat" and row["config"] in first:
            metric = study.plan.tasks[row["task"]].metric
            scores = [100 * one["metrics"][metric] for one in (first[row["config"]], row)]
            machine = "" if row["products"] == first[row["config"]].get("products", EXACTLY) else ", other processor"
            named = f"{ARMS[row['arm']].shown} on {row['task']}, rank {row['mean_rank']}, seed {row['seed']}"
            told.append(f"{named}: {scores[0]:.2f} and {scores[1]:.2f}{machine}")
    return f"- Runs that were made once more, first and second score: {'; '.join(told)}.\n" if told else ""


def _methods(study: Study) -> str:
    plan = study.plan
    runs = [row for row in study.rows if row["kind"] == "run"]
    return METHODS.format(
        backbone=plan.backbone,
        device="CPU, two runs of one thread each at a time" if plan.device == "cpu" else plan.device,
        subsets=SUBSETS if plan.hub == "loopback" else "",
        precision=plan.precision,
        widened=_widened(runs),
        repeated=_repeated(study),
        tasks=", ".join(map(_shown, plan.tasks.values())),
        least=PREDICTED[0],
        most=PREDICTED[1],
        trials=plan.tuning["trials"],
        low=plan.tuning["low"],
        high=plan.tuning["high"],
        ranks=" and ".join(map(str, plan.tuning["mean_ranks"])),
        nearest=plan.tuning["nearest"],
        margin=plan.tuning["margin"],
        fraction=plan.selection_fraction,
        share=plan.allocation_share,
        runs=len(runs),
        trials_run=sum(row["kind"] == "trial" for row in study.rows),
        hours=sum(row.get("seconds", 0.0) for row in runs) / 3600,
    )
