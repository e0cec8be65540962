import pytest

SPACE = "    training.learning_rate:\n"
UPDATE = "OmegaConf.update(tried, name, value)"


def runs_with(name: str) -> dict[str, tuple[str, str]]:
    return {f"config/run/{kind}-bert-sst2.yaml": (SPACE, f"    {name}:\n") for kind in ("proposed", "baseline")}


def test_a_name_that_reaches_nothing_is_found(found):
    (finding,) = found(
        "OPT001",
        runs_with("learning_rate") | {"src/train.py": (UPDATE, UPDATE.replace("value)", "value, force_add=True)"))},
    )
    assert "'learning_rate'" in finding.message
    assert finding.place.path == "src/train.py"
    assert {place.path for place in finding.related} == {
        "config/run/proposed-bert-sst2.yaml",
        "config/run/baseline-bert-sst2.yaml",
    }


@pytest.mark.parametrize(
    "use",
    [
        UPDATE,
        "tried.training.learning_rate = float(value)",
        'tried.training[name.split(".")[-1]] = value',
        "torch.optim.SGD([], lr=value)",
    ],
)
def test_a_name_that_is_used_is_left_alone(found, use: str):
    assert found("OPT001", {"src/train.py": (UPDATE, use)}) == []


def test_an_objective_that_is_always_the_same_is_found(found):
    (finding,) = found(
        "OPT002", {"src/train.py": ("return train(tried, log=False)", "train(tried, log=False)\n        return 0.0")}
    )
    assert "0.0" in finding.message
    assert found("OPT002") == []


def test_a_trial_that_changes_the_final_run_is_found(found):
    findings = found(
        "OPT003", {"src/train.py": ("tried = copy.deepcopy(cfg)", "tried = cfg\n        tried.training.epochs = 1")}
    )
    assert len(findings) == 1
    assert "'training.epochs'" in findings[0].message


def test_a_trial_in_trial_mode_is_found(found):
    (finding,) = found(
        "OPT003",
        {"src/train.py": ("tried = copy.deepcopy(cfg)", 'tried = copy.deepcopy(cfg)\n        tried.mode = "trial"')},
    )
    assert "trial mode" in finding.message


def test_a_trial_that_changes_a_copy_is_left_alone(found):
    assert (
        found(
            "OPT003",
            {
                "src/train.py": (
                    "tried = copy.deepcopy(cfg)",
                    "tried = copy.deepcopy(cfg)\n        tried.training.epochs = 1",
                )
            },
        )
        == []
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("low: 1e-5", "low: 1.0", "above high"),
        ("low: 1e-5", "low: 0", "log scale"),
        ("      type: loguniform\n", "", "neither a type nor choices"),
        ("type: loguniform", "type: categorical", "without choices"),
        ("      high: 1e-3\n", "", "lacks low or high"),
        ("n_trials: 5", "n_trials: -1", "not a count"),
        ("n_trials: 5", "n_trials: 5\n  direction: upwards", "neither 'minimize' nor 'maximize'"),
    ],
)
def test_a_search_space_that_optuna_refuses_is_found(found, old: str, new: str, words: str):
    (finding,) = found("OPT004", {"config/run/proposed-bert-sst2.yaml": (old, new)})
    assert words in finding.message
    assert finding.place.path == "config/run/proposed-bert-sst2.yaml"
    assert finding.place.line > 0


def test_a_search_space_that_is_well_formed_is_left_alone(found):
    assert (
        found(
            "OPT004",
            {
                "config/run/proposed-bert-sst2.yaml": (
                    "      type: loguniform\n      low: 1e-5\n      high: 1e-3\n",
                    "      choices: [1e-4, 1e-3]\n",
                )
            },
        )
        == []
    )
