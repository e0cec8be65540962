from __future__ import annotations

from pathlib import Path

import pytest

from windtunnel.findings import Severity

MODEL, TRAIN = "src/model.py", "src/train.py"
RUN = "config/run/proposed-qwen-gsm8k.yaml"
BUILD = (Path(__file__).parent / "language_model" / MODEL).read_text()
TEXT = (Path(__file__).parent / "language_model" / TRAIN).read_text()
HALF = BUILD.replace("torch.bfloat16", "torch.float16")
WHOLE = HALF.replace("return get_peft_model(base, adapter)", "return base")
SCALED = (
    TEXT.replace("    for epoch in range", "    scaler = torch.amp.GradScaler()\n    for epoch in range")
    .replace("loss.backward()", "scaler.scale(loss).backward()")
    .replace("optimizer.step()", "scaler.step(optimizer)\n            scaler.update()")
)


def test_a_scaler_over_half_weights_is_found(found_causal):
    (finding,) = found_causal("MOD021", {MODEL: WHOLE, TRAIN: SCALED})
    assert finding.severity is Severity.BLOCKER
    assert [place.path for place in finding.related] == [MODEL]
    assert found_causal("MOD021", {MODEL: HALF, TRAIN: SCALED}) == []  # adapters are float32
    assert found_causal("MOD021", {MODEL: WHOLE.replace("float16", "float32"), TRAIN: SCALED}) == []
    assert (
        found_causal("MOD021", {MODEL: WHOLE, TRAIN: SCALED.replace("GradScaler()", "GradScaler(enabled=False)")}) == []
    )


@pytest.mark.parametrize(
    ("model", "optimizer", "found"),
    [
        (WHOLE, "AdamW", True),
        (WHOLE, "Adam", True),
        (WHOLE, "SGD", False),
        (HALF, "AdamW", False),
        (WHOLE.replace("float16", "bfloat16"), "AdamW", False),
        (WHOLE.replace("return base", "return base.float()"), "AdamW", False),
    ],
)
def test_adam_over_half_weights_is_found(found_causal, model: str, optimizer: str, found: bool):
    files = {MODEL: model, TRAIN: TEXT.replace("torch.optim.AdamW", f"torch.optim.{optimizer}")}
    assert [finding.severity for finding in found_causal("MOD022", files)] == [Severity.BLOCKER] * found


def test_bf16_that_becomes_fp16_is_found(found_causal):
    mixed = SCALED.replace(
        "            outputs = model(**batch)\n",
        '            with torch.autocast("cuda", enabled=cfg.training.mixed_precision == "bf16"):\n                '
        "outputs = model(**batch)\n",
    )
    files = {RUN: ("  epochs: 3", "  epochs: 3\n  mixed_precision: bf16"), TRAIN: mixed}
    assert len(found_causal("MOD023", files)) == 2
    files[TRAIN] = mixed.replace('"cuda",', '"cuda", dtype=torch.bfloat16,').replace(
        "GradScaler()", "GradScaler(enabled=False)"
    )
    assert found_causal("MOD023", files) == []
    assert found_causal("MOD023", {RUN: ("  epochs: 3", "  epochs: 3\n  mixed_precision: fp16"), TRAIN: mixed}) == []


@pytest.mark.parametrize(
    ("arguments", "body", "severity"),
    [
        ("load_in_8bit=True", "return base", Severity.BLOCKER),
        ("load_in_8bit=True", "return get_peft_model(base, adapter)", Severity.WARNING),
        ("load_in_4bit=True", "return base", Severity.WARNING),
        ('device_map="auto"', "return base", Severity.NOTE),
    ],
)
def test_a_placed_model_that_is_moved_is_found(found_causal, arguments: str, body: str, severity: Severity):
    text = BUILD.replace("torch_dtype=torch.bfloat16", arguments).replace("return get_peft_model(base, adapter)", body)
    (finding,) = found_causal("MOD024", {MODEL: text})
    assert finding.severity is severity
    assert [place.path for place in finding.related] == [MODEL]


def test_a_model_that_nobody_placed_may_be_moved(found_causal):
    assert found_causal("MOD024") == []
    assert found_causal("MOD024", {MODEL: BUILD.replace("torch_dtype=torch.bfloat16", "device_map=None")}) == []
