from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from windtunnel.flight.sandbox import bubblewrap_trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .conftest import Experiment

FLIGHTS = 100


def traces(temporary: Path) -> dict[str, Any]:
    """What this process and its children hold of the machine."""
    own = psutil.Process()
    return {
        "processes": own.children(recursive=True),
        "descriptors": own.num_fds(),
        "threads": threading.active_count(),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "ports": sorted(c.laddr for c in own.net_connections() if c.status == psutil.CONN_LISTEN),
        "temporary files": list(temporary.iterdir()),
    }


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A TMPDIR that is short enough for the sockets to lie below it, as those below tmp_path are not."""
    with tempfile.TemporaryDirectory(prefix="leftovers-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_hundred_flights_in_a_row_leave_nothing_behind(experiment: Experiment, temporary: Path) -> None:
    if reason := bubblewrap_trouble():
        pytest.skip(reason)
    experiment.run("proposed-a", "subprocess.run(['uv', 'run', 'python', '-c', 'print(1)'], check=True)")
    assert experiment.fly(unsandboxed=False, mode="full").exit_code == 0  # what is made once is made
    before = traces(temporary)
    for _ in range(FLIGHTS):
        flown = experiment.fly(unsandboxed=False, mode="full")
        assert flown.exit_code == 0, flown.err
        assert flown.report["sandbox"] == "bubblewrap"
    assert traces(temporary) == before
    kept = {path.name for path in (experiment.results_dir / "flight").iterdir()}
    assert "work" not in kept
    assert not any(part.startswith(".") for part in kept)
