"""What becomes of claims: without a quote, decided by the rules, made by one asking alone, and the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from windtunnel.claims import Case
from windtunnel.findings import Severity
from windtunnel.reader import Asked, read
from windtunnel.reader.beside import read_beside
from windtunnel.reader.earlier import Earlier, Said
from windtunnel.reader.endpoint import OpenAIEndpoint
from windtunnel.reader.limits import Purse
from windtunnel.rules.judged import questions

from .conftest import EXPERIMENT, NO_DEFECT, claim, defects, submission_of

if TYPE_CHECKING:
    from windtunnel.reader import Reading

    from .conftest import Chat

MODEL = EXPERIMENT / "src" / "model.py"
LINE = next(number for number, line in enumerate(MODEL.read_text().split("\n"), start=1) if "class GLoRA(" in line)
QUOTE = MODEL.read_text().split("\n")[LINE - 1]


@pytest.fixture(scope="module")
def case() -> Case:
    return Case.of(submission_of(EXPERIMENT))


def ask(case: Case, **settings: Any) -> Reading:
    purse = Purse(most_tokens=settings.pop("tokens", 10_000_000))
    asked = Asked("o3", purse, sleep=lambda _: None, **settings)
    return read(case, OpenAIEndpoint(timeout_seconds=20), asked, chosen=lambda rule: rule.code() == "JDG001")


def test_a_claim_that_quotes_its_line_is_advice(chat: Chat, case: Case) -> None:
    chat.brain = lambda _: defects(claim("src/model.py", LINE, QUOTE.strip()))
    reading = ask(case)
    (finding,) = reading.findings
    assert (finding.code, finding.severity, finding.source) == ("JDG001", Severity.WARNING, "judge")
    assert (finding.place.path, finding.place.line) == ("src/model.py", LINE)
    assert finding.evidence == QUOTE.strip()
    assert reading.answered == {"JDG001"}
    assert not reading.dropped


def test_only_with_consent_does_a_claim_make_the_code_not_ready(chat: Chat, case: Case) -> None:
    chat.brain = lambda _: defects(claim("src/model.py", LINE, QUOTE))
    endpoint = OpenAIEndpoint(timeout_seconds=20)
    advised = read_beside(case.verdict, endpoint, Asked("o3", Purse(10_000_000), votes=1))
    assert advised.outcome == case.verdict.outcome == "ready"
    blocking = read_beside(case.verdict, endpoint, Asked("o3", Purse(10_000_000), votes=1, blocks=True))
    assert blocking.outcome == "not ready"
    assert blocking.as_rubric_json().keys() == {"is_code_ready", "code_issue"}
    assert "class GLoRA(" in blocking.code_issue
    assert "class GLoRA(" in blocking.repair_prompt()
    assert advised.repair_prompt() == ""


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (claim("src/model.py", LINE, "class Nonexistent:"), "nowhere else in the file"),
        (claim("src/model.py", 1, QUOTE), f"it stands in line {LINE}"),
        (claim("src/other.py", 1, "x = 1"), "there is no file"),
        (claim("src/model.py", LINE, ")"), "says nothing"),
        (claim("src/model.py", 10**6, QUOTE), "does not read"),
    ],
)
def test_a_claim_that_quotes_no_line_that_is_there_is_dropped(
    chat: Chat, case: Case, wrong: dict[str, Any], reason: str
) -> None:
    chat.brain = lambda _: defects(wrong)
    reading = ask(case)
    assert not reading.findings
    assert reason in reading.dropped[0].reason
    assert len(reading.dropped) == 1


def test_a_line_number_that_is_a_little_wrong_is_put_right(chat: Chat, case: Case) -> None:
    chat.brain = lambda _: defects(claim("src/model.py", LINE - 2, QUOTE))
    assert ask(case).findings[0].place.line == LINE


@pytest.mark.parametrize(
    "statement",
    [
        "src/model.py has a syntax error here.",
        "The file src/__init__.py is missing, so the relative import fails.",
        "Helper functions are duplicated in model.py and train.py.",
        "The config key cfg.training.learning_rate is missing.",
    ],
)
def test_what_rules_know_is_decided_by_them(chat: Chat, case: Case, statement: str) -> None:
    chat.brain = lambda _: defects(claim("src/model.py", LINE, QUOTE, statement=statement))
    reading = ask(case)
    assert not reading.findings
    assert "refuted" in reading.dropped[0].reason


def test_a_claim_of_one_asking_alone_does_not_survive(chat: Chat, case: Case) -> None:
    answers = [defects(claim("src/model.py", LINE, QUOTE)), NO_DEFECT]
    chat.brain = lambda _: answers[len(chat.requests) - 1]
    reading = ask(case)
    assert not reading.findings
    assert reading.dropped[0].reason == "1 of 2 askings made it"


def test_two_askings_show_the_files_in_opposite_orders_and_the_same_claims_come_of_it(chat: Chat, case: Case) -> None:
    def brain(text: str) -> dict[str, Any]:
        first = claim("src/model.py", LINE, QUOTE, statement="One thing is wrong.")
        second = claim("src/model.py", LINE + 1, QUOTE, statement="The same thing in other words.")
        return (
            defects(first, first)
            if text.index("# File src/model.py") < text.index("# File src/train.py")
            else defects(second)
        )

    chat.brain = brain
    there = ask(case).findings
    places = [chat.requests[n]["messages"][-1]["content"].index("# File src/model.py") for n in (0, 1)]
    assert places[0] != places[1]
    assert len(there) == 1
    assert ask(case).findings == there


@pytest.mark.parametrize(
    ("script", "brain", "why"),
    [
        (["500"] * 9, None, "status 500"),
        (["refusal"], None, "it refuses"),
        (["malformed"] * 9, None, "nonsense"),
        ([], {"answer": "defects", "claims": []}, "makes 0 claims"),
        ([], {"is_code_ready": True}, "nonsense"),
        ([], "I would rather not say.", "nonsense"),
        ([], {"answer": "cannot tell", "claims": []}, "cannot tell"),
    ],
)
def test_without_a_usable_answer_the_question_stays_open(
    chat: Chat, case: Case, script: list[str], brain: Any, why: str
) -> None:
    chat.script = script
    if brain is not None:
        chat.brain = lambda _: brain
    reading = ask(case)
    assert why in reading.open["JDG001"]
    assert not reading.findings
    assert not reading.answered


def test_an_open_question_makes_ready_code_undecided_and_never_ready(chat: Chat, case: Case) -> None:
    chat.script = ["401"] * 99
    verdict = read_beside(
        case.verdict, OpenAIEndpoint(timeout_seconds=5), Asked("o3", Purse(10_000_000), sleep=lambda _: None)
    )
    assert verdict.outcome == "undecided"
    assert len(verdict.doubts) == len(questions())
    assert "status 401" in verdict.code_issue


def test_a_nonsensical_answer_is_asked_for_again(chat: Chat, case: Case) -> None:
    chat.script = ["malformed", "closed", "500"]
    chat.brain = lambda _: defects(claim("src/model.py", LINE, QUOTE))
    assert len(ask(case, retries=3).findings) == 1


def test_a_limit_stops_before_it_is_passed(chat: Chat, case: Case) -> None:
    reading = ask(case, tokens=20_000)
    assert "limit of 20000 tokens" in reading.open["JDG001"]
    assert not chat.requests


def test_what_an_earlier_round_claimed_is_told_and_a_reversal_is_reported(chat: Chat, case: Case) -> None:
    before = Earlier(
        (Said(code="JDG001", path="src/model.py", quote=QUOTE.strip(), statement="The norm is wrong."),),
        frozenset({"JDG001"}),
        {},
    )
    reading = ask(case, earlier=before)
    assert "The norm is wrong." in chat.requests[0]["messages"][-1]["content"]
    (reversal,) = reading.reversals
    assert "claimed before and not now" in reversal.what
    assert reversal.place.line == LINE
    chat.brain = lambda _: defects(claim("src/model.py", LINE, QUOTE))
    assert not ask(case, earlier=before).reversals
    (late,) = ask(case, earlier=Earlier((), frozenset({"JDG001"}), reading.files)).reversals
    assert "claimed now and not before" in late.what


def test_every_question_is_about_files_of_the_contract() -> None:
    assert len(questions()) >= 5
    assert all((EXPERIMENT / path).is_file() for question in questions() for path in question.files)
