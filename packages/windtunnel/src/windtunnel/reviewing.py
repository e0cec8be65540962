"""The whole review: the check, then flights as far as nothing forbids them, then one verdict.

>>> from windtunnel import review
>>> verdict = review("experiments/glora-glue")  # doctest: +SKIP
>>> verdict.is_code_ready, verdict.code_issue  # doctest: +SKIP
(True, '')
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from windtunnel.check import check_with
from windtunnel.errors import FlightInterruptedError, UsageError, WindtunnelError
from windtunnel.evidence import Flight, Trouble
from windtunnel.findings import Severity
from windtunnel.flight import Options, fly
from windtunnel.flight.plan import choose_runs, list_run_ids
from windtunnel.flight.submitted import as_folder
from windtunnel.judging import judge
from windtunnel.reader.context import read_context, require_context, with_context
from windtunnel.rules.registry import all_rules
from windtunnel.rules.select import check_ignored, choose
from windtunnel.stages import Stage
from windtunnel.submission import load

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from typing import BinaryIO

    from windtunnel.flight.options import EnvironmentKind, Mode
    from windtunnel.verdict import Verdict

_PREFIX = "windtunnel-review-"


def review(
    path: str | Path,
    *,
    full: bool = False,
    runs: str | Path | None = None,
    run: Sequence[str] = (),
    env: EnvironmentKind = "current",
    as_of: date | None = None,
    select: Iterable[str] = (),
    ignore: Mapping[str, str] | None = None,
    serve: Mapping[str, Path] | None = None,
    catalog: Sequence[Path] = (),
    timeout_seconds: float | None = None,
    memory_bytes: int | None = None,
    unsandboxed: bool = False,
    results_dir: Path | None = None,
    stdin: BinaryIO | None = None,
    context: Path | None = None,
    judged: bool = False,
    err: Console | None = None,
) -> Verdict:
    """Check a submission, fly it in trial mode unless a blocker forbids it, and return one verdict.

    Args:
        path: a repository's folder, a submission JSON, a review document, or "-" for either of the last two on
            ``stdin``.
        full: fly it in full mode as well, with the evaluation and the probes, if the trial found no blocker.
        runs: a folder of run configurations that replaces those of the submission.
        run: run ids or shell globs over them; every run configuration if left out.
        env: "current" flies in this windtunnel's environment, "project" in one made from the project's dependencies.
        as_of: the date whose library versions count; today if left out.
        select: codes, beginnings of codes or "criterion:N"; all rules if left out.
        ignore: why the findings of a rule do not count, by its code.
        serve: dataset id to a folder with ``<config>/<split>.parquet`` that the hub serves under it.
        catalog: files with further ids for the hub.
        timeout_seconds: limit of each command; none if left out.
        memory_bytes: what the processes of each command may hold; what suits this machine if left out.
        unsandboxed: consent to flying with the caller's rights.
        results_dir: gets ``trial/`` and ``full/`` with everything a flight leaves; a temporary folder if left out.
        stdin: read if ``path`` is "-".
        context: a file with hypothesis, method and design, for a language model that is asked later.
        judged: whether one is, so that a context there must be.
        err: gets the progress; nothing does if left out.

    Returns:
        The verdict; ``verdict.flights`` has what was flown.

    Raises:
        UsageError: an argument names something that does not exist.
        FlightInterruptedError: the user ended it.
    """
    wanted, reasons = tuple(select), check_ignored(ignore or {}, all_rules())
    chosen = choose(all_rules(), wanted)
    submission = load(str(path), runs=Path(runs) if runs is not None else None, stdin=stdin)
    if context is not None:
        submission = with_context(submission, *read_context(context))
    if judged:
        require_context(submission)
    static = tuple(rule for rule in chosen if rule.source not in {"flight", "judge"})
    verdict = check_with(static, submission, as_of=as_of, reasons=reasons, selection=wanted)
    checked = verdict.outcomes
    flights: list[Flight] = []
    with ExitStack() as stack:
        folder = stack.enter_context(as_folder(submission, replaced_runs=runs is not None))
        results = results_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX)))
        options = Options(
            repository=folder,
            origin=str(path),
            foreign=submission.root is None,
            run_files=Path(runs) if runs is not None else None,
            runs=tuple(run),
            serve=dict(serve or {}),
            catalog=tuple(catalog),
            timeout_seconds=timeout_seconds,
            memory_bytes=memory_bytes,
            env=env,
            as_of=as_of,
            unsandboxed=unsandboxed,
            passing=results_dir is None,
        )
        modes: tuple[Mode, ...] = ("trial", "full") if full else ("trial",)
        for mode in modes:
            grounded = forbids(verdict, mode)
            if grounded is None:
                break
            flying = replace(options, mode=mode, results_dir=results / mode, probes=mode == "full")
            if grounded:
                chosen_runs = choose_runs(list_run_ids(folder), run)
                if grounded.issuperset(chosen_runs):
                    break
                flying = replace(flying, runs=tuple(one for one in chosen_runs if one not in grounded))
            flights.append(_flown(flying, err=err or _silent(stack)))
            verdict = judge(submission, flights, as_of=verdict.as_of, select=wanted, ignore=reasons, checked=checked)
    return verdict


def forbids(verdict: Verdict, mode: Mode) -> frozenset[str] | None:
    """The runs that something found so far makes it pointless to fly in this mode; None if that is all of them.

    A trial is flown unless it cannot even begin: what would stop it on the way is worth seeing, and so is what lies
    beyond a defect that stops nothing. A full flight is flown if nothing at all blocks.
    """
    blockers = verdict.of(Severity.BLOCKER)
    if mode == "full":
        return None if blockers else frozenset()
    stopping = [
        finding
        for finding in blockers
        if finding.stops_at.rank < Stage.TRIAL.rank
        and (not finding.modes or mode in finding.modes)
        and finding.place.path != "src/evaluate.py"
    ]
    if any(not finding.runs for finding in stopping):
        return None
    return frozenset(run for finding in stopping for run in finding.runs)


def _flown(options: Options, *, err: Console) -> Flight:
    """Fly, or say why that could not be; a flight that could not start leaves the question open."""
    try:
        flown = fly(options, err=err)
    except UsageError:
        raise
    except WindtunnelError as error:
        return Flight(
            mode=options.mode,
            run_ids=(),
            environment=options.env,
            troubles=(Trouble("undecided", str(error), "mend what it names and review again"),),
        )
    if flown.interrupted:
        raise FlightInterruptedError("interrupted; nothing is left running", flown.interrupted)
    return flown.flight


def _silent(stack: ExitStack) -> Console:
    return Console(file=stack.enter_context(open(os.devnull, "w", encoding="utf-8")))  # noqa: PTH123 - no path
