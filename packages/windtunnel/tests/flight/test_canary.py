from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from windtunnel.flight.canary import FOLDER, Canary

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_a_canary_that_nobody_touched_is_alive_and_gone_afterwards(tmp_path: Path) -> None:
    canary = Canary(tmp_path)
    canary.put()
    assert canary.take()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "touch",
    [
        lambda folder: (folder / "metrics.json").write_text("{}"),
        lambda folder: (folder / "figure.pdf").write_text(""),
        shutil.rmtree,
    ],
    ids=["rewritten", "something beside it", "wiped"],
)
def test_whoever_touches_it_gives_itself_away(tmp_path: Path, touch: Callable[[Path], object]) -> None:
    canary = Canary(tmp_path)
    canary.put()
    touch(tmp_path / FOLDER)
    assert not canary.take()
    assert list(tmp_path.iterdir()) == []


def test_a_canary_replaced_by_a_link_does_not_lead_the_removal_out(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_text("kept")
    results = tmp_path / "results"
    canary = Canary(results)
    canary.put()
    shutil.rmtree(results / FOLDER)
    (results / FOLDER).symlink_to(elsewhere)
    assert not canary.take()
    assert (elsewhere / "kept").read_text() == "kept"
    assert list(results.iterdir()) == []
