from pathlib import Path

import pytest

from windtunnel.findings import Severity

EXPERIMENT = Path(__file__).parent / "experiment" / "src" / "train.py"
OPEN = "    if log:\n        wandb.init("


def test_a_log_before_any_run_is_found(found):
    changed = {"src/train.py": (OPEN, '    if cfg.mode == "full":\n        wandb.init(')}
    (finding,) = found("WAB008", changed)
    assert finding.modes == ("trial",)
    assert found("WAB008") == []


@pytest.mark.parametrize("condition", ["wandb.run is not None", "wandb.run"])
def test_a_log_that_asks_for_the_run_first_is_left_alone(found, condition: str):
    training = EXPERIMENT.read_text().replace(OPEN, '    if cfg.mode == "full":\n        wandb.init(')
    for indent in ("        ", "            "):
        training = training.replace(
            f"{indent}if log:\n{indent}    wandb.log", f"{indent}if {condition}:\n{indent}    wandb.log"
        )
    assert f"if {condition}:" in training
    assert found("WAB008", {"src/train.py": training}) == []


def test_a_run_that_a_library_opens_is_left_alone(found):
    changed = {
        "src/train.py": (OPEN, '    arguments = dict(report_to="wandb")\n    if log and False:\n        wandb.init(')
    }
    assert found("WAB008", changed) == []


@pytest.mark.parametrize(
    ("old", "new", "severity"),
    [
        ("            project=cfg.wandb.project,\n", "", Severity.BLOCKER),
        ("            entity=cfg.wandb.entity,\n", "", Severity.WARNING),
        ("project=cfg.wandb.project", 'project="another"', Severity.BLOCKER),
    ],
)
def test_a_run_in_another_project_is_found(found, old: str, new: str, severity: Severity):
    assert [finding.severity for finding in found("WAB009", {"src/train.py": (old, new)})] == [severity]
    assert found("WAB009") == []


def test_a_project_from_the_environment_is_left_alone(found):
    changed = {
        "src/train.py": ("            project=cfg.wandb.project,\n", ""),
        "src/main.py": ("import hydra\n", 'import os\n\nimport hydra\n\nos.environ["WANDB_PROJECT"] = "small"\n'),
    }
    assert found("WAB009", changed) == []


def test_a_run_without_summary_is_a_warning(found):
    changed = {"src/train.py": ('        wandb.summary["accuracy"] = mean\n', "")}
    assert [finding.severity for finding in found("WAB010", changed)] == [Severity.WARNING]
    assert found("WAB010") == []


def test_a_path_that_lacks_the_project_is_found(found):
    changed = {"src/evaluate.py": ("{settings.entity}/{settings.project}/{run_id}", "{settings.entity}/{run_id}")}
    (finding,) = found("WAB009", changed)
    assert finding.place.path == "src/evaluate.py"
    assert "where the project belongs" in finding.message


def test_a_path_of_project_and_run_is_left_alone(found):
    changed = {"src/evaluate.py": ("{settings.entity}/{settings.project}/{run_id}", "{settings.project}/{run_id}")}
    assert found("WAB009", changed) == []
