"""Several askings of one question: what most of them claim survives."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windtunnel.reader.answers import Claim

SAME = 2  # lines apart at most


class Agreed(NamedTuple):
    """A claim, and how many askings made it."""

    claim: Claim
    askings: int


def agreed(votes: Sequence[Sequence[Claim]]) -> tuple[list[Agreed], list[Agreed]]:
    """What most askings claim, and what only a few do.

    Claims of one file, at most `SAME` lines apart, are one; it blocks if most of those that make it say so. Which
    wording is kept does not depend on the order of the askings.

    Args:
        votes: the claims of each asking, each at a line that it quotes.
    """
    marked = sorted(
        ((claim, vote) for vote, claims in enumerate(votes) for claim in claims),
        key=lambda pair: (pair[0].path, pair[0].line, pair[0].statement, pair[1]),
    )
    groups: list[list[tuple[Claim, int]]] = []
    for claim, vote in marked:
        last = groups[-1][0][0] if groups else None
        if last is not None and last.path == claim.path and claim.line - last.line <= SAME:
            groups[-1].append((claim, vote))
        else:
            groups.append([(claim, vote)])
    kept: list[Agreed] = []
    lost: list[Agreed] = []
    for group in groups:
        count = len({vote for _, vote in group})
        blocking = len({vote for claim, vote in group if claim.blocks})
        claim = group[0][0].model_copy(update={"blocks": 2 * blocking > count})
        (kept if 2 * count > len(votes) else lost).append(Agreed(claim, count))
    return kept, lost
