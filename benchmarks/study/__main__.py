"""The command line of the study: run what has no row yet, or report from the rows that there are."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.study.cells import chosen
from benchmarks.study.data import check_rows, prepare
from benchmarks.study.plan import PlanError, read_plan
from benchmarks.study.rows import read_rows
from benchmarks.study.running import Runner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.study.cells import Cell
    from benchmarks.study.plan import Plan
    from benchmarks.study.rows import Row

ROOT = Path(__file__).parents[2]
EXAMPLES = """\
examples:
  python -m benchmarks.study --plan docs/study/plan.yaml --list
      what is to be run, and what has a row already
  python -m benchmarks.study --plan docs/study/plan.yaml --data ../glue
      run it; stopped and started again, it goes on where it was
  python -m benchmarks.study --plan docs/study/plan.yaml --only 'core-rte-*'
  python -m benchmarks.study --plan docs/study/plan.yaml --repeat --only core-sst2-lora-r1-seed1
      does another machine come to the same score?
  python -m benchmarks.study --plan docs/study/plan.yaml --costs
      what a step of each method takes, for the report
  python -m benchmarks.study --plan docs/study/plan.yaml --report
      docs/study/README.md and its figures, from the rows alone
"""


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study",
        description="Run the study of GLoRA on real data and weights, on this machine alone.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--plan", type=Path, default=ROOT / "docs" / "study" / "plan.yaml", metavar="FILE")
    parser.add_argument("--rows", type=Path, metavar="FILE", help="(default: results.jsonl beside the plan)")
    parser.add_argument(
        "--data", type=Path, default=ROOT.parent / "shared" / "data" / "glue", metavar="DIR",
        help="<task>/<split>.parquet of GLUE and snli/ (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--work", type=Path, default=ROOT / ".study", metavar="DIR", help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="runs at a time (2)")
    parser.add_argument("--only", action="append", default=[], metavar="GLOB", help="cells by their id")
    parser.add_argument(
        "--repeat", action="store_true",
        help="run the cells of --only that have a row once more, to see what another machine makes of them",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="print the cells and run nothing")
    parser.add_argument(
        "--costs", nargs="?", type=int, const=200, metavar="ROUNDS",
        help="measure step times against LoRA's on an otherwise idle machine, and run nothing (200)",
    )  # fmt: skip
    parser.add_argument("--report", action="store_true", help="write README.md and figures beside the rows")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns 0, 1 if runs failed, 2 if the plan or the data cannot be used, 130 if stopped."""
    options = parse(arguments)
    options.rows = options.rows or options.plan.parent / "results.jsonl"
    try:
        plan = read_plan(options.plan)
        cells = chosen(plan.cells(), options.only)
        if options.list:
            _list(plan, cells, read_rows(options.rows))
            return 0
        if options.report:
            from benchmarks.study.report import write_headline, write_report  # noqa: PLC0415 - takes matplotlib

            rows, folder = read_rows(options.rows), options.rows.resolve().parent
            write_report(plan, rows, folder)
            if folder == ROOT / "docs" / "study":
                write_headline(plan, rows, ROOT / "README.md", folder)
            return 0
        if options.costs is not None:
            from benchmarks.study.measuring import measure_costs  # noqa: PLC0415 - torch is not needed to list

            ranks = sorted({cell.mean_rank for cell in cells if cell.phase == "core"})
            measure_costs(
                options.rows,
                model=plan.shape,
                mean_ranks=ranks,
                pairs=options.costs,
                device=plan.device,
                threads=os.cpu_count() or 1,
            )
            return 0
        if options.repeat:
            cells = _finished(plan, cells, options)
        return _run(plan, cells, options)
    except PlanError as error:
        print(f"benchmarks.study: {error}", file=sys.stderr)
        return 2


def _finished(plan: Plan, cells: list[Cell], options: argparse.Namespace) -> list[Cell]:
    """The cells that can be run once more; their searches cannot.

    Raises:
        PlanError: none was named.
    """
    if not options.only:
        raise PlanError("--repeat runs cells once more that have a row: name them by --only")
    finished = plan.rows_of(read_rows(options.rows))
    return [cell for cell in cells if cell.phase != "tuning" and cell in finished]


def _run(plan: Plan, cells: list[Cell], options: argparse.Namespace) -> int:
    from windtunnel.hub import Hub  # noqa: PLC0415 - the servers are not needed to list
    from windtunnel.recorder import Recorder  # noqa: PLC0415

    work = options.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    interrupted = False
    with ExitStack() as stack:
        hub = None
        if plan.hub == "loopback":
            served = prepare(options.data, work / "data")
            check_rows(plan.tasks.values(), served)
            hub = stack.enter_context(Hub(store=work / "hub", serve=served))
        recorder = stack.enter_context(Recorder(work / "recorder.sqlite"))
        kind = "repeat" if options.repeat else "run"
        runner = Runner(
            plan, options.rows, ROOT / "experiments" / "glora-glue", work, hub, recorder, options.jobs, kind
        )

        def stop(*_: object) -> None:
            nonlocal interrupted
            interrupted = True
            runner.stop()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        failed = runner.run(cells)
    if interrupted:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 1 if failed else 0


def _list(plan: Plan, cells: list[Cell], rows: list[Row]) -> None:
    finished, rates = plan.rows_of(rows), plan.rates(rows)
    taken: dict[tuple[str, str], list[float]] = {}
    for row in rows:
        if row["kind"] == "run":
            taken.setdefault((row["task"], "tuning" if row["phase"] == "tuning" else "run"), []).append(row["seconds"])
    left = 0.0
    for cell in cells:
        rate = rates.get(cell)
        there = cell in finished
        times = taken.get((cell.task, "tuning" if cell.phase == "tuning" else "run"), [])
        left += 0.0 if there or not times else sum(times) / len(times)
        print(f"{'done' if there else '    '} {cell.id} seed {cell.seed}" + (f" lr {rate:.2e}" if rate else ""))
    print(
        f"{len(cells)} cells; about {left / 3600:.1f} hours of one run at a time are left, where times are known; "
        f"{plan.hours:g} hours are planned, several runs at a time"
    )


if __name__ == "__main__":
    sys.exit(main())
