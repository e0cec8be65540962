"""The split of the training time: parts add up, and the command says what it found."""

from __future__ import annotations

import time

import pytest
import torch
from benchmarks.training_split import Clock, main


def test_a_part_inside_another_counts_once() -> None:
    clock = Clock(torch.device("cpu"))
    started = time.perf_counter()
    with clock.part("outer"):
        time.sleep(0.02)
        with clock.part("inner"):
            time.sleep(0.03)
    whole = time.perf_counter() - started
    assert clock.seconds["inner"] >= 0.03
    assert clock.seconds["outer"] >= 0.02
    assert sum(clock.seconds.values()) == pytest.approx(whole, abs=0.005)


def test_a_run_that_does_not_exist_lists_those_that_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--run", "nobody"]) == 2
    assert "'nobody'; there are comparative-1-DeBERTa" in capsys.readouterr().err
