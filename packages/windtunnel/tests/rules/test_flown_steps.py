from dataclasses import replace

import pytest

from windtunnel.evidence import Flight, HubAnswer, LossSeen, OptimizerSeen, ProcessSeen
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
WATCHED = ProcessSeen(pid=2, parent=1, said_goodbye=True, watched=("config", "torch", "exceptions", "files"))
MODEL = HubAnswer("model", "google-bert/bert-base-uncased", 200)
ADAM = OptimizerSeen("AdamW", 40, 40, (1e-4, 1e-6), 30, place="src/train.py:30", built="src/train.py:20")
WITHOUT_TRAINING = dict.fromkeys(("src/train.py", "src/model.py", "src/main.py", "src/preprocess.py"), "print(1)")


@pytest.fixture
def flight(command):
    def made(*processes: ProcessSeen, mode: str = "trial") -> Flight:
        return Flight(mode, (RUN,), commands=(command(RUN, processes=processes, hub=(MODEL,)),))

    return made


def test_a_loop_that_is_left_before_the_step_is_found_at_its_backward(judged, flight):
    accumulating = replace(WATCHED, losses=(LossSeen("src/train.py:41", 2, (0.7, 0.6)),))
    (finding,) = judged("FLY031", flight(accumulating))
    assert finding.severity is Severity.BLOCKER
    assert str(finding.place) == "src/train.py:41"
    assert "backward was called 2 times" in finding.message


def test_a_run_that_takes_steps_in_a_child_is_left_alone(judged, flight):
    child = replace(WATCHED, pid=3, parent=2, optimizers=(ADAM,))
    assert judged("FLY031", flight(WATCHED, child)) == []


@pytest.mark.parametrize("gap", [{"said_goodbye": False}, {"faults": ("optimizers: no room",)}])
def test_a_run_that_was_not_seen_to_its_end_is_not_judged(judged, flight, gap):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY031", flight(replace(WATCHED, **gap)))


def test_training_without_torch_stays_undecided(judged, flight):
    (finding,) = judged("FLY031", flight(replace(WATCHED, watched=("exceptions",))))
    assert finding.severity is Severity.UNDECIDED


def test_methods_that_need_no_training_are_left_alone(judged, command):
    flown = Flight("full", (RUN,), commands=(command(RUN, processes=(WATCHED,), hub=(MODEL,)),))
    untrained = {
        f"config/run/{run}.yaml": f"run_id: {run}\nmodel: {{name: gpt2}}\n" for run in (RUN, "baseline-bert-sst2")
    }
    assert judged("FLY031", flown, files={**WITHOUT_TRAINING, "src/evaluate.py": "print(1)", **untrained}) == []


def test_a_promise_to_train_that_no_code_keeps_is_asked_about(judged, command):
    flown = Flight("full", (RUN,), commands=(command(RUN, processes=(WATCHED,), hub=(MODEL,)),))
    (finding,) = judged("FLY031", flown, files={**WITHOUT_TRAINING, "src/evaluate.py": "print(1)"})
    assert finding.severity is Severity.UNDECIDED


def test_a_learning_rate_of_zero_is_found_where_the_optimizer_is_built(judged, flight):
    still = replace(ADAM, effective_steps=0, learning_rates=(0.0, 0.0))
    (finding,) = judged("FLY032", flight(replace(WATCHED, optimizers=(still,))))
    assert finding.severity is Severity.BLOCKER
    assert "its learning rate was 0" in finding.message
    assert finding.place.line == 20


def test_steps_without_a_gradient_are_found(judged, flight):
    blind = replace(ADAM, steps=1, effective_steps=0)
    (finding,) = judged("FLY032", flight(replace(WATCHED, optimizers=(blind,))))
    assert "gradient" in finding.message
    assert finding.place.line == 30


def test_an_idle_optimizer_beside_one_that_trains_is_a_warning(judged, flight):
    idle = replace(ADAM, effective_steps=0)
    (finding,) = judged("FLY032", flight(replace(WATCHED, optimizers=(ADAM, idle))))
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("steps", [1, 2])
def test_the_first_steps_of_a_warm_up_say_nothing(judged, flight, steps: int):
    warming = replace(ADAM, steps=steps, effective_steps=0, learning_rates=(0.0, 0.0))
    with pytest.raises(Skip):
        judged("FLY032", flight(replace(WATCHED, optimizers=(warming,))))


def test_steps_that_train_are_left_alone(judged, flight):
    assert judged("FLY032", flight(replace(WATCHED, optimizers=(ADAM,)))) == []


def test_a_method_without_training_beside_one_that_trains_is_left_alone(judged, command):
    trained, untrained = replace(WATCHED, optimizers=(ADAM,)), "comparative-1-zero-shot"
    commands = (command(RUN, processes=(trained,)), command(untrained, processes=(WATCHED,)))
    configured = {f"config/run/{untrained}.yaml": f"run_id: {untrained}\ntraining: {{epochs: 0}}\n"}
    assert judged("FLY031", Flight("full", (RUN, untrained), commands=commands), files=configured) == []


def test_a_proposed_method_that_alone_does_not_train_is_found(judged, command):
    trained = replace(WATCHED, optimizers=(ADAM,))
    commands = (command(RUN, processes=(WATCHED,)), command("baseline-bert-sst2", processes=(trained,)))
    (finding,) = judged("FLY031", Flight("full", (RUN,), commands=commands))
    assert (finding.severity, finding.runs) == (Severity.BLOCKER, (RUN,))
