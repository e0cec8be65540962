from __future__ import annotations

from datetime import date

import pytest

from windtunnel.findings import Severity

MODEL, TRAIN = "src/model.py", "src/train.py"
LOSS = "            loss = outputs.loss\n"
BACKWARD = "            loss.backward()\n"
WRAP = "    return get_peft_model(base, adapter)"


def loss(*lines: str) -> dict[str, tuple[str, str]]:
    return {TRAIN: (LOSS, "".join(f"            {line}\n" for line in lines))}


@pytest.mark.parametrize(
    "lines",
    [
        ["loss = torch.tensor(outputs.loss.item() / 4)"],
        [
            "total = 0.0",
            "for _ in range(3):",
            "    total += outputs.loss.item()",
            "loss = torch.tensor(total / 3, device=device) / 2",
        ],
        ["loss = torch.tensor(float(outputs.loss.item()), requires_grad=True)"],
    ],
)
def test_a_loss_made_of_plain_numbers_is_found(found_causal, lines: list[str]):
    (finding,) = found_causal("LIF001", loss(*lines))
    assert finding.severity is Severity.BLOCKER
    assert "torch.tensor" in finding.evidence


@pytest.mark.parametrize(
    "lines",
    [
        ["loss = outputs.loss / 4"],
        ["loss = outputs.loss + torch.tensor(outputs.loss.item())"],
        ["loss = torch.tensor(0.0)", "loss = loss + outputs.loss"],
        ["loss = torch.stack([outputs.loss, outputs.loss]).mean()"],
    ],
)
def test_a_loss_with_a_graph_is_left_alone(found_causal, lines: list[str]):
    assert found_causal("LIF001", loss(*lines)) == []


def test_a_backward_pass_without_gradients_is_found(found_causal):
    generated = "        seen += len(texts)\n"
    measured = generated + "        model(**batch).loss.backward()\n"
    (finding,) = found_causal("LIF002", {TRAIN: (generated, measured)})
    assert finding.severity is Severity.BLOCKER
    open_ = generated + "        with torch.enable_grad():\n            model(**batch).loss.backward()\n"
    assert found_causal("LIF002", {TRAIN: (generated, open_)}) == []


def test_only_the_forward_pass_needs_gradients_to_be_on(found_causal):
    inside = "            with torch.no_grad():\n                loss.backward()\n"
    assert found_causal("LIF002", {TRAIN: (BACKWARD, inside)}) == []
    both = "            with torch.no_grad():\n                model(**batch).loss.backward()\n"
    assert len(found_causal("LIF002", {TRAIN: (BACKWARD, both)})) == 1


CHECKPOINTED = "    model = get_peft_model(base, adapter)\n    model.gradient_checkpointing_enable()\n    return model"


def test_checkpointing_of_a_frozen_base_is_found(found_causal):
    (finding,) = found_causal("LIF003", {MODEL: (WRAP, CHECKPOINTED)})
    assert finding.severity is Severity.BLOCKER
    assert [place.path for place in finding.related] == [TRAIN]


@pytest.mark.parametrize(
    "body",
    [
        CHECKPOINTED.replace("    return", "    model.enable_input_require_grads()\n    return"),
        CHECKPOINTED.replace("enable()", 'enable(gradient_checkpointing_kwargs={"use_reentrant": False})'),
        "    base.gradient_checkpointing_enable()\n    return get_peft_model(base, adapter)",
        "    base.gradient_checkpointing_enable()\n    return base",
    ],
)
def test_checkpointing_that_passes_gradients_is_left_alone(found_causal, body: str):
    assert found_causal("LIF003", {MODEL: (WRAP, body)}) == []


def test_later_versions_checkpoint_another_way(found_causal):
    (finding,) = found_causal("LIF003", {MODEL: (WRAP, CHECKPOINTED)}, as_of=date(2026, 6, 1))
    assert finding.severity is Severity.WARNING


def test_a_loss_without_labels_is_found(found_causal):
    forward = "outputs = model(**batch)"
    (finding,) = found_causal("LIF007", {TRAIN: (forward, 'outputs = model(input_ids=batch["input_ids"])')})
    assert "without labels" in finding.message
    labelled = 'outputs = model(input_ids=batch["input_ids"], labels=batch["labels"])'
    assert found_causal("LIF007", {TRAIN: (forward, labelled)}) == []
    assert found_causal("LIF007") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "loss = model(**batch.to(device)).loss",
            "with torch.no_grad():\n                loss = model(**batch.to(device)).loss",
        ),
        ("loss.backward()", "loss.detach().requires_grad_().backward()"),
    ],
)
def test_a_loss_that_was_cut_off_is_found(found, old: str, new: str):
    (finding,) = found("LIF002", {"src/train.py": (old, new)})
    assert "no gradient leads" in finding.message


def test_a_loss_of_which_a_part_is_detached_is_left_alone(found):
    whole = "loss = model(**batch.to(device)).loss\n            loss = loss + 0.1 * loss.detach()"
    assert found("LIF002", {"src/train.py": ("loss = model(**batch.to(device)).loss", whole)}) == []


def test_a_loss_made_of_the_number_of_a_loss_is_found(found):
    changed = {"src/train.py": ("loss.backward()", "torch.tensor(float(loss)).backward()")}
    assert [finding.place.path for finding in found("LIF001", changed)] == ["src/train.py"]
