from dataclasses import replace

import pytest

from windtunnel.evidence import Asked, Flight, RunRecorded
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
LOGGED = RunRecorded(
    "somebody",
    "small-experiment",
    RUN,
    RUN,
    "finished",
    command=RUN,
    steps=2,
    keys=("train_loss",),
    summary={"accuracy": 0.9},
)


@pytest.fixture
def full(command):
    def made(*runs: RunRecorded, **evaluated) -> Flight:
        commands = (command(RUN), *((command("evaluate", **evaluated),) if evaluated else ()))
        return Flight("full", (RUN,), commands=commands, runs=runs)

    return made


@pytest.mark.parametrize("runs", [(), (replace(LOGGED, steps=0),)])
def test_a_full_run_without_history_is_found(judged, full, runs):
    (finding,) = judged("FLY050", full(*runs))
    assert finding.severity is Severity.BLOCKER
    assert finding.runs == (RUN,)


def test_a_logged_run_passes_every_rule(judged, full):
    flight = full(LOGGED, asked=(Asked(RUN, "history", ("train_loss", "accuracy", "_step")),))
    assert [judged(code, flight) for code in ("FLY050", "FLY052", "FLY053", "FLY054")] == [[], [], [], []]


def test_a_failed_run_is_not_blamed_for_its_missing_history(judged, command):
    with pytest.raises(Skip):
        judged("FLY050", Flight("full", (RUN,), commands=(command(RUN, status="failed", exit_code=1),)))


def test_a_trial_that_logs_is_found(judged, command):
    (finding,) = judged("FLY051", Flight("trial", (RUN,), commands=(command(RUN),), runs=(LOGGED,)))
    assert finding.severity is Severity.BLOCKER
    assert judged("FLY051", Flight("trial", (RUN,), commands=(command(RUN),))) == []


def test_a_run_under_an_id_of_its_own_is_found(judged, full):
    (finding,) = judged("FLY052", full(replace(LOGGED, name="3xk2f0a9")))
    assert "'3xk2f0a9'" in finding.message


@pytest.mark.parametrize(("count", "severity"), [(6, Severity.BLOCKER), (2, Severity.WARNING)])
def test_several_runs_of_one_command_are_found(judged, full, count: int, severity: Severity):
    others = (replace(LOGGED, name=f"trial-{number}") for number in range(count - 1))
    (finding,) = judged("FLY053", full(LOGGED, *others))
    assert finding.severity is severity


def test_a_run_that_is_resumed_is_one_run(judged, full):
    assert judged("FLY053", full(replace(LOGGED, starts=2))) == []


def test_a_key_that_no_run_has_is_found(judged, full):
    (finding,) = judged("FLY054", full(LOGGED, asked=(Asked(RUN, "sampled history", ("val_acc", "train_loss")),)))
    assert "'val_acc'" in finding.message
    assert finding.severity is Severity.WARNING
