from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from windtunnel import __version__
from windtunnel.cli import main

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name, text in {
        "src/main.py": "raise RuntimeError('boom')\n",
        "config/config.yaml": "",
        "config/run/proposed-a.yaml": "",
    }.items():
        path = tmp_path / "experiment" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "experiment"


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """The exit code and the one message of a command that must print nothing else."""
    try:
        code = main(arguments)
    except SystemExit as ended:  # argparse's own way out
        code = int(ended.code or 0)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return code, captured.err


def test_help_shows_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["fly", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        assert "exit codes:" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["fly", "--help"])
    assert "windtunnel fly experiments/glora-glue --mode full" in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"windtunnel {__version__}\n"


def test_a_path_that_does_not_exist(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, err = fails(capsys, "fly", str(tmp_path / "none"))
    assert code == 2
    assert err.startswith("windtunnel: ")
    assert "No such file or directory" in err


def test_an_unknown_run_id(capsys: pytest.CaptureFixture[str], repository: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    code, err = fails(
        capsys, "fly", str(repository), "--run", "proposed-b", "--sandbox", "none", "--results-dir", str(results)
    )
    assert code == 2
    assert "Did you mean proposed-a" in err
    assert not results.exists()


def test_a_repository_outside_the_workspace_is_refused_without_bubblewrap(
    capsys: pytest.CaptureFixture[str], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("windtunnel.flight.containment.bubblewrap_trouble", lambda: "there is no bwrap on the PATH")
    code, err = fails(capsys, "fly", str(repository))
    assert code == 3
    assert "--sandbox none" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["fly", ".", "--mode", "fast"],
        ["fly", ".", "--serve", "nonsense"],
        ["fly", ".", "--timeout", "soon"],
        ["hub", "--port", "99999"],
        ["hub", "--serve", "a/b=/nowhere/at/all"],
        ["land"],
        [],
    ],
)
def test_a_command_line_that_cannot_be(
    capsys: pytest.CaptureFixture[str], arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, err = fails(capsys, *arguments)
    assert code == 2
    assert err


def test_a_failing_run_exits_1_and_shows_its_last_words(
    capsys: pytest.CaptureFixture[str], repository: Path, tmp_path: Path
) -> None:
    code = main(["fly", str(repository), "--sandbox", "none", "--results-dir", str(tmp_path / "results")])
    captured = capsys.readouterr()
    assert code == 1
    assert "proposed-a failed: exit code 1: RuntimeError: boom" in captured.err
    assert "proposed-a" in captured.out


@pytest.mark.parametrize(
    ("arguments", "exported"),
    [(["hub", "--store", "store"], "HF_ENDPOINT"), (["recorder", "--db", "new/runs.sqlite"], "WANDB_API_KEY")],
)
def test_a_server_prints_exports_for_a_shell_and_ends_with_ctrl_c(
    tmp_path: Path, arguments: list[str], exported: str
) -> None:
    command = [sys.executable, "-m", "windtunnel.cli", *arguments]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as server:
        assert server.stderr is not None
        said = server.stderr.readline()
        assert "Ctrl-C ends it" in said
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=30)
    assert server.returncode == 130
    assert "Traceback" not in err
    exports = dict(line.removeprefix("export ").split("=", 1) for line in out.splitlines())
    assert exports[exported]
    if exported == "WANDB_API_KEY":
        assert exports[exported] not in said + err
    script = "\n".join([*out.splitlines(), f'printf %s "${exported}"'])
    seen = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert seen == exports[exported].strip("'")


def test_a_taken_port_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, err = fails(capsys, "recorder", "--port", port, "--db", str(tmp_path / "db"))
    assert code == 2
    assert f"port {port}" in err


def test_a_fault_of_windtunnel_shows_its_traceback_and_is_no_failed_run(
    capsys: pytest.CaptureFixture[str], repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> int:
        raise ZeroDivisionError("inner")

    monkeypatch.setattr("windtunnel.flight.fly", broken)
    assert main(["fly", str(repository)]) == 3
    err = capsys.readouterr().err
    assert "ZeroDivisionError: inner" in err
    assert "fault of windtunnel" in err
