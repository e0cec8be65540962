"""Rows of a generated dataset: distinct over all splits of a config, the same for the same name, on any machine."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from windtunnel.errors import WindtunnelError
from windtunnel.hub.generate.cells import Row, lay_out
from windtunnel.hub.generate.exchange import exchange_targets, is_training
from windtunnel.hub.generate.grammar import Exchange, Setting
from windtunnel.hub.generate.grammars import GRAMMARS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from windtunnel.hub.catalog import Generated
    from windtunnel.hub.generate.grammar import Fields
    from windtunnel.knowledge.datasets import Column

DRAWS_PER_ROW = 50


def generate_splits(
    plan: Generated, columns: Sequence[Column], *, seed: str, permute: int | None = None
) -> dict[str, list[Row]]:
    """Draw the rows of every split.

    Args:
        plan: the grammar, its roles, the rows per split in the order in which they are drawn, the hidden labels.
        columns: of the dataset.
        seed: the same seed gives the same rows.
        permute: left out, targets are as the grammar gives them; a number decides how those of the training splits
            are permuted among their rows.

    Returns:
        Split name → rows, each with all columns. No row occurs twice but for its target, neither in a split nor in
        two of them.

    Raises:
        WindtunnelError: the grammar has too few distinct rows.
    """
    grammar = GRAMMARS[plan.grammar]
    rng = random.Random(seed)  # noqa: S311 - reproducible text, no secret
    by_name = {column.name: column.labels for column in columns}
    labels = {role: by_name[column] for role, column in plan.roles.items() if by_name[column]}
    if plan.labels:
        labels["label"] = plan.labels
    seen: set[str] = set()
    made: dict[str, list[Row]] = {}
    for split, count in plan.rows.items():
        setting = Setting(split, labels, frozenset(plan.roles), plan.sentences, plan.picture)
        rows = _draw(plan.grammar, rng, setting, count=count, seen=seen)
        if permute is not None and is_training(split, plan.rows):
            rows = exchange_targets(rows, grammar, seed=f"{seed}/{split}/{permute}")
        if grammar.complete is not None:
            rows = [grammar.complete(row) for row in rows]
        hidden = grammar.target if split in plan.unlabelled else ()
        made[split] = lay_out(columns, plan.roles, rows, hidden=hidden, seed=f"{seed}/{split}")
    return made


def _draw(name: str, rng: random.Random, setting: Setting, *, count: int, seen: set[str]) -> list[Fields]:
    grammar = GRAMMARS[name]
    drawn: list[Fields] = []
    for _ in range(count * DRAWS_PER_ROW):
        fields = grammar.draw(rng, setting)
        told = [
            value for role, value in fields.items() if grammar.exchange is Exchange.PAIR or role not in grammar.target
        ]
        if any(told):  # the empty lines of a corpus may come again
            if repr(told) in seen:
                continue
            seen.add(repr(told))
        drawn.append(fields)
        if len(drawn) == count:
            return drawn
    raise WindtunnelError(
        f"the grammar {name!r} gave {len(drawn)} distinct rows for the split {setting.split!r} in "
        f"{count * DRAWS_PER_ROW} draws, {count} were asked for; lower `rows` in the catalogue or widen the grammar"
    )
