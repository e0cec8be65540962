import pytest

from windtunnel.evidence import ConfigSeen, Flight, ProcessSeen, SearchSeen
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
RATE = "training.learning_rate"


@pytest.fixture
def flown(command):
    def made(search: SearchSeen, config: ConfigSeen | None = None) -> Flight:
        process = ProcessSeen(2, 1, said_goodbye=True, searches=(search,), config=config)
        return Flight("full", (RUN,), commands=(command(RUN, processes=(process,)),))

    return made


def search(*values: float, tried: int | None = None) -> SearchSeen:
    return SearchSeen(
        "src/train.py:90", (RATE,), len(values) if tried is None else tried, tuple((one,) for one in values)
    )


def test_trials_that_all_come_to_the_same_are_found(judged, flown):
    (finding,) = judged("FLY087", flown(search(0.0, 0.0, 0.0, 0.0)))
    assert "4 trials with 4 different sets of training.learning_rate all came to 0" in finding.message
    assert str(finding.place) == "src/train.py:90"


@pytest.mark.parametrize("fine", [search(0.1, 0.2, 0.1), search(0.1, 0.1, 0.1, tried=1)])
def test_trials_that_differ_and_those_of_one_setting_are_left_alone(judged, flown, fine):
    assert judged("FLY087", flown(fine)) == []


def test_two_trials_are_too_few(judged, flown):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY087", flown(search(0.0, 0.0)))


def test_a_suggestion_that_no_code_reads_is_found(judged, flown):
    config = ConfigSeen(assigned={RATE: ("0.1", "0.2")}, reads={"training.epochs": ("src/train.py:3",)})
    (finding,) = judged("FLY087", flown(search(0.1, 0.2, 0.3), config))
    assert "set as training.learning_rate, which no code reads" in finding.message


@pytest.mark.parametrize(
    "config",
    [
        ConfigSeen(assigned={RATE: ("0.1",)}, reads={RATE: ("src/train.py:3",)}),
        ConfigSeen(assigned={RATE: ("0.1",)}, bulk={"training": ("src/train.py:3",)}),
    ],
)
def test_a_suggestion_that_is_read_is_left_alone(judged, flown, config):
    assert judged("FLY087", flown(search(0.1, 0.2, 0.3), config)) == []
