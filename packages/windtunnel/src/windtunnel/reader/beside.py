"""A verdict of the rules, and beside it what a language model says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.claims import Case
from windtunnel.reader.reading import Asked, read
from windtunnel.repo import Repo
from windtunnel.rules.registry import all_rules
from windtunnel.rules.select import choose
from windtunnel.verdict import Verdict, conclude

if TYPE_CHECKING:
    from collections.abc import Callable

    from windtunnel.reader.transcript import Endpoint


def read_beside(
    verdict: Verdict, endpoint: Endpoint, asked: Asked, *, progress: Callable[[str], None] = lambda _: None
) -> Verdict:
    """Ask a language model what the rules could not decide, and conclude anew.

    Args:
        verdict: of the rules and the flights.
        endpoint: what answers.
        asked: how questions are asked.
        progress: is told what is asked.
    """
    repo = Repo(verdict.submission, as_of=verdict.as_of, flights=verdict.flights)
    left_out = dict(verdict.reasons)  # what is not to count is not asked
    chosen = frozenset(rule for rule in choose(all_rules(), verdict.selection) if rule.code() not in left_out)
    reading = read(Case(repo, verdict), endpoint, asked, chosen=chosen.__contains__, progress=progress)
    return conclude(
        verdict.submission,
        (*verdict.outcomes, *reading.outcomes),
        as_of=verdict.as_of,
        ignored=dict(verdict.reasons),
        selection=verdict.selection,
        flights=verdict.flights,
        reading=reading,
    )
