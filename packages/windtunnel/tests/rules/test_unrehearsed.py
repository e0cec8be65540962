"""Run configurations beyond those that are rehearsed."""

from __future__ import annotations

from pathlib import Path

import pytest

RUN = "config/run/proposed-bert-sst2.yaml"
OTHER = "config/run/proposed-bert-wnli.yaml"
TEXT = (
    (Path(__file__).parent / "experiment" / RUN)
    .read_text()
    .replace("run_id: proposed-bert-sst2", "run_id: proposed-bert-wnli")
)
RATE = "  learning_rate: 2e-4\n"


@pytest.fixture(autouse=True)
def only_the_first_run_is_rehearsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("windtunnel.repo.MOST_STEPS", 0)


def test_a_key_that_another_run_of_the_method_lacks_is_found(found):
    assert RATE in TEXT
    (finding,) = found("CFG002", {OTHER: TEXT.replace(RATE, "", 1)})
    assert finding.place.path == OTHER
    assert finding.runs == ("proposed-bert-wnli",)
    assert "'training.learning_rate'" in finding.message
    assert finding.related[0].path == "src/train.py"


@pytest.mark.parametrize(
    "change", [("", ""), ("  max_length: 128\n", "  max_length: 64\n"), ("  low: 1e-5", "  low: 1e-6")]
)
def test_a_run_with_the_same_keys_is_left_alone(found, change: tuple[str, str]):
    assert found("CFG002", {OTHER: TEXT.replace(*change)}) == []


def test_a_key_that_config_yaml_has_for_all_is_left_alone(found, repo):
    shared = repo().documents["config/config.yaml"].text + "\ntraining:\n  learning_rate: 1e-3\n"
    assert found("CFG002", {OTHER: TEXT.replace(RATE, "", 1), "config/config.yaml": shared}) == []


def test_a_key_of_another_method_is_left_alone(found):
    text = TEXT.replace("method: proposed", "method: another").replace(RATE, "", 1)
    assert found("CFG002", {OTHER: text}) == []
