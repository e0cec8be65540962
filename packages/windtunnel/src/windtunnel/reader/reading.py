"""Asking all questions, and what comes of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from windtunnel.findings import Place, Severity
from windtunnel.reader.answers import Nonsense, parse, response_format
from windtunnel.reader.earlier import Earlier, Reversal, digests, reversals
from windtunnel.reader.endpoint import LONGEST_WAIT_SECONDS, estimated_tokens
from windtunnel.reader.holding import Dropped, held, located
from windtunnel.reader.limits import LimitReachedError, Purse
from windtunnel.reader.prompt import Question, messages, unshown
from windtunnel.reader.transcript import EndpointError
from windtunnel.reader.votes import agreed
from windtunnel.rules.base import Outcome
from windtunnel.rules.judged import questions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from windtunnel.claims import Case
    from windtunnel.findings import Finding
    from windtunnel.reader.answers import Answer, Claim
    from windtunnel.reader.transcript import Endpoint
    from windtunnel.rules.base import Rule
    from windtunnel.rules.judged import _Judged

MOST_ANSWER_TOKENS = 16_000  # thinking included
FIRST_WAIT_SECONDS = 1.0  # doubled before each further asking


@dataclass(frozen=True)
class Asked:
    """How questions are asked.

    Attributes:
        model: as the endpoint calls it.
        votes: how often each question is asked.
        retries: how often an asking that had no answer, or a nonsensical one, is repeated.
        blocks: whether claims that say so make the code not ready.
        earlier: an earlier round.
        purse: what it may take.
        sleep: waits some seconds.
    """

    model: str
    purse: Purse
    votes: int = 2
    retries: int = 2
    blocks: bool = False
    earlier: Earlier = field(default_factory=Earlier)
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Reading:
    """What a language model said, as far as it counts.

    Attributes:
        model: that was asked.
        votes: how often each question was asked.
        outcomes: of each question, with the claims that count as findings.
        dropped: claims that do not count, and why.
        open: why a question has no answer, by its code.
        reversals: of what an earlier round said.
        files: digests of the files, by path.
        tokens: in and out.
        cost: in US dollars, None if the price is not known.
    """

    model: str
    votes: int
    outcomes: tuple[Outcome, ...]
    dropped: tuple[Dropped, ...] = ()
    open: Mapping[str, str] = field(default_factory=dict)
    reversals: tuple[Reversal, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    tokens: int = 0
    cost: float | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The claims that count."""
        return tuple(finding for outcome in self.outcomes for finding in outcome.findings)

    @property
    def answered(self) -> frozenset[str]:
        """The questions that have an answer."""
        return frozenset(outcome.rule.code() for outcome in self.outcomes) - self.open.keys()


def read(
    case: Case,
    endpoint: Endpoint,
    asked: Asked,
    *,
    chosen: Callable[[type[Rule]], bool] = lambda _: True,
    progress: Callable[[str], None] = lambda _: None,
) -> Reading:
    """Ask every question, and hold every claim to its evidence.

    Args:
        case: the submission, with what the rules and the flights found.
        endpoint: what answers.
        asked: how questions are asked.
        chosen: which of the questions.
        progress: is told what is asked.
    """
    outcomes: list[Outcome] = []
    dropped: list[Dropped] = []
    left_open: dict[str, str] = {}
    wanted = [question for question in questions() if chosen(question)]
    for number, question in enumerate(wanted, start=1):
        progress(f"question {number} of {len(wanted)}: {question.name}")
        answers = _answers(question, case, endpoint, asked)
        if isinstance(answers, str):
            left_open[question.code()] = answers
            outcomes.append(Outcome(question, skipped=answers))
            continue
        findings, without = _judged(question, answers, case, blocks=asked.blocks)
        outcomes.append(Outcome(question, findings=tuple(findings)))
        dropped += without
    found = [finding for outcome in outcomes for finding in outcome.findings]
    answered = frozenset(question.code() for question in wanted) - left_open.keys()
    return Reading(
        model=asked.model,
        votes=asked.votes,
        outcomes=tuple(outcomes),
        dropped=tuple(dropped),
        open=left_open,
        reversals=tuple(reversals(asked.earlier, found, answered, case)),
        files=digests(case),
        tokens=asked.purse.tokens,
        cost=asked.purse.cost,
    )


def _answers(question: type[_Judged], case: Case, endpoint: Endpoint, asked: Asked) -> list[Answer] | str:
    """The answers of all askings, or why the question stays open."""
    hidden = unshown(question.files, case)
    if hidden:
        return hidden
    try:
        answers = [answer_to(Question.of(question), case, endpoint, asked, vote) for vote in range(asked.votes)]
    except (EndpointError, Nonsense, LimitReachedError) as error:
        return str(error)
    unsure = sum(answer.answer == "cannot tell" for answer in answers)
    if 2 * unsure >= len(answers):
        return f"the language model cannot tell ({unsure} of {len(answers)} askings)"
    return answers


def answer_to(question: Question, case: Case, endpoint: Endpoint, asked: Asked, vote: int = 0) -> Answer:
    """One answer, asked for again where there is none that can be read.

    Raises:
        EndpointError: there is none.
        Nonsense: there is none that can be read.
        LimitReachedError: it could take more than is left.
    """
    request: dict[str, Any] = {
        "model": asked.model,
        "messages": messages(question, case, vote=vote, earlier=asked.earlier.told(question.code)),
        "response_format": response_format(),
        "max_completion_tokens": MOST_ANSWER_TOKENS,
    }
    for attempt in range(asked.retries + 1):
        asked.purse.check(estimated_tokens(request), MOST_ANSWER_TOKENS)
        try:
            received = endpoint.ask(request)
            asked.purse.take(received.prompt_tokens, received.completion_tokens)
            return parse(received.text)
        except EndpointError as error:
            asked.purse.take(*error.tokens)
            if attempt == asked.retries or not error.again:
                raise
            wait = error.wait
        except Nonsense as error:
            if attempt == asked.retries:
                raise Nonsense(f"it answers nonsense: {error}") from error
            wait = None
        asked.sleep(min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS) if wait is None else wait)
    raise AssertionError("the last attempt returns or raises")


def _judged(
    question: type[_Judged], answers: list[Answer], case: Case, *, blocks: bool
) -> tuple[list[Finding], list[Dropped]]:
    code = question.code()
    dropped: dict[tuple[str, int, str], Dropped] = {}

    def drop(one: Dropped) -> None:
        dropped.setdefault((one.claim.path, one.claim.line, one.reason), one)

    votes: list[list[Claim]] = []
    for answer in answers:
        votes.append([])
        for claim in answer.claims:
            at = located(claim, case)
            if isinstance(at, str):
                drop(Dropped(code, claim, at))
            elif (without := held(code, at, case)) is not None:
                drop(without)
            else:
                votes[-1].append(at)
    kept, lost = agreed(votes)
    for one in lost:
        drop(Dropped(code, one.claim, f"{one.askings} of {len(votes)} askings made it"))
    findings = [_finding(question, one.claim, case, blocks=blocks) for one in kept]
    return findings, list(dropped.values())


def _finding(question: type[_Judged], claim: Claim, case: Case, *, blocks: bool) -> Finding:
    statement = claim.statement.rstrip(".")
    return question().finding(
        f"{statement}: {claim.why}" if claim.why else statement,
        Place(claim.path, claim.line),
        evidence=(case.text(claim.path) or "").split("\n")[claim.line - 1].strip(),
        fix=claim.fix,
        severity=Severity.BLOCKER if blocks and claim.blocks else Severity.WARNING,
    )
