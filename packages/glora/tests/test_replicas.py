from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from glora import UnsupportedModelError
from glora.replicas import check_renewable, find_data_parallel


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Run one process, then two over loopback; return what each ended with."""
    folder = tmp_path_factory.mktemp("replicas")
    script = str(Path(__file__).with_name("replica.py"))
    found = []
    for world in (1, 2):
        command = [sys.executable, script]
        processes = [
            subprocess.Popen([*command, str(rank), str(world), str(folder)], stderr=subprocess.PIPE, text=True)
            for rank in range(world)
        ]
        try:
            errors = [process.communicate(timeout=200)[1] for process in processes]
        finally:
            for process in processes:
                process.kill()
        assert [process.returncode for process in processes] == [0] * world, "\n".join(errors)
        found += [torch.load(folder / f"{rank}-of-{world}.pt", weights_only=True) for rank in range(world)]
    return found


WAYS = ["wrapper", "model", "exact", "astray", "accelerate", "trainer"]


@pytest.mark.parametrize("way", WAYS)
def test_replicas_stay_bit_equal_after_the_reallocation(results: list[dict[str, Any]], way: str) -> None:
    _, first, second = (one[way] for one in results)
    assert first["ranks"] == second["ranks"]
    assert sum(first["ranks"].values()) == (30 if way == "trainer" else 16)
    assert len(set(first["ranks"].values())) > 1
    assert first.get("wrapped", True)
    assert first["signal"] == second["signal"]
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name


@pytest.mark.parametrize("way", WAYS)
def test_two_processes_do_what_one_does_with_all_the_rows(results: list[dict[str, Any]], way: str) -> None:
    alone, first, _ = (one[way] for one in results)
    assert first["ranks"] == alone["ranks"]
    assert first["signal"] == pytest.approx(alone["signal"], rel=1e-3)
    for name, value in alone["weights"].items():
        torch.testing.assert_close(first["weights"][name], value, rtol=1e-2, atol=2e-3, msg=name)


@pytest.mark.parametrize(
    ("way", "settings"), [("wrapper", [True, True, False, True]), ("model", [True, False, True, True])]
)
def test_settings_and_hooks_of_the_wrapper_survive_its_renewal(
    results: list[dict[str, Any]], way: str, settings: list[bool]
) -> None:
    assert results[1][way]["forwards"] == 23
    assert results[1][way]["reductions"] == 23
    assert results[1][way]["settings"] == settings


def test_without_a_process_group_there_is_no_wrapper() -> None:
    assert find_data_parallel(nn.Linear(2, 2)) is None


def test_a_wrapper_whose_hooks_cannot_be_moved_is_refused() -> None:
    wrapper = DistributedDataParallel.__new__(DistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.mixed_precision = object()
    with pytest.raises(UnsupportedModelError, match="mixed_precision"):
        check_renewable(wrapper)
