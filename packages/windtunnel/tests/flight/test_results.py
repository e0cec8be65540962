from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import FlightError
from windtunnel.flight import results
from windtunnel.flight.results import LOCK_NAME, hold, move_earlier, require_free_space

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys, time
from pathlib import Path
from windtunnel.flight.results import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_flight_in_the_same_folder_is_refused_until_the_first_dies(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(FlightError, match=rf"in use by another flight \(process {other.pid}\)"), hold(tmp_path):
            pass
        other.kill()
    assert (tmp_path / LOCK_NAME).exists()
    with hold(tmp_path):
        pass
    assert not (tmp_path / LOCK_NAME).exists()


def test_the_earlier_flight_is_moved_and_nothing_else(tmp_path: Path) -> None:
    for name in ("flight", "comparison", "run-a", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    target = move_earlier(tmp_path, ["run-a", "run-b"])
    assert target is not None
    assert target.parent == tmp_path / "earlier"
    assert {path.name for path in target.iterdir()} == {"flight", "comparison", "run-a"}
    assert {path.name for path in tmp_path.iterdir()} == {"earlier", "mine"}


def test_runs_of_the_earlier_flight_are_moved_though_their_configurations_are_gone(tmp_path: Path) -> None:
    for name in ("flight", "run-a", "renamed-since", "mine", "earlier"):
        (tmp_path / name).mkdir()
    report = {"run_ids": ["run-a", "renamed-since", "../mine", "earlier", ".", 7]}
    (tmp_path / "flight" / "report.json").write_text(json.dumps(report))
    target = move_earlier(tmp_path, ["run-a"])
    assert target is not None
    assert {path.name for path in target.iterdir()} == {"flight", "run-a", "renamed-since"}
    assert {path.name for path in tmp_path.iterdir()} == {"earlier", "mine"}


def test_two_moves_within_a_second_do_not_meet(tmp_path: Path) -> None:
    targets = set()
    for _ in range(3):
        (tmp_path / "flight").mkdir()
        targets.add(move_earlier(tmp_path, []))
    assert len(targets) == 3


def test_an_empty_folder_has_no_earlier_flight(tmp_path: Path) -> None:
    assert move_earlier(tmp_path, ["run-a"]) is None
    assert not list(tmp_path.iterdir())


def test_a_nearly_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_free_space(tmp_path)
    monkeypatch.setattr(results, "LEAST_FREE_BYTES", 2**62)
    with pytest.raises(FlightError, match="MiB left and a flight needs"):
        require_free_space(tmp_path)
