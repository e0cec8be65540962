"""One thread for each test worker, since two workers that share two cores with two threads each mostly wait."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# how long it takes to draw an example says something of the machine, and nothing of the code
settings.register_profile("any-machine", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("any-machine")

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; the processes that tests start inherit it
