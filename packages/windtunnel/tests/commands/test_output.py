from __future__ import annotations

import contextlib
import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from windtunnel.commands.output import check_writable, to_file, to_stdout
from windtunnel.errors import UsageError


def test_a_file_is_replaced_whole_and_keeps_its_permissions(tmp_path: Path) -> None:
    target = tmp_path / "report.json"
    target.write_text("an older and longer report")
    target.chmod(0o640)
    to_file(target, "new")
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_a_new_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    to_file(tmp_path / "new", "text")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_what_cannot_be_finished_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")

    def full(self: Path, other: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(UsageError, match="No space left on device"):
        to_file(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    to_file(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    to_file(pipe, "text")
    reader.join(timeout=10)
    assert read == ["text"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_place_that_cannot_be_written_is_refused_beforehand(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        check_writable(tmp_path / "none" / "report.json")
    with pytest.raises(UsageError, match="is a folder"):
        check_writable(tmp_path)
    check_writable(tmp_path / "report.json")
    assert list(tmp_path.iterdir()) == []


def test_what_an_encoding_lacks_is_written_out(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    to_stdout("ü…\n", encoding="ascii")
    assert capfdbinary.readouterr().out == b"\\xfc\\u2026\n"


def test_a_caller_may_take_standard_output_as_text() -> None:
    with contextlib.redirect_stdout(io.StringIO()) as taken:
        to_stdout("ü\n")
    assert taken.getvalue() == "ü\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_standard_output_is_said_in_one_line() -> None:
    program = "import sys; from windtunnel.cli import main; sys.exit(main(['rules']))"
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [sys.executable, "-c", program], check=False, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60
        )
    assert ended.returncode == 3
    assert ended.stderr.count("\n") == 1
    assert "No space left on device" in ended.stderr


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = "from windtunnel.commands.output import to_stdout; to_stdout('x' * 10_000_000); raise SystemExit(7)"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 7
