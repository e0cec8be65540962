"""``docs/study/README.md``: what the rows say, in tables, figures and a sentence for each question."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.study.arms import ARMS
from benchmarks.study.comparisons import POOLED, PREDICTED
from benchmarks.study.frame import GAINS, Study
from benchmarks.study.leaning import leaning, told_leaning
from benchmarks.study.prose import CHANGED, HEAD, METHODS, SUBSETS, WIDENED
from benchmarks.study.questions import QUESTIONS
from benchmarks.study.questions.failures import told_failures
from benchmarks.study.running import EXACTLY
from benchmarks.study.tables import image, listed, plain_answer, sentence, shown_p, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.study.cells import Task
    from benchmarks.study.comparisons import Comparison
    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

FIGURE = re.compile(r"\]\((\w+\.png)\)")
OPENING = "<!-- the study's headline -->"
CLOSING = re.compile(r"<!-- made by benchmarks.study --report of (\d+) rows -->")


def write_report(plan: Plan, rows: Sequence[Row], folder: Path) -> None:
    """Write the page and its figures into ``folder``."""
    study = Study(plan, rows, folder)
    steps = sorted({task.steps for task in plan.tasks.values()})
    head = HEAD.format(steps=f"{steps[0]} to {steps[-1]}" if len(steps) > 1 else steps[0])
    parts = [head, *_unfinished(study), *_left_out(study), *_headline(study)]
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
        said = f"{shown_p(one.adjusted)}: {verdict(one)}" if one.other == "lora" else shown_p(one.adjusted)
        on = "" if one.task == POOLED else f" on {one.task}"
        against = f"{ARMS[one.other].shown} at mean rank {one.mean_rank}{on}"
        parts.append(f"{one.found.mean:+.2f} points against {against} ({one.found.interval}, {said})")
    if not parts:
        return f"**Does it hold?** [The study]({where}/README.md) of it on real data has no result yet."
    finished, cells = len(study.plan.rows_of(study.rows)), len(study.plan.cells())
    model = study.plan.backbone.rpartition("/")[2]
    seeds = min(one.found.count for one in pooled)
    told = (
        f"**Does it hold?** {_answer(study, pooled)} [Measured]({where}/README.md) on real rows ({tasks}) with the "
        f"real weights of {model}, learning rates tuned for each method, {seeds} seeds or more: GLoRA is "
        f"{'; '.join(parts)}. Predicted over LoRA were +0.5 to +1.0. Intervals are of 95 % and not adjusted, p is."
    )
    if study.failed.any():
        told = f"{told} {_without_failures(study)}"
    if finished == cells:
        return told
    return (
        f"{told} Unfinished: {finished} of {cells} cells of the plan, {study.tasks} of {len(study.plan.tasks)} tasks."
    )


def _answer(study: Study, pooled: Sequence[Comparison]) -> str:
    """The answer in a sentence, and on which task it hangs."""
    return f"{plain_answer(pooled)} {told_leaning(leaning(study.core, pooled, GAINS))}".rstrip()


def _without_failures(study: Study) -> str:
    """What is left of the comparison with LoRA when runs that learned nothing, and their pairs, do not count."""
    left = [one for one in study.sound_gains if one.other == "lora"]
    left = [one for one in left if one.task == POOLED] or left
    said = "; ".join(
        f"{one.found.mean:+.2f} at mean rank {one.mean_rank}{'' if one.task == POOLED else f' on {one.task}'} "
        f"({one.found.interval}; {verdict(one)})"
        for one in left
    )
    lost = f"Nothing but one class was predicted by {told_failures(study)}"
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
    return [
        f"**{_answer(study, pooled)}**",
        *(f"**{sentence(one)}**" for one in pooled),
        image("GLoRA over LoRA and others", "headline"),
    ]


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


def _versions(runs: Sequence[Row]) -> str:
    """The versions that all runs had, or each of those that some had."""
    found: dict[str, dict[str, None]] = {}
    for row in runs:
        for name, version in row.get("versions", {}).items():
            found.setdefault(name, {})[version] = None
    said = ", ".join(f"{name} {listed([*versions])}" for name, versions in found.items())
    return f"- Versions: {said}.\n" if said else ""


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
        versions=_versions(runs),
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
