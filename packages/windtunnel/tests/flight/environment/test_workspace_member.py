from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.flight.environment import Environment, prepare
from windtunnel.flight.environment.workspace_member import workspace_of

WORKSPACE = '[project]\nname = "root"\nversion = "1"\n[tool.uv.workspace]\nmembers = ["members/*"]\n'


def test_a_member_is_told_from_what_merely_lies_beneath_a_workspace(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(WORKSPACE)
    for name in ("members/a", "elsewhere/b"):
        (tmp_path / name).mkdir(parents=True)
    assert workspace_of(tmp_path / "members" / "a") is None  # there is no lock to install from
    (tmp_path / "uv.lock").write_text("version = 1\n")
    assert workspace_of(tmp_path / "members" / "a") == tmp_path
    assert workspace_of(tmp_path / "elsewhere" / "b") is None


@pytest.mark.slow
def test_the_projects_own_experiment_is_installed_from_the_lock() -> None:
    root = next((folder for folder in Path(__file__).parents if (folder / "uv.lock").is_file()), None)
    if root is None:
        pytest.skip("not in the workspace")
    environment = prepare("project", root / "experiments" / "glora-glue")
    assert isinstance(environment, Environment), environment
    assert environment.python.is_file()
    assert {"glora", "torch", "transformers"} <= set(environment.versions)
    assert environment.prefix != Path(root / ".venv")
