"""Finds the grammar whose roles the columns of a dataset can play, and which column plays which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.hub.generate.grammars import GRAMMARS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from windtunnel.hub.generate.grammar import Grammar
    from windtunnel.knowledge.datasets import Column


def assign_roles(
    grammar: Grammar,
    columns: Sequence[Column],
    *,
    given: Mapping[str, str] | None = None,
    labels: tuple[str, ...] = (),
) -> dict[str, str]:
    """Say which column has which role.

    Args:
        grammar: whose roles.
        columns: of the dataset.
        given: role → column, where the names do not tell.
        labels: the names of the classes, where the label's column does not have them.

    Returns:
        Role → column name; empty if a required role has no column or the labels are not those of the grammar.
    """
    found = dict(given or {})
    free = [column for column in columns if column.name not in found.values()]
    for name, role in grammar.roles.items():
        if name in found:
            continue
        ranked = [(rank, column) for column in free if (rank := role.rank(column)) is not None]
        if ranked:
            chosen = min(ranked, key=lambda pair: pair[0])[1]
            found[name] = chosen.name
            free.remove(chosen)
        elif role.required:
            return {}
    by_name = {column.name: column for column in columns}
    if grammar.labels is not None:
        label = by_name.get(found.get("label", ""))
        if label is None or not grammar.labels(labels or label.labels):
            return {}
    return found


def find_grammar(columns: Sequence[Column]) -> tuple[str, dict[str, str]] | None:
    """Return the first grammar that fits ``columns`` with the roles they have in it, None if there is none."""
    for name, grammar in GRAMMARS.items():
        if grammar.automatic and (roles := assign_roles(grammar, columns)):
            return name, roles
    return None
