from __future__ import annotations

import hashlib
import subprocess
from typing import TYPE_CHECKING

from windtunnel.hub.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path


def _files(root: Path) -> Path:
    (root / "data").mkdir(parents=True)
    (root / "README.md").write_text("text")
    (root / "data" / "rows.parquet").write_bytes(b"PAR1 rows")
    return root


def test_small_files_have_git_ids_and_large_ones_their_digest(tmp_path: Path) -> None:
    repository = Repository.read("dataset", "a/b", _files(tmp_path / "files"))
    readme, rows = repository.files["README.md"], repository.files["data/rows.parquet"]
    git = subprocess.run(["git", "hash-object", "--stdin"], input=b"text", capture_output=True, check=True)
    assert readme.etag == git.stdout.decode().strip()
    assert rows.etag == hashlib.sha256(b"PAR1 rows").hexdigest()
    assert rows.listing()["lfs"] == {"oid": rows.etag, "size": 9, "pointerSize": 43 + 76 + 7}


def test_the_commit_follows_the_content_alone(tmp_path: Path) -> None:
    first = Repository.read("dataset", "a/b", _files(tmp_path / "first"))
    second = Repository.read("dataset", "a/b", _files(tmp_path / ".cache" / "second"))
    assert first.commit == second.commit
    (tmp_path / "first" / "README.md").write_text("changed")
    assert Repository.read("dataset", "a/b", tmp_path / "first").commit != second.commit
    assert second.at("main") is second
    assert second.at(second.commit) is second
    assert second.at(first.commit[:7]) is None
    assert second.at("refs/convert/parquet") is None


def test_bytecode_beside_the_files_is_not_part_of_it(tmp_path: Path) -> None:
    folder = _files(tmp_path / "files")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"0")
    assert set(Repository.read("model", "a/b", folder).files) == {"README.md", "data/rows.parquet"}
