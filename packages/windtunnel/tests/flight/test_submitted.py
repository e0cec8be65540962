from __future__ import annotations

import json
from typing import TYPE_CHECKING

from windtunnel.flight.submitted import as_folder
from windtunnel.submission import load

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_flown_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.py").write_text("")
    with as_folder(load(str(tmp_path))) as folder:
        assert folder == tmp_path.resolve()
    assert (tmp_path / "src" / "main.py").exists()


def test_a_submission_as_json_becomes_a_folder_with_the_given_runs_and_is_gone_afterwards(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    (runs / "proposed-a.yaml").write_text("run_id: proposed-a\n")
    submission = tmp_path / "submission.json"
    submission.write_text(json.dumps({"main_py": "print('done')\n", "config_yaml": "mode: ???\n"}))
    with as_folder(load(str(submission), runs=runs), replaced_runs=True) as folder:
        assert (folder / "src" / "main.py").read_text() == "print('done')\n"
        assert [path.name for path in folder.glob("config/*/*.yaml")] == ["proposed-a.yaml"]
    assert not folder.exists()


def test_given_runs_replace_those_of_a_folder_in_a_copy_alone(tmp_path: Path) -> None:
    repository, runs = tmp_path / "repository", tmp_path / "runs"
    for path in (repository / "config/run/old.yaml", repository / "src/main.py", runs / "new.yaml"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("run_id: x\n")
    with as_folder(load(str(repository), runs=runs), replaced_runs=True) as folder:
        assert [path.name for path in (folder / "config/run").iterdir()] == ["new.yaml"]
        assert (folder / "src/main.py").exists()
    assert (repository / "config/run/old.yaml").exists()
