"""What a slow or busy machine must not decide: threads for each test worker, and time for what has a deadline."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# how long it takes to draw an example says something of the machine, and nothing of the code
settings.register_profile("any-machine", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("any-machine")

# two workers that share two cores with two threads each mostly wait
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; the processes that tests start inherit it


@pytest.fixture(scope="session", autouse=True)
def _time_to_check() -> Iterator[None]:
    """A check that is cut off is undecided, which says something of the machine too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("windtunnel.check", "windtunnel.judging"):
            if name in sys.modules:  # what no test of this worker imports is not needed
                patch.setattr(sys.modules[name], "TIME_BUDGET_SECONDS", 240.0)
        yield
