import pytest

from windtunnel.evidence import Connection, Flight, ProcessSeen
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


@pytest.fixture
def called(command, judged):
    def found(address: str, place: str = "src/train.py:3", **changes: object):
        process = ProcessSeen(2, 1, watched=("files",), connections=(Connection(address, place),))
        return judged("FLY091", Flight("trial", (RUN,), commands=(command(RUN, processes=(process,), **changes),)))

    return found


def test_a_host_that_the_run_went_on_without_is_a_warning_where_it_is_called(called):
    (finding,) = called("example.org:443")
    assert (finding.severity, str(finding.place), finding.runs) == (Severity.WARNING, "src/train.py:3", (RUN,))
    assert "example.org:443" in finding.message


@pytest.mark.parametrize("address", ["s3.amazonaws.com:443", "datasets-server.127.0.0.1:4100"])
def test_what_libraries_ask_by_themselves_is_left_alone(called, address: str):
    assert called(address) == []


def test_a_call_from_nowhere_and_one_of_a_crashed_run_are_left_alone(called):
    assert called("example.org:443", "") == []
    assert called("example.org:443", status="failed") == []


def test_a_flight_that_was_not_watched_is_not_judged(judged, command):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY091", Flight("trial", (RUN,), commands=(command(RUN),)))
