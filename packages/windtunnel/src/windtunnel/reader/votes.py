"""Several askings of one question: what most of them claim survives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windtunnel.reader.answers import Claim

    Group = dict[int, Claim]  # by the asking that made it

SAME = 2  # lines apart at most


class Agreed(NamedTuple):
    """A claim, and how many askings made it."""

    claim: Claim
    askings: int


def agreed(votes: Sequence[Sequence[Claim]]) -> tuple[list[Agreed], list[Agreed]]:
    """What most askings claim, and what only a few do.

    Claims of different askings at one line are one; then, of what is left, those at most `SAME` lines apart that have
    a word in common, the nearest first. No asking takes part in one twice. It blocks if most askings say so, and is
    then told in the words of one that does. Nothing of this depends on the order of the askings.

    Args:
        votes: the claims of each asking, each at a line that it quotes.
    """
    groups = _joined([group for line in _by_line(votes) for group in line])
    kept: list[Agreed] = []
    lost: list[Agreed] = []
    for group in sorted(groups, key=lambda group: min(map(_order, group.values()))):
        blocking = [claim for claim in group.values() if claim.blocks]
        blocks = 2 * len(blocking) > len(votes)
        told = min(blocking if blocks else group.values(), key=_order)
        one = Agreed(told.model_copy(update={"blocks": blocks}), len(group))
        (kept if 2 * len(group) > len(votes) else lost).append(one)
    return kept, lost


def _by_line(votes: Sequence[Sequence[Claim]]) -> list[list[Group]]:
    """The claims of each line: the first of every asking together, then the second of every asking, and so on."""
    lines: dict[tuple[str, int], list[Group]] = {}
    for vote, claims in enumerate(votes):
        taken: dict[tuple[str, int], int] = {}
        for claim in sorted(claims, key=_order):
            line = (claim.path, claim.line)
            groups = lines.setdefault(line, [])
            place = taken.get(line, 0)
            if place == len(groups):
                groups.append({})
            groups[place][vote] = claim
            taken[line] = place + 1
    return [lines[line] for line in sorted(lines)]


def _joined(groups: list[Group]) -> list[Group]:
    """Join groups of different askings that are near each other, the nearest first."""
    pairs = sorted(
        (distance, one, other)
        for one in range(len(groups))
        for other in range(one + 1, len(groups))
        if 0 < (distance := _distance(groups[one], groups[other])) <= SAME and _is_alike(groups[one], groups[other])
    )
    gone: set[int] = set()
    for _, one, other in pairs:
        if one not in gone and other not in gone and not groups[one].keys() & groups[other].keys():
            groups[one].update(groups[other])
            gone.add(other)
    return [group for place, group in enumerate(groups) if place not in gone]


def _distance(one: Group, other: Group) -> int:
    first, second = (next(iter(group.values())) for group in (one, other))
    return abs(first.line - second.line) if first.path == second.path else SAME + 1


def _is_alike(one: Group, other: Group) -> bool:
    """Whether two groups have a word of their statements in common, short ones left out."""
    first, second = (
        {word for claim in group.values() for word in re.findall(r"\w{5,}", claim.statement.lower())}
        for group in (one, other)
    )
    return bool(first & second)


def _order(claim: Claim) -> tuple[object, ...]:
    return (claim.path, claim.line, claim.statement, claim.why, claim.fix, claim.quote, claim.blocks)
