import pytest

from windtunnel.evidence import Flight, HubAnswer, LoaderSeen, OptimizerSeen, ProcessSeen
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


@pytest.fixture
def trial(command):
    def made(steps: int = 2, batches: int = 2, iterations: int = 1) -> Flight:
        process = ProcessSeen(
            pid=2,
            parent=1,
            said_goodbye=True,
            watched=("torch",),
            optimizers=(OptimizerSeen("AdamW", steps, steps, (1e-4, 1e-4), 30, place="src/train.py:30"),),
            loaders=(LoaderSeen("src/train.py:25", batches, iterations, rows=400, length=50),),
        )
        return Flight("trial", (RUN,), commands=(command(RUN, processes=(process,)),))

    return made


@pytest.mark.parametrize(("steps", "severity"), [(5, Severity.WARNING), (50, Severity.BLOCKER)])
def test_a_trial_that_trains_on_is_found_at_its_step(judged, trial, steps: int, severity: Severity):
    (finding,) = judged("FLY080", trial(steps=steps))
    assert finding.severity is severity
    assert finding.place.line == 30


def test_a_whole_pass_over_a_loader_is_a_warning(judged, trial):
    (finding,) = judged("FLY080", trial(batches=50))
    assert (finding.severity, finding.place.line) == (Severity.WARNING, 25)


def test_two_batches_of_each_of_several_passes_are_left_alone(judged, trial):
    assert judged("FLY080", trial(batches=24, iterations=8)) == []


def test_a_trial_that_was_not_observed_is_not_judged(judged, command):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY080", Flight("trial", (RUN,), commands=(command(RUN),)))


def asked(*ids: str) -> tuple[HubAnswer, ...]:
    return tuple(HubAnswer("model", hub_id, 200) for hub_id in ids)


@pytest.fixture
def both(command):
    def made(trial: tuple[HubAnswer, ...], full: tuple[HubAnswer, ...]) -> tuple[Flight, Flight]:
        return tuple(
            Flight(mode, (RUN,), commands=(command(RUN, hub=hub),)) for mode, hub in (("trial", trial), ("full", full))
        )

    return made


def test_another_model_in_the_trial_is_found(judged, both):
    (finding,) = judged("FLY081", *both(asked("sshleifer/tiny-gpt2"), asked("google-bert/bert-base-uncased")))
    assert finding.severity is Severity.BLOCKER
    assert "sshleifer/tiny-gpt2" in finding.message
    assert "google-bert/bert-base-uncased" in finding.message


@pytest.mark.parametrize(
    ("trial", "full"),
    [
        (("google-bert/bert-base-uncased",), ("google-bert/bert-base-uncased", "FacebookAI/roberta-large-mnli")),
        (("bert-base-uncased",), ("google-bert/bert-base-uncased",)),
        ((), ("google-bert/bert-base-uncased",)),
    ],
)
def test_the_same_model_under_another_name_or_with_more_beside_it_is_left_alone(judged, both, trial, full):
    assert judged("FLY081", *both(asked(*trial), asked(*full))) == []


def test_one_mode_cannot_be_compared(judged, trial):
    with pytest.raises(Skip):
        judged("FLY081", trial())
