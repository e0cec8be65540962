import pytest


def without(line: str) -> dict[str, tuple[str, str]]:
    return {"src/main.py": (line, "")}


def test_a_trial_that_talks_to_wandb_is_found(found):
    (finding,) = found("MDE001", without('        cfg.wandb.mode = "disabled"\n'))
    assert finding.modes == ("trial",)
    assert found("MDE001") == []


def test_a_trial_that_searches_is_found(found):
    (finding,) = found("MDE002", without("        cfg.optuna.n_trials = 0\n"))
    assert finding.modes == ("trial",)
    assert found("MDE002") == []


def test_a_full_run_that_is_not_online_is_found(found):
    changed = {
        "src/main.py": ('cfg.wandb.mode = "online"', "pass"),
        "config/config.yaml": ("mode: online", "mode: offline"),
    }
    (finding,) = found("MDE003", changed)
    assert finding.modes == ("full",)
    assert found("MDE003") == []


def test_a_trial_of_full_length_is_found(found):
    lines = (
        "        cfg.training.epochs = 1\n        cfg.training.max_batches = 2\n        cfg.dataset.eval_batches = 2\n"
    )
    changed = without(lines) | {
        "src/train.py": ('range(1 if cfg.mode == "trial" else cfg.training.seeds)', "range(cfg.training.seeds)")
    }
    assert found("MDE004", changed)


@pytest.mark.parametrize("line", ["        cfg.training.epochs = 1\n", "        cfg.training.max_batches = 2\n"])
def test_a_trial_that_is_shortened_in_any_way_is_left_alone(found, line: str):
    assert found("MDE004", without(line)) == []


def test_more_than_one_epoch_in_trial_mode_is_found(found):
    (finding,) = found("MDE014", {"src/main.py": ("cfg.training.epochs = 1", "cfg.training.epochs = 5")})
    assert finding.modes == ("trial",)
    assert "is 5" in finding.message


@pytest.mark.parametrize("more", ["", "\n        cfg.training.epochs = 1"])
def test_one_epoch_in_trial_mode_is_left_alone(found, more: str):
    new = f"cfg.training.epochs = {5 if more else 1}{more}"
    assert found("MDE014", {"src/main.py": ("cfg.training.epochs = 1", new)}) == []
