"""SIGKILL at any step, then the same command: the same bits as a run that was never killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

STEPS = 8


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("killed")
    script = Path(__file__).with_name("killable.py")
    subprocess.run([sys.executable, str(script), str(place)], check=True, timeout=200)
    return place


def end_of(place: Path) -> dict[str, Any]:
    end: dict[str, Any] = torch.load(place / "end.pt", weights_only=True)
    return end


def test_shapes_and_names_change_in_the_run_that_is_killed(folder: Path) -> None:
    ranks = end_of(folder / "whole")["ranks"].values()
    assert 0 in ranks
    assert max(ranks) > 4


@pytest.mark.parametrize("when", ["stored", "unstored"])
@pytest.mark.parametrize("step", range(1, STEPS + 1))
def test_a_run_killed_at_any_step_ends_with_the_same_bits(folder: Path, step: int, when: str) -> None:
    name = f"{step}-{when}"
    ends = json.loads((folder / "ends.json").read_text())[name]
    assert ends == {"killed": -signal.SIGKILL, "unfinished": True, "again": 0}
    whole, again = end_of(folder / "whole"), end_of(folder / name)
    assert again["ranks"] == whole["ranks"]
    assert again["model"].keys() == whole["model"].keys()
    assert all(torch.equal(value, whole["model"][key]) for key, value in again["model"].items())
