from __future__ import annotations

from pathlib import Path

from windtunnel.findings import Severity

MODEL, TRAIN = "src/model.py", "src/train.py"
TEXT = (Path(__file__).parent / "language_model" / TRAIN).read_text()
ZERO = "            optimizer.zero_grad()\n"
BACKWARD = "            loss.backward()\n"
STEP = "            optimizer.step()\n"


def test_gradients_that_are_never_zeroed_are_found(found_causal):
    (finding,) = found_causal("LIF004", {TRAIN: (ZERO, "")})
    assert finding.evidence == "optimizer.step()"
    assert (
        found_causal(
            "LIF004", {TRAIN: (ZERO, "            for p in model.parameters():\n                p.grad = None\n")}
        )
        == []
    )


def test_gradients_that_are_zeroed_before_the_step_are_found(found_causal):
    early = TEXT.replace(BACKWARD, BACKWARD + ZERO)
    (finding,) = found_causal("LIF005", {TRAIN: early})
    assert finding.severity is Severity.BLOCKER
    assert "has none" in finding.message
    first = TEXT.replace(BACKWARD, ZERO + BACKWARD).replace(STEP + ZERO, STEP)
    assert found_causal("LIF005", {TRAIN: first}) == []


def test_gradients_of_another_batch_are_found(found_causal):
    probed = TEXT.replace(BACKWARD, BACKWARD + "            probe(model, optimizer, batch)\n")
    probed += "\n\ndef probe(model, optimizer, batch):\n    optimizer.zero_grad()\n    model(**batch).loss.backward()\n"
    (finding,) = found_causal("LIF005", {TRAIN: probed})
    assert "another batch" in finding.message
    before = (
        TEXT.replace(BACKWARD, "            probe(model, optimizer, batch)\n" + ZERO + BACKWARD)
        + probed[probed.index("\n\ndef probe") :]
    )
    assert found_causal("LIF005", {TRAIN: before}) == []


def test_gradients_outside_the_optimizer_that_pile_up_are_found(found_causal):
    opened = "    model = get_peft_model(base, adapter)\n    for p in model.parameters():\n        p.requires_grad = True\n    return model"  # noqa: E501 - one piece of code
    text = TEXT.replace(
        "[p for p in model.parameters() if p.requires_grad]", '[p for n, p in model.named_parameters() if "lora_" in n]'
    ).replace(BACKWARD, BACKWARD + "            wandb.log({n: p.grad.norm() for n, p in model.named_parameters()})\n")
    files = {MODEL: ("    return get_peft_model(base, adapter)", opened), TRAIN: text}
    (finding,) = found_causal("LIF006", files)
    assert finding.severity is Severity.WARNING
    files[TRAIN] = text.replace("optimizer.zero_grad()", "model.zero_grad()")
    assert found_causal("LIF006", files) == []
