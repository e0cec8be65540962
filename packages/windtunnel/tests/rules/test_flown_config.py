import pytest

from windtunnel.evidence import Absent, ConfigSeen, Flight, ProcessSeen
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"
LEAVES = ("model.name", "model.rank", "dataset.name", "dataset.config", "dataset.max_length", "dataset.eval_batches")
LEAVES += tuple(f"training.{name}" for name in ("epochs", "batch_size", "learning_rate", "max_batches", "seeds"))
KEYS = {"run_id": RUN, **dict.fromkeys(LEAVES, "1")}


@pytest.fixture
def read(command):
    def made(*names: str, mode: str = "full", said_goodbye: bool = True, **config) -> Flight:
        seen = ConfigSeen(keys=KEYS, reads=dict.fromkeys(names, ("src/train.py:10",)), **config)
        process = ProcessSeen(2, 1, ("python",), said_goodbye=said_goodbye, watched=("config", "torch"), config=seen)
        return Flight(mode, (RUN,), commands=(command(RUN, processes=(process,)),))

    return made


def test_a_key_that_no_process_reads_is_found_in_its_file(judged, read):
    (finding,) = judged("FLY085", read(*(name for name in LEAVES if name != "training.seeds")))
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("training.seeds is set here")
    assert finding.place.path == f"config/run/{RUN}.yaml"


@pytest.mark.parametrize("node", ["", "training"])
def test_a_section_that_is_converted_may_be_read_as_a_whole(judged, read, node: str):
    rest = (name for name in LEAVES if not name.startswith("training"))
    assert judged("FLY085", read(*rest, bulk={node: ("src/train.py:9",)})) == []


def test_a_configuration_that_is_only_printed_is_not_read(judged, read):
    printed = read(*LEAVES[:-1], bulk={"": ("src/main.py:9",)}, as_text=("src/main.py:9",))
    assert len(judged("FLY085", printed)) == 1


def test_a_run_that_was_not_watched_to_its_end_is_not_judged(judged, read):
    with pytest.raises(Skip, match="not exercised"):
        judged("FLY085", read(said_goodbye=False))


@pytest.mark.parametrize(("last", "severity"), [("learning_rate", Severity.BLOCKER), ("seeds", Severity.WARNING)])
def test_a_default_instead_of_what_is_configured_elsewhere_is_found(judged, read, last: str, severity: Severity):
    flight = read("model.name", absent=(Absent(last, "0.001", "src/train.py:12"),), mode="trial")
    (finding,) = judged("FLY086", flight)
    assert finding.severity is severity
    assert finding.place.line == 12
    assert f"training.{last}" in finding.message


def test_optional_keys_and_second_places_to_look_are_left_alone(judged, read):
    absent = (Absent("training.grad_clip", "1.0", "src/train.py:12"), Absent("epochs", "None", "src/train.py:13"))
    assert judged("FLY086", read("training.epochs", absent=absent)) == []


def test_what_a_converted_section_is_read_for_is_not_known(judged, read):
    absent = (Absent("learning_rate", "0.001", "src/train.py:12"),)
    assert judged("FLY086", read(absent=absent, bulk={"training": ("src/train.py:9",)})) == []
