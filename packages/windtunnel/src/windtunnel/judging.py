"""The judgement of what was flown: the rules that look at flights, and one verdict with what a check found before."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

from windtunnel.repo import Repo
from windtunnel.rules.registry import all_rules, flight_rules
from windtunnel.rules.run import run
from windtunnel.rules.select import check_ignored, choose
from windtunnel.verdict import Verdict, conclude

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from windtunnel.evidence import Flight
    from windtunnel.rules.base import Outcome
    from windtunnel.submission import Submission

# for the rules that look at flights: what they read of the code they share, and it is bounded like a check
TIME_BUDGET_SECONDS = 30.0


def judge(
    submission: Submission,
    flights: Iterable[Flight],
    *,
    as_of: date | None = None,
    select: Iterable[str] = (),
    ignore: Mapping[str, str] | None = None,
    checked: Iterable[Outcome] = (),
) -> Verdict:
    """Return the verdict on what was flown.

    Args:
        submission: what was flown.
        flights: how it went, at most one flight of a mode.
        as_of: the date whose library versions count; today if left out.
        select: codes, beginnings of codes or "criterion:N"; all rules if left out.
        ignore: why the findings of a rule do not count, by its code.
        checked: what became of the static rules; none of them counts if left out.

    Raises:
        UsageError: ``select`` or ``ignore`` name something that does not exist.
    """
    as_of = as_of or date.today()
    wanted = tuple(select)
    reasons = check_ignored(ignore or {}, all_rules())
    chosen = frozenset(choose(all_rules(), wanted))
    rules = tuple(rule for rule in flight_rules() if rule in chosen)
    flights = tuple(flights)
    repo = Repo(submission, as_of=as_of, flights=flights)
    outcomes = (*checked, *run(rules, repo, deadline=time.monotonic() + TIME_BUDGET_SECONDS))
    return conclude(submission, outcomes, as_of=as_of, ignored=reasons, selection=wanted, flights=flights)
