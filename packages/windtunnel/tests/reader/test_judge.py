"""`windtunnel judge` on the command line: answers from a server on loopback, then from the log without any."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest

from windtunnel.cli import main

from .conftest import KEY, claim, defects

if TYPE_CHECKING:
    from typing import Any

    from .conftest import Chat

EXPERIMENT = Path(__file__).parents[4] / "experiments" / "glora-glue"
CONTEXT = "# Hypothesis\nNorms tell ranks.\n\n# Current Research Method\nAverage them.\n"
QUOTE = "class GLoRA(Method):"
LINE = (EXPERIMENT / "src" / "model.py").read_text().split("\n").index(QUOTE) + 1


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    context = tmp_path / "context.md"
    context.write_text(CONTEXT)
    monkeypatch.chdir(tmp_path)
    return ["judge", str(EXPERIMENT), "--context", str(context), "--select", "STE,JDG001,JDG004"]


def brain(text: str) -> dict[str, Any]:
    if "JDG001" not in text:
        return {"answer": "no defect", "claims": []}
    wrong = claim("src/model.py", 3, "this is not there", statement="Something else is wrong.")
    return defects(claim("src/model.py", LINE, QUOTE), wrong)


def test_a_judgement_is_reported_and_its_log_gives_the_same_without_a_server(
    chat: Chat,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat.brain = brain
    assert main(options) == 0
    first = capsys.readouterr()
    assert "JDG001 warning src/model.py" in first.out
    assert "dropped: JDG001 src/model.py:3: Something else is wrong." in first.out
    assert "asked: o3, 2 questions 2 times each" in first.out
    assert all(len(line) <= 80 for line in first.out.splitlines())
    assert "question 1 of 2: method-as-described" in first.err
    chat.close()
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert main([*options, "--replay", "windtunnel-judge.jsonl"]) == 0
    assert capsys.readouterr().out == first.out
    assert KEY not in Path("windtunnel-judge.jsonl").read_text()
    assert "Norms tell ranks." in Path("windtunnel-judge.jsonl").read_text()


def test_the_json_report_keeps_to_its_schema_and_opens_the_next_round(
    chat: Chat,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    chat.brain = brain
    assert main([*options, "--format", "json", "--output", "first.json"]) == 0
    report = json.loads(Path("first.json").read_text())
    schema = json.loads((resources.files("windtunnel") / "report" / "check.schema.json").read_text())
    jsonschema.validate(report, schema)
    assert [one["path"] for one in report["judge"]["claims"]] == ["src/model.py"]
    assert [one["found_already"] for one in report["judge"]["dropped"]] == [False]
    chat.brain = lambda _: {"answer": "no defect", "claims": []}
    capsys.readouterr()
    assert main([*options, "--previous", "first.json"]) == 0
    assert "reversal: JDG001 src/model.py" in capsys.readouterr().out


def test_only_with_consent_a_claim_ends_with_1(chat: Chat, options: list[str]) -> None:
    chat.brain = brain
    assert main([*options, "--judge-blocks"]) == 1


def test_a_server_that_fails_ends_with_3(chat: Chat, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    chat.script = ["401"] * 20
    assert main(options) == 3
    captured = capsys.readouterr()
    assert "undecided: JDG001 was asked of o3 and has no answer: status 401" in " ".join(captured.out.split())
    assert KEY not in captured.out + captured.err
    assert KEY not in Path("windtunnel-judge.jsonl").read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--replay", "none.jsonl"], "--replay none.jsonl cannot be read"),
        (["--previous", "none.json"], "--previous none.json cannot be read"),
        (["--model", "mine", "--max-cost", "1"], "--price"),
        (["--replay", "a", "--log", "b"], "give one of them"),
        (["--log", "context.md/x/y"], "--log"),
    ],
)
def test_options_that_cannot_be_end_with_2_before_anything_is_asked(
    chat: Chat,
    options: list[str],
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    said: str,
) -> None:
    assert main([*options, *more]) == 2
    assert said in capsys.readouterr().err
    assert not chat.requests


def test_without_a_context_there_is_nothing_to_hold_it_to(
    chat: Chat,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["judge", str(EXPERIMENT)]) == 2
    assert "--context is missing" in capsys.readouterr().err
    assert not chat.requests


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_review_may_ask_as_well(chat: Chat, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """After the flight: what was flown is among what the model is told."""
    chat.brain = brain
    which = ["--run", "proposed-all-MiniLM-L6-v2-22M--GLUE-SST-2", "--select", "STE,FLY,JDG001"]
    assert main(["review", options[1], "--judge", *options[2:4], *which]) == 0
    text = capsys.readouterr().out
    assert "JDG001 warning src/model.py" in text
    assert "flown in trial mode" in chat.requests[0]["messages"][-1]["content"]
    assert main(["review", options[1], "--judge", *options[2:4], *which, "--judge-blocks"]) == 1
    assert main(["review", options[1], options[1], "--judge"]) == 2
