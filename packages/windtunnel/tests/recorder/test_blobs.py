from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import pytest

from windtunnel.recorder.blobs import PIECE_BYTES, normalised_name
from windtunnel.recorder.errors import MalformedRequestError
from windtunnel.recorder.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "store.sqlite")
    opened.upsert("e", "p", "r", fields={}, starts=True)
    yield opened
    opened.close()


def pieces_stored(store: Store) -> int:
    with store.database.reading() as connection:
        return int(connection.execute("SELECT count(*) FROM pieces").fetchone()[0])


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES - 1])
def test_a_file_comes_back_in_pieces_of_bounded_size(store: Store, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    upload = store.blobs.upload(1, "f.json")
    for start in range(0, size, 300_000):
        upload.write(content[start : start + 300_000])
    assert store.blobs.of(1) == []  # invisible until it is whole
    upload.finish()
    (record,) = store.blobs.of(1)
    assert (record.name, record.size, record.mimetype) == ("f.json", size, "application/json")
    assert record.md5 == base64.b64encode(hashlib.md5(content).digest()).decode()  # noqa: S324 - W&B states MD5
    pieces = list(store.blobs.pieces(record.key))
    assert b"".join(pieces) == content
    assert all(len(piece) <= PIECE_BYTES for piece in pieces)


def test_a_new_version_replaces_the_old_one_and_its_bytes(store: Store) -> None:
    for content in (b"old", b"new"):
        upload = store.blobs.upload(1, "./f")
        upload.write(content)
        upload.finish()
    (record,) = store.blobs.of(1)
    assert b"".join(store.blobs.pieces(record.key)) == b"new"
    assert pieces_stored(store) == 1


def test_an_abandoned_or_unfinished_upload_leaves_the_old_version(store: Store) -> None:
    whole = store.blobs.upload(1, "f")
    whole.write(b"whole")
    whole.finish()
    abandoned = store.blobs.upload(1, "f")
    abandoned.write(b"x" * (2 * PIECE_BYTES))
    abandoned.abandon()
    store.blobs.upload(1, "f").write(b"y" * (2 * PIECE_BYTES))
    store.blobs.discard_unfinished()
    (record,) = store.blobs.of(1)
    assert b"".join(store.blobs.pieces(record.key)) == b"whole"
    assert pieces_stored(store) == 1


def test_deleting_a_run_deletes_its_files(store: Store) -> None:
    upload = store.blobs.upload(1, "f")
    upload.write(b"content")
    upload.finish()
    assert store.delete(1)
    assert pieces_stored(store) == 0
    assert not store.delete(1)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("a", "a"),
        ("./a", "a"),
        ("a/./b//c", "a/b/c"),
        ("a/x/../b", "a/b"),
        ("a\\b", "a/b"),
        ("ä ö", "ä ö"),
        ("..a", "..a"),
    ],
)
def test_names_are_normalised(said: str, name: str) -> None:
    assert normalised_name(said) == name


@pytest.mark.parametrize("said", ["", ".", "./", "..", "../a", "a/../../b", "/a", "\\a", "a\x00b", "a\nb", "x" * 2000])
def test_names_that_leave_the_run_are_refused(said: str) -> None:
    with pytest.raises(MalformedRequestError, match="file name"):
        normalised_name(said)
