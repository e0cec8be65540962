from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from windtunnel.flight.programs import write_programs


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    write_programs(tmp_path / "bin")
    (tmp_path / "part.py").write_text("import sys\nprint('part', *sys.argv[1:])\n")
    path = os.pathsep.join([str(tmp_path / "bin"), str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    return subprocess.run(
        ["uv", *arguments], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "python", "-u", "-m", "part", "a=1", "--b"),
        ("run", "--frozen", "--python", "3.11", "python", "part.py", "a=1", "--b"),
        ("run", "part.py", "a=1", "--b"),
        ("run", "-m", "part", "a=1", "--b"),
        ("run", "--", "python", "part.py", "a=1", "--b"),
    ],
)
def test_uv_run_runs_in_the_environment_that_is_there(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (0, "part a=1 --b\n")
    assert "[windtunnel] uv run" in done.stderr


def test_the_exit_code_is_that_of_the_program(tmp_path: Path) -> None:
    assert run(tmp_path, "run", "python", "-c", "raise SystemExit(7)").returncode == 7


def test_what_would_fetch_packages_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path, "pip", "install", "torch")
    assert done.returncode == 2
    assert "uv pip install torch: a flight answers 'uv run' alone" in done.stderr
