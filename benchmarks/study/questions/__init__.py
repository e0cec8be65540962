"""The questions of the study, in the order of the report; each makes its own section, and nothing where rows lack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.study.questions.adalora import share_of_adalora
from benchmarks.study.questions.budgets import budgets
from benchmarks.study.questions.costs import costs
from benchmarks.study.questions.failures import failures
from benchmarks.study.questions.gains import gains
from benchmarks.study.questions.improvements import improvements
from benchmarks.study.questions.lead import lead
from benchmarks.study.questions.lucky import lucky
from benchmarks.study.questions.rates import rates
from benchmarks.study.questions.same_rate import same_rate
from benchmarks.study.questions.scores import scores
from benchmarks.study.questions.settings import settings
from benchmarks.study.questions.signals import signals
from benchmarks.study.questions.stability import stability
from benchmarks.study.questions.superseded import superseded
from benchmarks.study.questions.winners import winners

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.study.frame import Study

QUESTIONS: tuple[Callable[[Study], list[str]], ...] = (
    scores, gains, failures, lead, budgets, same_rate, share_of_adalora, costs, stability, winners, signals, settings,
    improvements, rates, superseded, lucky,
)  # fmt: skip
