from __future__ import annotations

import pytest

TRAIN = "src/train.py"
RUN = "config/run/proposed-qwen-gsm8k.yaml"
LOSS = "            loss = outputs.loss\n"


def promised(name: str) -> dict[str, tuple[str, str]]:
    return {RUN: ("[exact_match]", f"[exact_match, {name}]")}


@pytest.mark.parametrize("name", ["matthews_corrcoef", "rougeL", "perplexity"])
def test_a_promised_metric_that_no_code_computes_is_found(found_causal, name: str):
    (finding,) = found_causal("MET001", promised(name))
    assert repr(name) in finding.message
    assert finding.place.path == RUN


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("matthews_corrcoef", "from sklearn.metrics import matthews_corrcoef"),
        ("mcc", 'wandb.summary["mcc"] = 0.5'),
        ("rouge1", "import evaluate; evaluate.load(cfg.evaluation.metrics[1])"),
        ("perplexity", "wandb.log({'ppl': loss.exp()})"),
        ("area_under_energy", "print(loss)"),
    ],
)
def test_a_metric_that_is_computed_is_left_alone(found_causal, name: str, line: str):
    assert found_causal("MET001", promised(name) | {TRAIN: (LOSS, f"{LOSS}            {line}\n")}) == []


def test_logits_that_are_not_shifted_are_found(found_causal, found):
    lines = (
        'mask = batch["labels"] != -100',
        "preds = outputs.logits.argmax(-1)",
        'print(((preds == batch["labels"]) & mask).sum())',
    )
    wrong = LOSS + "".join(f"            {line}\n" for line in lines)
    (finding,) = found_causal("MET002", {TRAIN: (LOSS, wrong)})
    assert finding.evidence == "preds = outputs.logits.argmax(-1)"
    shifted = wrong.replace("outputs.logits.argmax(-1)", "outputs.logits[:, :-1].argmax(-1)")
    assert found_causal("MET002", {TRAIN: (LOSS, shifted)}) == []
    classified = "            loss = model(**batch.to(device)).loss\n"
    same = (
        classified
        + "            outputs, mask = model(**batch), -100\n            preds = outputs.logits.argmax(-1) == "
        "batch['labels']\n"
    )
    assert found("MET002", {TRAIN: (classified, same)}) == []  # a classifier predicts its own position
