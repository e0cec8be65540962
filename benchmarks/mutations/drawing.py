"""Which mutants are made: the sites of all operators, and a seeded draw in which operators take turns."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

# Importing a family enters its operators.
from benchmarks.mutations import (  # noqa: F401
    completeness,
    configurations,
    data,
    evaluation,
    hydra,
    installation,
    methods,
    modes,
    tracking,
)
from benchmarks.mutations.operators import OPERATORS, Mutant

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.mutations.operators import Experiment, Site


def sites(experiment: Experiment) -> dict[str, list[Site]]:
    """The sites of every operator: each changes something, and no two of one operator change the same."""
    found = {}
    for name, one in OPERATORS.items():
        by_changes = {tuple(sorted(site.changes.items(), key=str)): site for site in one.find(experiment)}
        found[name] = [
            site
            for changes, site in by_changes.items()
            if any(experiment.files.get(path) != text for path, text in changes)
        ]
    return found


def draw(found: Mapping[str, list[Site]], count: int, seed: int) -> list[Mutant]:
    """Draw mutants, operators in turn; fewer than ``count`` where there are no more sites."""
    generator = random.Random(seed)  # noqa: S311 - which defects are made is no secret
    left = {name: generator.sample(told, len(told)) for name, told in sorted(found.items())}
    mutants: list[Mutant] = []
    while len(mutants) < count and any(left.values()):
        turn = [name for name, told in left.items() if told]
        generator.shuffle(turn)
        for name in turn[: count - len(mutants)]:
            mutants.append(Mutant(len(mutants), OPERATORS[name], left[name].pop()))
    return mutants
