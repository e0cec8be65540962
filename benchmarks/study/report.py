"""``docs/study/README.md``: what the rows say, in tables, figures and a sentence for each question."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.frame import POOLED, Study, compare
from benchmarks.study.questions import QUESTIONS
from benchmarks.study.tables import image, sentence, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

OPENING = "<!-- the study's headline -->"
CLOSING = re.compile(r"<!-- made by benchmarks.study --report of (\d+) rows -->")
HEAD = """# Does GLoRA hold?

The hypothesis: GLoRA reaches what AdaLoRA reaches, 0.5 to 1.0 points above LoRA of uniform ranks, at the same total
rank and in LoRA's time (within 2 %). This page is made by `python -m benchmarks.study --report` from
[results.jsonl](results.jsonl) alone.
"""
METHODS = """## How it was measured

- {backbone}, real weights, on {device}; {precision} in the forward pass; all linear layers of the encoder
  adapted, alpha / r = 2, the same head, epochs and batches in every arm.
- Real rows: {tasks}.{subsets}
- The learning rate is tuned for LoRA, AdaLoRA and GLoRA alike: {trials} trials of one seeded sequence between {low:g}
  and {high:g}, at mean rank {ranks}, on {fraction:.0%} of the training rows; the reported split is never asked. The
  rate is taken that is best on average over its {nearest} nearest trials. Other arms take their method's rate.
- GLoRA reallocates, and AdaLoRA begins to prune, after {share:.0%} of the steps. The score is the last epoch's.
- Differences are paired over seeds. p is of the paired t-test, adjusted by Holm over the tasks (over ranks and arms for
  all tasks together); *detectable* is the true difference that this test would have found four times in five. Where it
  is above the predicted 1.0 points, a comparison with LoRA is called undecidable.
- {runs} runs and {trials_run} trials, {hours:.1f} hours of one core.

GLUE and SNLI come from the hub (`nyu-mll/glue`, `stanfordnlp/snli`); put each split under `<task>/<split>.parquet` and
give the folder with `--data`.
"""


SUBSETS = """
  SST-2's training rows are a subset of 6,000, `random.Random(0).sample` of the split in its order; of SNLI the
  validation split is trained on and the test split measured, which makes it no result on SNLI's own terms, and it is
  not MNLI."""


def write_report(plan: Plan, rows: Sequence[Row], folder: Path) -> None:
    """Write the page and its figures into ``folder``."""
    study = Study(plan, rows, folder)
    parts = [HEAD, *_unfinished(study), *_headline(study)]
    for question in QUESTIONS:
        parts += question(study)
    parts.append(_methods(study))
    (folder / "README.md").write_text("\n".join(part.rstrip("\n") + "\n" for part in parts), encoding="utf-8")


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
    figure = "headline" if study.tasks > 1 else "differences"
    shown = f"![GLoRA's differences from LoRA and others, in points]({where}/{figure}.png)"
    page.write_text(f"{before}{opening}\n{told}\n\n{shown}\n{made}{rest[closing.end() :]}", encoding="utf-8")


def _told(study: Study, where: str) -> str:
    """What the core grid says of GLoRA against LoRA and AdaLoRA, in a few sentences."""
    made = compare(study.core, "glora", ["lora", "adalora"])
    pooled = [one for one in made if one.task == POOLED] or made
    tasks = ", ".join(dict.fromkeys(study.core["task"]))
    parts = []
    for one in pooled:
        said = f"; {verdict(one)}" if one.other == "lora" else ""
        against = f"{ARMS[one.other].shown} at mean rank {one.mean_rank}"
        parts.append(f"{one.found.mean:+.2f} points against {against} ({one.found.interval}{said})")
    if not parts:
        return f"**Does it hold?** [The study]({where}/README.md) of it on real data has no result yet."
    finished, cells = len(study.plan.rows_of(study.rows)), len(study.plan.cells())
    model = study.plan.backbone.rpartition("/")[2]
    sentences = [
        f"**Does it hold?** [Measured]({where}/README.md) on real rows ({tasks}) with the real weights of {model}",
        f"learning rates tuned for each method, 5 seeds: GLoRA is {'; '.join(parts)}. Predicted were +0.5 to +1.0.",
    ]
    if finished < cells:
        sentences[1] += (
            f" It is unfinished: {finished} of {cells} runs, {study.tasks} of {len(study.plan.tasks)} tasks."
        )
    return ", ".join(sentences)


def _unfinished(study: Study) -> list[str]:
    """Which grids have runs that are still to be made."""
    cells, finished = study.plan.cells(), study.plan.rows_of(study.rows)
    if len(finished) == len(cells):
        return []
    by_grid: dict[str, list[bool]] = {}
    for cell in cells:
        by_grid.setdefault(cell.phase, []).append(cell in finished)
    told = ", ".join(f"{name} {sum(there)} of {len(there)}" for name, there in by_grid.items())
    made = f"{len(finished)} of {len(cells)} planned runs are made ({told})"
    return [f"**Unfinished**: {made}. What follows is of these alone; the same command goes on with the others."]


def _headline(study: Study) -> list[str]:
    pooled = [one for one in compare(study.core, "glora", ["lora", "adalora"]) if one.task == POOLED]
    if not pooled:
        return []
    return [*(f"**{sentence(one, study.tasks)}**" for one in pooled), image("GLoRA over LoRA and others", "headline")]


def _methods(study: Study) -> str:
    plan = study.plan
    runs = [row for row in study.rows if row["kind"] == "run"]
    return METHODS.format(
        backbone=plan.backbone,
        device="CPU, two runs of one thread each at a time" if plan.device == "cpu" else plan.device,
        subsets=SUBSETS if plan.hub == "loopback" else "",
        precision=plan.precision,
        tasks=", ".join(
            f"{task.name} ({task.rows} rows, {task.epochs} epochs"
            f"{'' if task.attention == 'auto' else f', {task.attention} attention'})"
            for task in plan.tasks.values()
        ),
        trials=plan.tuning["trials"],
        low=plan.tuning["low"],
        high=plan.tuning["high"],
        ranks=" and ".join(map(str, plan.tuning["mean_ranks"])),
        nearest=plan.tuning["nearest"],
        fraction=plan.selection_fraction,
        share=plan.allocation_share,
        runs=len(runs),
        trials_run=sum(row["kind"] == "trial" for row in study.rows),
        hours=sum(row.get("seconds", 0.0) for row in runs) / 3600,
    )
