from __future__ import annotations

import hashlib
import os
from pathlib import Path

from windtunnel.evidence import CommandFlown, FileSeen, Flight
from windtunnel.evidence.flight import from_json, to_json
from windtunnel.flight.files import changed, listing


def test_new_and_changed_files_are_told_apart_and_the_rest_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    (tmp_path / "grown").write_text("1")
    before = listing(tmp_path)
    (tmp_path / "grown").write_text("12")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.json").write_text("{}")
    seen = changed(tmp_path, before, listing(tmp_path))
    digest = hashlib.sha256(b"{}").hexdigest()
    assert seen[1] == FileSeen("run/metrics.json", 2, digest, made=True)
    assert (seen[0].path, seen[0].made, len(seen)) == ("grown", False, 2)


def test_folders_that_are_left_out_and_bytecode_do_not_count(tmp_path: Path) -> None:
    for name in ("flight/report.json", "src/__pycache__/main.pyc", "run/a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert set(listing(tmp_path, leave_out=[tmp_path / "flight"])) == {"run/a"}


def test_a_link_is_listed_and_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "link").symlink_to(secret)
    os.mkfifo(folder / "pipe")
    (seen,) = changed(folder, {}, listing(folder))
    assert (seen.path, seen.sha256) == ("link", "")


def test_a_folder_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert listing(tmp_path / "none") == {}


def test_names_and_numbers_that_evidence_cannot_hold_do_not_end_the_flight(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")).touch()
    (tmp_path / "large.json").write_text('{"a": 1' + "0" * 400 + "}")
    (tmp_path / "odd.json").write_text('{"\\ud800": 1}')
    seen = changed(tmp_path, {}, listing(tmp_path))
    told = {one.path: one.numbers for one in seen}
    assert told == {"large.json": {}, "odd.json": {"?": 1.0}, "?.txt": {}}
    command = CommandFlown("a", (), "", "finished", results=seen)
    flight = Flight("full", ("a",), commands=(command,))
    assert from_json(to_json(flight)) == flight


def test_the_numbers_of_a_small_json_file_are_told_by_their_keys(tmp_path: Path) -> None:
    text = '{"a": {"b": [1, 2.5]}, "none": null, "nan": NaN, "flag": true, "text": "3"}'
    (tmp_path / "metrics.json").write_text(text)
    (tmp_path / "broken.json").write_text("[" * 100_000)
    (tmp_path / "table.txt").write_text(text)
    told = {seen.path: seen.numbers for seen in changed(tmp_path, {}, listing(tmp_path))}
    assert told == {"metrics.json": {"a.b.0": 1.0, "a.b.1": 2.5}, "broken.json": {}, "table.txt": {}}
