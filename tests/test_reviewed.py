"""What windtunnel says of the experiment beside it, the one machine-written layout known to run."""

from __future__ import annotations

import io
import json
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from windtunnel.check import check
from windtunnel.findings import Severity

if TYPE_CHECKING:
    from windtunnel.verdict import Verdict

AS_OF = date(2026, 11, 1)
EXPERIMENT = Path(__file__).parents[1] / "experiments" / "glora-glue"
FIELDS = {
    "train_py": "src/train.py",
    "evaluate_py": "src/evaluate.py",
    "preprocess_py": "src/preprocess.py",
    "model_py": "src/model.py",
    "main_py": "src/main.py",
    "pyproject_toml": "pyproject.toml",
    "config_yaml": "config/config.yaml",
}


def graver_than_notes(verdict: Verdict) -> list[str]:
    return [
        f"{finding.code} {finding.place}: {finding.message}"
        for finding in verdict.findings
        if finding.severity is not Severity.NOTE
    ]


def test_the_experiment_in_its_workspace_is_ready():
    verdict = check(EXPERIMENT, as_of=AS_OF)
    assert graver_than_notes(verdict) == []
    assert verdict.outcome == "ready"


@pytest.mark.parametrize("form", ["folder", "document"])
def test_its_seven_files_alone_are_undecided_for_the_method_that_no_index_has(form: str, tmp_path: Path):
    runs = tmp_path / "runs"
    shutil.copytree(EXPERIMENT / "config" / "run", runs)
    if form == "document":
        texts = {field: (EXPERIMENT / path).read_text(encoding="utf-8") for field, path in FIELDS.items()}
        verdict = check("-", runs=runs, as_of=AS_OF, stdin=io.BytesIO(json.dumps(texts).encode()))
    else:
        for path in FIELDS.values():
            copy = tmp_path / "alone" / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(EXPERIMENT / path, copy)
        verdict = check(tmp_path / "alone", runs=runs, as_of=AS_OF)
    (reason,) = graver_than_notes(verdict)
    assert reason.startswith("DEP005")
    assert "glora" in reason
    assert verdict.exit_code == 3
