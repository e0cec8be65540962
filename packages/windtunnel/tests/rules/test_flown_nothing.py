import pytest

from windtunnel.evidence import Flight, HubAnswer, OptimizerSeen, ProcessSeen, RunRecorded
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
IDLE = ProcessSeen(pid=2, parent=1, said_goodbye=True, watched=("exceptions", "files"))
MODEL = HubAnswer("model", "google-bert/bert-base-uncased", 200)


@pytest.mark.parametrize("mode", ["trial", "full"])
def test_a_main_that_only_prints_is_found(judged, command, mode: str):
    flight = Flight(mode, (RUN,), commands=(command(RUN, processes=(IDLE,), output=("done",)),))
    (finding,) = judged("FLY030", flight)
    assert finding.severity is Severity.BLOCKER
    assert finding.evidence == "done"
    assert finding.runs == (RUN,)


def test_a_trial_that_the_observer_did_not_follow_stays_undecided(judged, command):
    (finding,) = judged("FLY030", Flight("trial", (RUN,), commands=(command(RUN),)))
    assert finding.severity is Severity.UNDECIDED


def test_a_full_run_without_a_trace_outside_is_empty_whatever_was_observed(judged, command):
    (finding,) = judged("FLY030", Flight("full", (RUN,), commands=(command(RUN),)))
    assert finding.severity is Severity.BLOCKER


def test_a_run_that_asked_the_hub_is_left_alone(judged, command):
    assert judged("FLY030", Flight("trial", (RUN,), commands=(command(RUN, hub=(MODEL,)),))) == []


def test_a_run_that_finds_in_the_cache_what_an_earlier_one_fetched_is_left_alone(judged, command):
    commands = (command("baseline-bert-sst2", hub=(MODEL,)), command(RUN))
    assert judged("FLY030", Flight("trial", (RUN,), commands=commands)) == []


def test_a_model_from_scratch_on_data_of_its_own_is_left_alone(judged, command):
    step = OptimizerSeen("SGD", 2, 2, (0.1, 0.1), 4)
    process = ProcessSeen(pid=2, parent=1, said_goodbye=True, watched=("torch",), optimizers=(step,))
    assert judged("FLY030", Flight("trial", (RUN,), commands=(command(RUN, processes=(process,)),))) == []
    run = RunRecorded("somebody", "small-experiment", RUN, RUN, "finished", command=RUN, steps=3)
    assert judged("FLY030", Flight("full", (RUN,), commands=(command(RUN),), runs=(run,))) == []


def test_a_run_that_failed_is_no_matter_of_this_rule(judged, command):
    with pytest.raises(Skip):
        judged("FLY030", Flight("full", (RUN,), commands=(command(RUN, status="failed", exit_code=1),)))
