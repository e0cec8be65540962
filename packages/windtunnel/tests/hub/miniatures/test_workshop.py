from __future__ import annotations

import importlib.util
import threading
import time
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import MiniatureError
from windtunnel.hub import catalog
from windtunnel.hub.catalog import Miniature
from windtunnel.hub.miniatures import MiniatureWorkshop

if TYPE_CHECKING:
    from pathlib import Path


def test_a_missing_library_comes_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else found(name))
    with pytest.raises(MiniatureError, match=r"a/b cannot be made without torch; run: pip install 'windtunnel\[mini"):
        MiniatureWorkshop().make("a/b", Miniature("text_model", {}), tmp_path)


def test_a_recipe_that_fails_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(MiniatureError, match=r"no_such_recipe ended with exit code 1: .*No module named"):
        MiniatureWorkshop().make("a/b", Miniature("no_such_recipe", {}), tmp_path)


def test_closing_stops_what_is_being_made(tmp_path: Path) -> None:
    workshop = MiniatureWorkshop()
    miniature = catalog.models()["microsoft/deberta-v3-base"].source
    assert isinstance(miniature, Miniature)
    raised: list[BaseException] = []

    def make() -> None:
        try:
            workshop.make("a/b", miniature, tmp_path)
        except MiniatureError as error:
            raised.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    time.sleep(0.5)
    started = time.monotonic()
    workshop.close()
    thread.join(10)
    assert time.monotonic() - started < 5
    assert "the hub was stopped" in str(raised[0])
    with pytest.raises(MiniatureError, match="the hub was stopped"):
        workshop.make("a/b", miniature, tmp_path)
