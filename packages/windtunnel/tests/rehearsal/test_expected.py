"""What a first run by itself finds: an empty results folder, one process, no trials that are done."""

from __future__ import annotations

import pytest

from windtunnel.rehearsal.expectations import doubtful, expectation, expected_of, expecting, happens
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.values import FALSE, NONE, TRUE, Thing, truth, unknown


def test_what_an_earlier_run_would_have_left_is_not_there(printed):
    body = """
    state = Store(Path(cfg.results_dir) / cfg.run_id / "checkpoint.pt").load()
    if state is not None and state["finished"]:
        print("finished")
    chosen = print("resumed") if state is not None else print("searched")
    if state:
        print("again")
    else:
        print("afresh")
    """
    assert printed(body) == {
        "finished": False,
        "resumed": False,
        "searched": True,
        "again": False,
        "afresh": True,
    }


def test_what_was_written_before_may_be_there(printed):
    body = """
    path = Path(cfg.results_dir) / "a.txt"
    path.write_text("x")
    if path.exists():
        print("there")
    """
    assert printed(body) == {"there": False}


def test_a_return_for_what_is_not_there_ends_what_is_expected(printed):
    body = """
    def resume():
        if not (Path(cfg.results_dir) / "state.pt").exists():
            print("new")
            return 0
        print("old")
        return 7
    resume()
    print("on")
    """
    assert printed(body) == {"new": True, "old": False, "on": True}


@pytest.mark.parametrize(
    "test",
    [
        "Accelerator().is_main_process",
        "Accelerator().num_processes == 1",
        "threading.current_thread() is threading.main_thread()",
        'os.environ.get("WORLD_SIZE", "1") == "1"',
        'os.environ.get("RANK") is None',
        "not torch.distributed.is_initialized()",
        "len(optuna.create_study().get_trials()) == 0",
        "5 - len(optuna.create_study().trials) > 0",
    ],
)
def test_one_process_with_an_empty_study_is_expected(printed, test: str):
    assert printed(f"if {test}:\n    print('so')\nelse:\n    print('otherwise')\n") == {"so": True, "otherwise": False}


def test_a_file_elsewhere_may_be_there(printed):
    assert printed('if Path("/data/x").exists():\n    print("x")\nelse:\n    print("y")\n') == {"x": False, "y": False}


def test_an_expectation_is_no_knowledge():
    value = expecting(join(NONE, unknown("str")), NONE)
    assert truth(value) is None
    assert expectation(value) is False
    assert expected_of(value) is NONE
    assert expectation(doubtful(expected=True)) is True
    assert expectation(unknown("bool")) is None


def test_of_two_options_the_one_that_can_be_used_happens():
    thing = Thing("x")
    known = join(NONE, thing)
    assert happens(known, thing) is True
    other = Thing("y")
    assert happens(join(thing, other), other) is None
    assert happens(expecting(join(thing, other), other), other) is True
    assert happens(expecting(join(thing, other), other), thing) is False


def test_joined_values_have_no_expectation_unless_told():
    assert expectation(join(TRUE, FALSE)) is None
    assert expectation(expecting(join(TRUE, FALSE), TRUE)) is True
