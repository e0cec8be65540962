from pathlib import Path

import pytest

EXPERIMENT = (Path(__file__).parent / "experiment" / "src" / "train.py").read_text()

ACCUMULATE = (
    "            optimizer.step()\n",
    "            if (step + 1) % cfg.training.accumulation == 0:\n                optimizer.step()\n",
)


def test_a_trial_that_never_steps_is_found(found):
    run = {
        "config/run/proposed-bert-sst2.yaml": ("  epochs: 3\n", "  epochs: 3\n  accumulation: 8\n"),
        "config/run/baseline-bert-sst2.yaml": ("  epochs: 3\n", "  epochs: 3\n  accumulation: 1\n"),
    }
    (finding,) = found("MDE005", run | {"src/train.py": ACCUMULATE})
    assert finding.runs == ("proposed-bert-sst2",)
    short = {
        "src/main.py": (
            "        cfg.training.epochs = 1\n",
            "        cfg.training.epochs = 1\n        cfg.training.accumulation = 1\n",
        )
    }
    assert found("MDE005", run | {"src/train.py": ACCUMULATE} | short) == []


ACCUMULATING = EXPERIMENT.replace(*ACCUMULATE)


def run(old: str, new: str) -> dict[str, tuple[str, str]]:
    return {f"config/run/{name}-bert-sst2.yaml": (old, new) for name in ("proposed", "baseline")}


ACCUMULATED = run("  epochs: 3\n", "  epochs: 3\n  accumulation: 8\n")
UNLIMITED = {"src/main.py": ("        cfg.training.max_batches = 2\n", "")}


@pytest.mark.parametrize(
    ("line", "steps"),
    [
        ('if cfg.mode == "trial" and step >= 1:', 2),
        ('if step > 2 and cfg.mode == "trial":', 3),
    ],
)
def test_a_loop_that_a_trial_leaves_early_never_steps(found, line: str, steps: int):
    left = ("            if cfg.training.max_batches and step >= cfg.training.max_batches:\n", f"            {line}\n")
    training = ACCUMULATING.replace(*left)
    (finding,) = found("MDE005", ACCUMULATED | UNLIMITED | {"src/train.py": training})
    assert f"trains on {steps}" in finding.message


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(step + 1) % cfg.training.accumulation == 0", "(step + 1) % cfg.training.accumulation == 0 or last"),
        (
            "            if cfg.training.max_batches and step >= cfg.training.max_batches:\n",
            '            if cfg.mode == "trial" and step >= 20:\n',
        ),
    ],
)
def test_a_trial_that_does_step_is_left_alone(found, old: str, new: str):
    assert old in ACCUMULATING
    assert found("MDE005", ACCUMULATED | UNLIMITED | {"src/train.py": ACCUMULATING.replace(old, new)}) == []


def test_a_trial_of_another_model_is_found_where_it_is_named(found):
    line = "        cfg.training.epochs = 1\n"
    changed = {"src/main.py": (line, f'{line}        cfg.model.name = "prajjwal1/bert-tiny"\n')}
    (finding,) = found("MDE006", changed)
    assert "bert-tiny" in finding.message
    assert finding.place.path == "src/main.py"
    assert found("MDE006") == []


SEEDS = run("  seeds: 3\n", "  seeds: [1, 2, 3]\n")
LOOP = 'range(1 if cfg.mode == "trial" else cfg.training.seeds)'


def test_a_trial_with_every_seed_is_found(found):
    loop = ("    for seed in " + LOOP, "    for seed in cfg.training.seeds")
    body = "        accuracies.append(one_seed(cfg, device, log=log))\n"
    training = EXPERIMENT.replace(*loop).replace(body, body.replace("one_seed", "train_one_seed"))
    training = training.replace("def one_seed", "def train_one_seed")
    (finding,) = found("MDE007", SEEDS | {"src/train.py": training})
    assert "3 seeds" in finding.message


def test_a_trial_with_one_seed_is_left_alone(found):
    loop = ("    for seed in " + LOOP, '    for seed in cfg.training.seeds[:1] if cfg.mode == "trial" else [1, 2]')
    assert found("MDE007", SEEDS | {"src/train.py": EXPERIMENT.replace(*loop)}) == []


WHOLE = EXPERIMENT.replace("        if step >= cfg.dataset.eval_batches:\n            break\n", "")
MODE = (
    "        cfg.training.max_batches = 2\n        cfg.dataset.eval_batches = 2\n",
    "        cfg.training.max_steps = 2\n",
)


def test_a_trial_that_evaluates_on_everything_is_found(found):
    (finding,) = found("MDE008", {"src/train.py": WHOLE, "src/main.py": MODE})
    assert "for step, batch in enumerate(validation)" in finding.evidence
    assert found("MDE008") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "    model.eval()\n",
            '    model.eval()\n    if cfg.mode == "trial":\n        validation = islice(validation, 2)\n',
        ),
        ("    right = seen = 0\n", '    right = seen = 0\n    limit = 2 if cfg.mode == "trial" else None\n'),
    ],
)
def test_an_evaluation_that_a_trial_limits_is_left_alone(found, old: str, new: str):
    assert found("MDE008", {"src/train.py": WHOLE.replace(old, new), "src/main.py": MODE}) == []


def test_a_trial_of_many_batches_is_found(found):
    limit = "        cfg.training.epochs = 1\n        cfg.dataset.limit = 2000\n        cfg.dataset.eval_batches = 2\n"
    old = (
        "        cfg.training.epochs = 1\n        cfg.training.max_batches = 2\n        cfg.dataset.eval_batches = 2\n"
    )
    limited = run("  max_length: 128\n", "  max_length: 128\n  limit: 0\n")
    (finding,) = found("MDE009", limited | {"src/main.py": (old, limit)})
    assert "63 batches" in finding.message
    assert found("MDE009", limited | {"src/main.py": (old, limit.replace("2000", "64"))}) == []
