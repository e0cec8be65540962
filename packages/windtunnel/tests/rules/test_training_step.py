from __future__ import annotations

import pytest

from windtunnel.findings import Severity

TRAIN = "src/train.py"
STEP = "            optimizer.step()\n"
SCHEDULER = "    for epoch in range(cfg.training.epochs):\n"


def test_a_loop_without_an_optimizer_step_is_found(found):
    (finding,) = found("LIF008", {TRAIN: (STEP, "")})
    assert finding.place.path == TRAIN
    assert finding.severity is Severity.BLOCKER


@pytest.mark.parametrize(
    "step", ["            optimizer.step()\n", "            torch.amp.GradScaler('cuda').step(optimizer)\n"]
)
def test_a_step_of_an_optimizer_or_a_scaler_counts(found, step: str):
    assert found("LIF008", {TRAIN: (STEP, step)}) == []


def scheduled(step: str) -> dict[str, tuple[str, str]]:
    made = "    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100)\n"
    loop = f"{made}{SCHEDULER}" + (f"        {step}\n" if step else "")
    return {TRAIN: (SCHEDULER, loop)}


def test_a_schedule_that_never_steps_is_found(found):
    (finding,) = found("LIF009", scheduled(""))
    assert "never steps" in finding.message
    assert found("LIF009", scheduled("scheduler.step()")) == []
    assert found("LIF009") == []


@pytest.mark.parametrize(
    ("gone", "what"),
    [("        model.train()\n", "trained in evaluation"), ("    model.eval()\n", "evaluated in training")],
)
def test_a_model_in_the_wrong_mode_is_found(found, gone: str, what: str):
    (finding,) = found("LIF010", {TRAIN: (gone, "")})
    assert what in finding.message


def test_a_model_in_the_right_mode_is_left_alone(found):
    assert found("LIF010") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("model(**batch.to(device)).loss", "model(**batch).loss"),
        (
            "moved = batch.to(device)\n        predicted = model(**moved)",
            "moved = dict(batch)\n        predicted = model(**moved)",
        ),
    ],
)
def test_a_batch_that_stays_behind_is_found(found, texts, old: str, new: str):
    (finding,) = found("LIF011", {TRAIN: renamed(texts, (old, new))})
    assert finding.place.path == TRAIN


def renamed(texts: dict[str, str], change: tuple[str, str]) -> str:
    """train.py with the change, and loaders that are called so."""
    text = texts[TRAIN]
    assert change[0] in text
    text = text.replace(*change)
    return text.replace("enumerate(training)", "enumerate(train_loader)").replace(
        "enumerate(validation)", "enumerate(validation_loader)"
    )


def test_batches_that_are_moved_are_left_alone(found, texts):
    assert found("LIF011", {TRAIN: renamed(texts, ("import copy", "import copy"))}) == []


def test_a_step_without_a_backward_pass_anywhere_is_found(found):
    (finding,) = found("LIF012", {"src/train.py": ("            loss.backward()\n", "")})
    assert finding.severity is Severity.BLOCKER
    assert finding.place.path == "src/train.py"


@pytest.mark.parametrize("instead", ["torch.autograd.backward(loss)", "scaler.scale(loss).backward()"])
def test_a_backward_pass_of_another_form_is_left_alone(found, instead: str):
    assert found("LIF012", {"src/train.py": ("loss.backward()", instead)}) == []
    assert found("LIF012") == []
