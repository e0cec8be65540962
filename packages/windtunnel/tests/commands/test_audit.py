from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import pytest

from windtunnel.cli import main

EXPERIMENT = str(Path(__file__).parents[4] / "experiments" / "glora-glue")
VERDICT = {"is_code_ready": False, "code_issue": "src/train.py has a syntax error. It is not elegant."}


@pytest.fixture
def verdict(tmp_path: Path) -> Path:
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(VERDICT))
    return path


def test_an_audit_tells_each_sentence_and_ends_with_0(verdict: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(verdict), EXPERIMENT]) == 0
    text = capsys.readouterr().out
    assert "1. refuted: src/train.py has a syntax error." in text
    assert "2. undecidable: It is not elegant." in text
    assert text.rstrip().endswith("2 sentences: 0 confirmed, 1 refuted, 1 undecidable")
    assert all(len(line) <= 80 for line in text.splitlines())


def test_an_audit_in_json_has_the_reasons(verdict: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "audit.json"
    assert main(["audit", str(verdict), EXPERIMENT, "--format", "json", "--output", str(out)]) == 0
    found = json.loads(out.read_text())
    assert [one["status"] for one in found["sentences"]] == ["refuted", "undecidable"]
    assert found["sentences"][0]["rulings"][0]["kind"] == "syntax-error"
    assert found["counts"] == {"confirmed": 0, "refuted": 1, "undecidable": 1}
    assert capsys.readouterr().out == "2 sentences: 0 confirmed, 1 refuted, 1 undecidable\n"


def test_a_verdict_of_which_nothing_can_be_decided_ends_with_3(tmp_path: Path) -> None:
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps({"is_code_ready": False, "code_issue": "It is not elegant."}))
    assert main(["audit", str(path), EXPERIMENT]) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "no JSON"), ("[]", "holds a list"), ('{"code_issue": 1}', "code_issue"), (None, "cannot be read")],
)
def test_what_is_no_verdict_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None, said: str
) -> None:
    path = tmp_path / "verdict.json"
    if content is not None:
        path.write_text(content)
    assert main(["audit", str(path), EXPERIMENT]) == 2
    assert said in capsys.readouterr().err


def test_the_kinds_of_claims_are_listed_with_what_decides_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--kinds"]) == 0
    text = capsys.readouterr().out
    assert "duplicate-code" in text
    assert "DEP003" in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert main(["audit"]) == 2


def test_a_verdict_comes_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Stdin:
        buffer = io.BytesIO(json.dumps(VERDICT).encode())

    monkeypatch.setattr(sys, "stdin", Stdin())
    assert main(["audit", "-", EXPERIMENT]) == 0
    assert "1 refuted" in capsys.readouterr().out


def test_what_a_verdict_says_cannot_speak_to_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps({"code_issue": "src/train.py has a syntax error \x1b[2J\x1b]0;owned\x07 here."}))
    assert main(["audit", str(path), EXPERIMENT]) == 0
    text = capsys.readouterr().out
    assert "\x1b" not in text.replace(os.linesep, "")
    assert "\x07" not in text
