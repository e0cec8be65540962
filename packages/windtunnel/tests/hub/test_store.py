from __future__ import annotations

import errno
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest

from windtunnel.errors import WindtunnelError
from windtunnel.hub.store import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_repository_is_made_once_even_when_asked_for_at_the_same_time(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(target: Path) -> None:
        made.append(target)
        (target / "file").write_text("content")

    folders: list[Path] = []
    threads = [
        threading.Thread(
            target=lambda: folders.append(Store(tmp_path).folder("models", "a/b", made_from="1" * 64, make=make))
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert {folder / "file" for folder in folders} == {folders[0] / "file"}
    assert (folders[0] / "file").read_text() == "content"


def test_another_recipe_makes_another_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.folder("models", "a/b", made_from="1" * 64, make=lambda target: None)
    second = store.folder("models", "a/b", made_from="2" * 64, make=lambda target: None)
    assert first != second


def test_a_failure_leaves_nothing_that_looks_made(tmp_path: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").write_text("x")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(WindtunnelError, match=r"a/b could not be written to .*No space left on device; free space"):
        Store(tmp_path).folder("models", "a/b", made_from="1" * 64, make=fail)
    assert [path.name for path in (tmp_path / "models" / "a--b").iterdir()] == [".lock"]
    made = Store(tmp_path).folder("models", "a/b", made_from="1" * 64, make=lambda target: None)
    assert list(made.iterdir()) == []


def test_what_an_interrupted_hub_left_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / "models" / "a--b" / ".making-old"
    left.mkdir(parents=True)
    Store(tmp_path).folder("models", "a/b", made_from="1" * 64, make=lambda target: None)
    assert not left.exists()


def test_the_oldest_go_when_the_store_is_full_but_none_of_the_last_day(tmp_path: Path) -> None:
    def make(target: Path) -> None:
        (target / "file").write_bytes(bytes(100))

    store = Store(tmp_path, most_bytes=250)
    names = ("a/old", "a/older", "a/new", "a/wanted")
    old, older, new, wanted = (store.folder("models", name, made_from="1" * 64, make=make) for name in names)
    for folder, days in ((old, 3), (older, 4), (wanted, 9)):
        os.utime(folder, (time.time() - days * 86_400,) * 2)
    assert store.folder("models", "a/wanted", made_from="1" * 64, make=make) == wanted
    last = store.folder("models", "a/last", made_from="1" * 64, make=make)
    assert [folder.is_dir() for folder in (old, older, new, wanted, last)] == [False, False, True, True, True]
