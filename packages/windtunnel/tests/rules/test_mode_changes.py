from __future__ import annotations

import pytest

from windtunnel.findings import Severity

FULL = 'elif cfg.mode == "full":\n        cfg.wandb.mode = "online"'
TRIAL = "cfg.training.epochs = 1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('if cfg.mode == "trial":', 'if cfg.mode == "debug":'),
        ('if cfg.mode == "trial":', 'if cfg["mode"] == "trail":'),
        ('if cfg.mode == "trial":', 'if cfg.mode in {"trial", "full"}:'),
        ('elif cfg.mode == "full":', 'elif cfg.get("mode") == "production":'),
    ],
)
def test_a_mode_that_there_is_not_is_found(found, old: str, new: str):
    (finding,) = found("MDE010", {"src/main.py": (old, new)})
    assert finding.place.path == "src/main.py"


@pytest.mark.parametrize(
    "line",
    [
        'if cfg.mode not in {"trial", "full"}: raise ValueError(cfg.mode)',
        'if cfg.wandb.mode == "disabled": pass',
        'assert cfg.mode in ("trial", "full")',
        'if cfg.mode != "trial": pass',
    ],
)
def test_a_check_of_the_mode_is_left_alone(found, line: str):
    assert found("MDE010", {"src/main.py": (TRIAL, f"{line}\n        {TRIAL}")}) == []


@pytest.mark.parametrize(
    ("line", "key"),
    [("cfg.training.epochs = 1", "training.epochs"), ("cfg.optuna.n_trials = 0", "optuna.n_trials")],
)
def test_a_full_run_that_is_cut_short_is_found(found, line: str, key: str):
    (finding,) = found("MDE011", {"src/main.py": (FULL, f"{FULL}\n        {line}")})
    assert key in finding.message
    assert finding.modes == ("full",)


def test_a_full_run_that_sets_what_is_configured_is_left_alone(found):
    assert found("MDE011", {"src/main.py": (FULL, f"{FULL}\n        cfg.training.epochs = 3")}) == []


def test_trials_that_are_done_are_not_done_again(found):
    searched = "cfg = search(cfg)\n        cfg.optuna.n_trials = 0"
    assert found("MDE011", {"src/main.py": ("cfg = search(cfg)", searched)}) == []


def test_a_trial_of_another_method_is_found(found):
    (finding,) = found("MDE012", {"src/main.py": (TRIAL, f'{TRIAL}\n        cfg.method = "ablation"')})
    assert "'ablation'" in finding.message
    assert found("MDE012", {"src/main.py": (TRIAL, f"{TRIAL}\n        cfg.model.rank = 4")}) == []


CUT = """\
    if cfg.mode == "trial":
        {cut}
    size = cfg.training.batch_size
"""
WITHOUT_LIMITS = ("cfg.training.max_batches = 2\n        cfg.dataset.eval_batches = 2", "pass")


def trial_cutting(cut: str) -> dict[str, tuple[str, str]]:
    return {
        "src/main.py": WITHOUT_LIMITS,
        "src/train.py": ('1 if cfg.mode == "trial" else cfg.training.seeds', "cfg.training.seeds"),
        "src/preprocess.py": ("    size = cfg.training.batch_size\n", CUT.format(cut=cut)),
    }


def test_a_trial_that_cuts_the_evaluated_rows_alone_is_found(found):
    (finding,) = found("MDE013", trial_cutting('validation = ready["validation"].select(range(8))'))
    assert finding.severity is Severity.WARNING
    assert finding.place.path == "src/preprocess.py"


def test_a_trial_that_cuts_training_too_is_left_alone(found):
    cut = 'train, validation = ready["train"].select(range(8)), ready["validation"].select(range(8))'
    assert found("MDE013", trial_cutting(cut)) == []
    assert found("MDE013") == []
