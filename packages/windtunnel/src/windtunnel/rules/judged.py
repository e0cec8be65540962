"""Questions that rules cannot decide and a language model is asked, if it is asked at all (criteria 1 to 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from windtunnel.findings import Severity
from windtunnel.rules.base import Doc, Rule, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from windtunnel.findings import Finding
    from windtunnel.repo import Repo

_LIMITS = "A language model answers. What it says must quote a line that is there; beyond that it is advice."


class _Judged(Rule):
    """A question for a language model.

    Attributes:
        question: as it is put.
        files: those it is about, in the order in which they are shown; run configurations are always shown.
    """

    severity = Severity.WARNING
    source = "judge"
    question: ClassVar[str]
    files: ClassVar[tuple[str, ...]]

    def check(self, repo: Repo) -> Iterator[Finding]:  # noqa: ARG002 - nothing of it is decided by reading alone
        raise Skip("a language model is asked this, with --judge")


class JDG001(_Judged):
    """The method is not implemented as it is described."""

    name = "method-as-described"
    criterion = 4
    question = (
        "Is every step of the described method implemented in this code, with the quantities, the order and "
        "the point in "
        "time that the description gives? Name each step that is left out, replaced by something else, or computed on "
        "the wrong quantity."
    )
    files = ("src/model.py", "src/train.py")
    doc = Doc(
        what="Steps of the described method that the code leaves out, changes, or applies to something else.",
        why="The paper would report another method than the one that ran.",
        example="scores = weights.norm()   # the method averages gradient norms",
        instead="average = beta * average + (1 - beta) * gradient.norm()",
        limits=_LIMITS,
    )


class JDG002(_Judged):
    """Something is simplified away."""

    name = "simplified-away"
    criterion = 1
    question = (
        "Is anything that the experiment needs simplified away: a constant in the place of a computation, a "
        "stand-in for a "
        "model or data, a branch that never does what its name says, a function whose result is not used?"
    )
    files = ("src/model.py", "src/train.py", "src/preprocess.py", "src/evaluate.py", "src/main.py")
    doc = Doc(
        what="Stand-ins that no comment owns up to.",
        why="It runs, and measures something else.",
        example="importance = torch.ones(count)",
        instead="the computed importance",
        limits=_LIMITS,
    )


class JDG003(_Judged):
    """The preprocessing does not suit the dataset."""

    name = "preprocessing-of-this-dataset"
    criterion = 3
    question = (
        "Is the preprocessing right for the datasets that the run configurations name: the fields and their order, the "
        "labels and their number, truncation and padding, the splits, answers taken out of rationales?"
    )
    files = ("src/preprocess.py", "src/train.py")
    doc = Doc(
        what="Fields, labels, lengths or splits that do not suit the dataset.",
        why="The model learns something else than the task.",
        example="text = row['premise']   # an entailment task without its hypothesis",
        instead="text = row['premise'], row['hypothesis']",
        limits=_LIMITS,
    )


class JDG004(_Judged):
    """The metric is not the one that was promised."""

    name = "metric-as-promised"
    criterion = 11
    question = (
        "Is each metric that the design promises computed, over the right rows, by its own definition, and is "
        "it the one "
        "that is reported and compared?"
    )
    files = ("src/evaluate.py", "src/train.py")
    doc = Doc(
        what="Promised metrics that are missing, defined otherwise, or taken over other rows.",
        why="The reported number answers another question.",
        example="score = f1_score(y, p, average='micro')   # the design says macro",
        instead="score = f1_score(y, p, average='macro')",
        limits=_LIMITS,
    )


class JDG005(_Judged):
    """A baseline is not what it is called."""

    name = "baseline-as-named"
    criterion = 4
    question = (
        "Is every comparative method implemented as what it is called, and given the same data, budget, "
        "schedule and care "
        "as the proposed one?"
    )
    files = ("src/model.py", "src/train.py")
    doc = Doc(
        what="Baselines that are weakened, run on other terms, or are another method.",
        why="The comparison is decided before it is run.",
        example="epochs = 3 if proposed else 1",
        instead="the same epochs for all",
        limits=_LIMITS,
    )


class JDG006(_Judged):
    """The run configurations do not carry out the design."""

    name = "runs-as-designed"
    criterion = 7
    question = (
        "Do the run configurations carry out the experimental design: the models, datasets, methods, budgets, "
        "hyper-parameters and numbers of steps that it names, one run for each comparison it draws?"
    )
    files = ("config/config.yaml",)
    doc = Doc(
        what="Runs that are missing, or set something else than the design says.",
        why="The comparison that the paper draws is not there.",
        example="rank: 4   # the design says 8 for every matrix",
        instead="rank: 8",
        limits=_LIMITS,
    )


class JDG007(_Judged):
    """The evaluation does not support what is to be concluded."""

    name = "evaluation-supports-conclusion"
    criterion = 8
    question = (
        "Does the evaluation compare what the hypothesis compares, in the right direction, with derived "
        "numbers, tests and "
        "figures that are computed from the recorded runs and mean what they are called?"
    )
    files = ("src/evaluate.py",)
    doc = Doc(
        what="Comparisons the wrong way round, tests of something else, figures that show other numbers.",
        why="The conclusion does not follow.",
        example="improvement = (baseline - proposed) / baseline   # of an accuracy",
        instead="improvement = (proposed - baseline) / baseline",
        limits=_LIMITS,
    )


def questions() -> tuple[type[_Judged], ...]:
    """The rules that a language model is asked, sorted by code."""
    return tuple(sorted(_Judged.__subclasses__(), key=lambda rule: rule.__name__))
