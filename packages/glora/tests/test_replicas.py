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
def replicas(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Run two processes over loopback and return what each ended with."""
    folder = tmp_path_factory.mktemp("replicas")
    command = [sys.executable, str(Path(__file__).with_name("replica.py"))]
    processes = [
        subprocess.Popen([*command, str(rank), str(folder)], stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    try:
        errors = [process.communicate(timeout=200)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(errors)
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize(("given", "settings"), [("wrapper", [True, True, False]), ("model", [True, False, True])])
def test_replicas_stay_bit_equal_after_the_reallocation(
    replicas: list[dict[str, Any]], given: str, settings: list[bool]
) -> None:
    first, second = replicas[0][given], replicas[1][given]
    assert first["ranks"] == second["ranks"]
    assert sum(first["ranks"].values()) == 16
    assert len(set(first["ranks"].values())) > 1
    for name, value in first["weights"].items():
        assert torch.equal(value, second["weights"][name]), name
    # Settings and hooks of the wrapper survive its renewal.
    assert first["forwards"] == 13
    assert first["settings"] == settings


def test_without_a_process_group_there_is_no_wrapper() -> None:
    assert find_data_parallel(nn.Linear(2, 2)) is None


def test_a_wrapper_whose_hooks_cannot_be_moved_is_refused() -> None:
    wrapper = DistributedDataParallel.__new__(DistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.mixed_precision = object()
    with pytest.raises(UnsupportedModelError, match="mixed_precision"):
        check_renewable(wrapper)
