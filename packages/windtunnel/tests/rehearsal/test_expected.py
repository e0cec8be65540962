"""What a first run by itself finds: an empty results folder, one process, no trials that are done."""

from __future__ import annotations

from datetime import date
from textwrap import dedent, indent

import pytest

from windtunnel.rehearsal.expectations import doubtful, expectation, expected_of, expecting, happens
from windtunnel.rehearsal.joining import join
from windtunnel.rehearsal.values import FALSE, NONE, TRUE, Const, Thing, truth, unknown
from windtunnel.repo import Repo
from windtunnel.submission import File, RunConfig, Submission

MAIN = """\
import os
import threading
from pathlib import Path

import hydra
import optuna
import torch
from accelerate import Accelerator


class Store:
    def __init__(self, path):
        self.path = path

    def load(self):
        if not self.path.exists():
            return None
        return torch.load(self.path)


@hydra.main(version_base="1.3", config_path="../config", config_name="config")
def main(cfg):
{body}


if __name__ == "__main__":
    main()
"""


def events(body: str) -> dict[str, bool]:
    """Whether each printed word is certain to be printed."""
    files = {
        "src/main.py": MAIN.format(body=indent(dedent(body), "    ")),
        "config/config.yaml": "defaults: [_self_, run: null]\nresults_dir: x\nmode: full\n",
        "config/run/a.yaml": "# @package _global_\nrun_id: a\n",
    }
    made = {path: File(path, len(text), text.encode()) for path, text in files.items()}
    runs = (RunConfig("a", "config/run/a.yaml", files["config/run/a.yaml"], "config/run"),)
    repo = Repo(Submission("x", "folder", None, made, runs), as_of=date(2025, 12, 1))
    return {
        str(event.data["args"][0].value): event.certain
        for trace in repo.rehearsals
        if trace.mode == "full"
        for event in trace.of("call")
        if event.data["name"] == "builtins.print" and isinstance(event.data["args"][0], Const)
    }


def test_what_an_earlier_run_would_have_left_is_not_there():
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
    assert events(body) == {
        "finished": False,
        "resumed": False,
        "searched": True,
        "again": False,
        "afresh": True,
    }


def test_what_was_written_before_may_be_there():
    body = """
    path = Path(cfg.results_dir) / "a.txt"
    path.write_text("x")
    if path.exists():
        print("there")
    """
    assert events(body) == {"there": False}


def test_a_return_for_what_is_not_there_ends_what_is_expected():
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
    assert events(body) == {"new": True, "old": False, "on": True}


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
def test_one_process_with_an_empty_study_is_expected(test: str):
    assert events(f"if {test}:\n    print('so')\nelse:\n    print('otherwise')\n") == {"so": True, "otherwise": False}


def test_a_file_elsewhere_may_be_there():
    assert events('if Path("/data/x").exists():\n    print("x")\nelse:\n    print("y")\n') == {"x": False, "y": False}


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
