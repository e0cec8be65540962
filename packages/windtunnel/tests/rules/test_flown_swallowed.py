import pytest

from windtunnel.evidence import Flight, ProcessSeen, Swallowed
from windtunnel.findings import Severity
from windtunnel.rules.base import Skip

RUN = "proposed-bert-sst2"


@pytest.fixture
def swallowed(command, judged):
    def found(code: str, exception: str = "builtins.RuntimeError", *, raised: int = 2, handled: int = 3, mode="full"):
        seen = Swallowed(exception, "it failed", f"src/train.py:{raised}", f"src/train.py:{handled}", 4)
        process = ProcessSeen(2, 1, said_goodbye=True, watched=("exceptions",), swallowed=(seen,))
        flight = Flight(mode, (RUN,), commands=(command(RUN, processes=(process,)),))
        return judged("FLY090", flight, files={"src/train.py": code})

    return found


@pytest.mark.parametrize(
    "line",
    ["loss.backward()", "optimizer.step()", "rows = load_dataset(name)", 'wandb.log({"loss": 1.0})'],
)
def test_what_training_cannot_do_without_is_a_blocker(swallowed, line: str):
    (finding,) = swallowed(f"try:\n    {line}\nexcept Exception:\n    rows = []\n")
    assert finding.severity is Severity.BLOCKER
    assert (finding.place.line, finding.evidence) == (3, line)


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    m = AutoModel.from_pretrained(a)\nexcept OSError:\n    m = AutoModel.from_pretrained(b)\n",
        "try:\n    m = AutoModel.from_pretrained(a)\nexcept OSError:\n    a = b\nm = AutoModel.from_pretrained(a)\n",
        "def again():\n    return load_dataset(b)\ntry:\n    m = load_dataset(a)\nexcept OSError:\n    m = again()\n",
        "try:\n    frobnicate()\nexcept Exception:\n    pass\n",
    ],
)
def test_what_another_attempt_replaces_and_what_is_not_known_is_a_warning(swallowed, code: str):
    line = code.splitlines().index("try:") + 2
    (finding,) = swallowed(code, raised=line, handled=line + 1)
    assert finding.severity is Severity.WARNING


def test_a_loop_over_several_names_is_a_warning(swallowed):
    code = "for name in names:\n    try:\n        rows = load_dataset(name)\n    except Exception:\n        continue\n"
    (finding,) = swallowed(code, raised=3, handled=4)
    assert finding.severity is Severity.WARNING


def test_wandb_that_fails_in_a_trial_is_a_warning(swallowed):
    (finding,) = swallowed("try:\n    wandb.log({})\nexcept Exception:\n    pass\n", mode="trial")
    assert finding.severity is Severity.WARNING


@pytest.mark.parametrize("exception", ["builtins.ImportError", "builtins.KeyError", "src.train.Stopped"])
def test_exceptions_by_which_code_asks_are_left_alone(swallowed, exception: str):
    assert swallowed("try:\n    import flash_attn\nexcept ImportError:\n    pass\n", exception) == []


def test_without_the_observer_nothing_is_said(judged, command):
    with pytest.raises(Skip):
        judged("FLY090", Flight("full", (RUN,), commands=(command(RUN),)))


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("try:\n    ask()\nexcept (TimeoutError, OSError):\n    pass\n", False),
        ("try:\n    ask()\nexcept Exception as error:\n    pass\n", True),
        ("try:\n    ask()\nexcept (OSError, Exception):\n    pass\n", True),
        ("try:\n    ask()\nexcept:\n    pass\n", True),
        ("import x\n# asked below\nwith suppress(TimeoutError, OSError):\n    ask()\n", False),
        ("import x\n# asked below\nwith suppress(Exception):\n    ask()\n", True),
    ],
)
def test_a_handler_that_names_what_it_expects_is_left_alone(swallowed, code: str, told: bool):
    assert bool(swallowed(code, "builtins.TimeoutError", handled=3)) is told


def test_what_breaks_when_a_flight_is_interrupted_is_not_blamed(judged, command):
    seen = Swallowed("builtins.ConnectionResetError", "Connection lost", "src/train.py:2", "src/train.py:3", 1)
    process = ProcessSeen(2, 1, said_goodbye=True, watched=("exceptions",), swallowed=(seen,))
    code = {"src/train.py": "try:\n    wandb.log({})\nexcept Exception:\n    pass\n"}
    ended = Flight("full", (RUN,), commands=(command(RUN, status="interrupted", exit_code=None, processes=(process,)),))
    with pytest.raises(Skip):
        judged("FLY090", ended, files=code)
    went_on = Flight("full", (RUN,), commands=(command(RUN, processes=(process,)),))
    assert judged("FLY090", went_on, files=code)
