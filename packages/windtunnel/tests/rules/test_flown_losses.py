import pytest

from windtunnel.evidence import Flight, LossSeen, ProcessSeen, RunRecorded
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


@pytest.fixture
def trained(command):
    def made(*losses: LossSeen, recorded: tuple[object, ...] = (), key: str = "train_loss") -> Flight:
        process = ProcessSeen(pid=2, parent=1, said_goodbye=True, watched=("torch",), losses=losses)
        history = tuple({key: value} for value in recorded)
        run = RunRecorded("e", "p", RUN, RUN, "finished", RUN, len(history), keys=(key,), history=history)
        return Flight("full", (RUN,), commands=(command(RUN, processes=(process,)),), runs=(run,) if history else ())

    return made


def test_losses_that_end_as_nan_are_found_where_backward_is_called(judged, trained):
    loss = LossSeen("src/train.py:41", 4, (0.7, None, None, None), (0.7, None, None, None), 3, 2)
    (finding,) = judged("FLY040", trained(loss))
    assert finding.severity is Severity.BLOCKER
    assert str(finding.place) == "src/train.py:41"
    assert "backward call 2" in finding.message


def test_a_single_overflow_among_many_is_a_warning(judged, trained):
    loss = LossSeen("src/train.py:41", 40, (None, 0.7), (0.7, 0.6), 1, 1)
    (finding,) = judged("FLY040", trained(loss))
    assert finding.severity is Severity.WARNING


def test_nan_inside_and_numbers_outside_contradict_each_other(judged, trained):
    loss = LossSeen("src/train.py:41", 2, (None, None), (None, None), 2, 1)
    (finding,) = judged("FLY040", trained(loss, recorded=(0.7, 0.6)))
    assert finding.severity is Severity.UNDECIDED


@pytest.mark.parametrize(("values", "severity"), [((0.7, "NaN"), Severity.BLOCKER), (("NaN", 0.7), Severity.WARNING)])
def test_nan_in_wandb_is_found_without_the_observer(judged, trained, values, severity: Severity):
    (finding,) = judged("FLY040", trained(recorded=values))
    assert finding.severity is severity


@pytest.mark.parametrize("key", ["val_loss", "train_accuracy"])
def test_nan_of_other_keys_is_no_matter_of_the_loss(judged, trained, key: str):
    with pytest.raises(Skip):
        judged("FLY040", trained(recorded=("NaN",), key=key))


@pytest.mark.parametrize(("value", "severity"), [(0.6931471824645996, Severity.BLOCKER), (0.0, Severity.WARNING)])
def test_a_constant_loss_is_found(judged, trained, value: float, severity: Severity):
    (finding,) = judged("FLY041", trained(LossSeen("src/train.py:41", 6, (value,) * 6, (value,) * 6)))
    assert finding.severity is severity


def test_losses_that_differ_in_the_last_digit_are_left_alone(judged, trained):
    values = (0.6931471824645996, 0.6931471824645997, 0.6931471824645996, 0.6931471824645996, 0.6931471824645996)
    assert judged("FLY041", trained(LossSeen("src/train.py:41", 5, values, values))) == []


def test_the_two_batches_of_a_trial_say_nothing(judged, trained):
    with pytest.raises(Skip):
        judged("FLY041", trained(LossSeen("src/train.py:41", 2, (0.7, 0.7), (0.7, 0.7))))
