"""The static review: what breaks an experiment repository, found without importing or running any of it.

>>> from windtunnel.check import check
>>> verdict = check("experiments/glora-glue")  # doctest: +SKIP
>>> verdict.outcome  # doctest: +SKIP
'ready'
"""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from windtunnel.repo import Repo
from windtunnel.rules.registry import all_rules, static_rules
from windtunnel.rules.run import run
from windtunnel.rules.select import check_ignored, choose
from windtunnel.submission import load
from windtunnel.verdict import Verdict, conclude

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from windtunnel.rules.base import Rule
    from windtunnel.submission import Submission

# for loading and all rules; it leaves the start and the report half a second of the fifteen that a submission may take
TIME_BUDGET_SECONDS = 14.4


@contextmanager
def _few_collections() -> Iterator[None]:
    """Let the garbage collector look less often: syntax trees are many objects and no garbage (a fifth of the time)."""
    before = gc.get_threshold()
    gc.set_threshold(10_000, 10, 10)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@_few_collections()
def check(
    path: str | Path,
    *,
    runs: str | Path | None = None,
    as_of: date | None = None,
    select: Iterable[str] = (),
    ignore: Mapping[str, str] | None = None,
    stdin: BinaryIO | None = None,
    time_budget_seconds: float | None = None,
) -> Verdict:
    """Review a submission and return the verdict.

    Args:
        path: a repository's folder, a submission JSON, a review document, or "-" for either of the last two on
            ``stdin``.
        runs: a folder of run configurations that replaces those of the submission.
        as_of: the date whose library versions count; today if left out.
        select: codes, beginnings of codes or "criterion:N"; all rules if left out.
        ignore: why the findings of a rule do not count, by its code.
        stdin: read if ``path`` is "-".
        time_budget_seconds: when it is over, rules that are not done make the verdict undecided at best; the usual
            budget if left out.

    Raises:
        UsageError: ``path``, ``runs``, ``select`` or ``ignore`` name something that does not exist.
    """
    deadline = time.monotonic() + (TIME_BUDGET_SECONDS if time_budget_seconds is None else time_budget_seconds)
    wanted = tuple(select)
    rules = choose(static_rules(), wanted)
    reasons = check_ignored(ignore, all_rules()) if ignore else {}
    submission = load(str(path), runs=Path(runs) if runs is not None else None, stdin=stdin)
    return check_with(rules, submission, as_of=as_of, reasons=reasons, selection=wanted, deadline=deadline)


@_few_collections()
def check_with(
    rules: Sequence[type[Rule]],
    submission: Submission,
    *,
    as_of: date | None = None,
    reasons: Mapping[str, str] | None = None,
    selection: Iterable[str] = (),
    deadline: float | None = None,
) -> Verdict:
    """Review a submission by some rules and return the verdict.

    Args:
        rules: those to run.
        submission: what is reviewed.
        as_of: the date whose library versions count; today if left out.
        reasons: why the findings of a rule do not count, by its code.
        selection: what the rules were chosen by.
        deadline: when the time for all rules is over, by ``time.monotonic``; the usual budget from now if left out.
    """
    as_of = as_of or date.today()
    deadline = time.monotonic() + TIME_BUDGET_SECONDS if deadline is None else deadline
    outcomes = run(rules, Repo(submission, as_of=as_of), deadline=deadline)
    return conclude(submission, outcomes, as_of=as_of, ignored=reasons or {}, selection=selection)
