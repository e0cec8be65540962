from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from windtunnel.flight.workspace import MARKER, Workspace


def test_the_environment_is_made_from_an_allowlist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "PYTHONPATH", "http_proxy"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    environment = Workspace(tmp_path).environment(tmp_path / "tmp", {"WANDB_BASE_URL": "http://127.0.0.1:1"})
    assert "secret" not in environment.values()
    assert environment["CUDA_VISIBLE_DEVICES"] == "1"
    assert environment["OMP_NUM_THREADS"] == "2"
    assert environment["WANDB_BASE_URL"] == "http://127.0.0.1:1"
    programs = [str(tmp_path / "flight" / "work" / "home" / ".local" / "bin"), str(Path(sys.executable).parent)]
    assert environment["PATH"].split(os.pathsep)[:2] == programs
    assert environment[MARKER] == str(tmp_path)


@pytest.mark.parametrize("compiled", [True, False])
def test_python_is_compiled_at_most_once_and_never_into_the_environment(compiled: bool, tmp_path: Path) -> None:
    library = tmp_path / "prefix" / "lib" / "python3.11" / "site-packages" / "yaml" / "__pycache__"
    library.mkdir(parents=True)
    if compiled:
        (library / "x.pyc").touch()
    environment = Workspace(tmp_path).environment(tmp_path / "tmp", {}, prefix=tmp_path / "prefix")
    assert ("PYTHONDONTWRITEBYTECODE" in environment) == compiled
    assert ("PYTHONPYCACHEPREFIX" in environment) != compiled


def test_every_folder_the_commands_are_told_to_use_goes_away_with_the_flight(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    environment = workspace.environment(workspace.prepare(), {})
    told = {name for name in environment if name.startswith("XDG_") or name in {"HOME", "MPLCONFIGDIR"}}
    assert len(told) == 6
    assert all(Path(environment[name]).is_relative_to(workspace.work) for name in told)
    workspace.discard()
    assert {path.name for path in workspace.flight.iterdir()} == {"logs"}


@pytest.mark.parametrize("temporary", ["", "long" * 10])
def test_a_deep_folder_gets_a_short_tmpdir_that_leads_into_it(
    temporary: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if temporary:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))  # not even made: it cannot be used
    workspace = Workspace(tmp_path / ("deep" * 20))
    tmp = workspace.prepare()
    assert len(str(tmp)) <= 60
    (tmp / "file").touch()
    assert (workspace.work / "tmp" / "file").exists()
    workspace.discard()
    assert not tmp.parent.exists()
    assert not workspace.work.exists()


def test_folders_that_nobody_may_enter_go_away_too(tmp_path: Path) -> None:
    child = os.fork()
    if not child:  # root may enter any folder, so this is another's test
        code = 1
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            workspace = Workspace(Path(tempfile.mkdtemp(prefix="windtunnel-test-")))
            closed = workspace.work / "repository" / "closed"
            (closed / "inner").mkdir(parents=True)
            closed.chmod(0)
            workspace.discard()
            code = int(workspace.work.exists())
            shutil.rmtree(workspace.results_dir)
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
