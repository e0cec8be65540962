from __future__ import annotations

import os
from typing import TYPE_CHECKING

from windtunnel.flight.environment.kept import discard_oldest, finished, kept

if TYPE_CHECKING:
    from pathlib import Path


def test_a_half_made_environment_is_made_again_and_a_whole_one_stays(tmp_path: Path) -> None:
    with kept(tmp_path / "a") as folder:
        folder.mkdir()
        (folder / "half").touch()
    with kept(tmp_path / "a") as folder:
        assert not folder.exists()
        folder.mkdir()
        finished(folder, now=True)
    with kept(tmp_path / "a") as folder:
        assert finished(folder)


def test_those_not_wanted_for_longest_are_dropped(tmp_path: Path) -> None:
    for age, name in enumerate(("new", "older", "oldest")):
        folder = tmp_path / name
        folder.mkdir()
        finished(folder, now=True)
        os.utime(next(folder.iterdir()), (1000 - age, 1000 - age))
    discard_oldest(tmp_path, keep=tmp_path / "oldest", most=1)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"new", "oldest"}
