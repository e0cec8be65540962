"""scipy: significance tests, whose results are numbers of NumPy's own kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from windtunnel.rehearsal.libraries.registry import Call, attributes, function, items
from windtunnel.rehearsal.values import Thing, Value

if TYPE_CHECKING:
    import ast

    from windtunnel.rehearsal.machine import Machine

RESULT = "scipy.stats.Result"
NUMBER = "numpy.float64"


@function(
    "scipy.stats.ttest_ind",
    "scipy.stats.ttest_rel",
    "scipy.stats.ttest_1samp",
    "scipy.stats.mannwhitneyu",
    "scipy.stats.wilcoxon",
    "scipy.stats.kruskal",
    "scipy.stats.f_oneway",
    "scipy.stats.ks_2samp",
    "scipy.stats.pearsonr",
    "scipy.stats.spearmanr",
)
def _test(machine: Machine, called: Call) -> Value | None:
    return Thing(RESULT, data={"element": Thing(NUMBER, origin=called.tags)}, origin=called.tags)


@attributes(RESULT, "pvalue", "statistic", "correlation")
def _number(machine: Machine, receiver: Thing, at: ast.AST) -> Value | None:
    return Thing(NUMBER, origin=receiver.tags)


@items(RESULT)
def _item(machine: Machine, receiver: Thing, key: Value | None, at: ast.AST) -> Value | None:
    return Thing(NUMBER, origin=receiver.tags)
