from __future__ import annotations

import pytest

from windtunnel.findings import Severity

MODEL = "src/model.py"
CAUSAL_RUN = "config/run/proposed-qwen-gsm8k.yaml"


def test_targets_that_the_model_does_not_have_are_found_in_the_configuration(found_causal):
    (finding,) = found_causal("MOD001", {CAUSAL_RUN: ("[q_proj, v_proj]", "[query, value]")})
    assert finding.place.path == CAUSAL_RUN
    assert finding.evidence == "target_modules: [query, value]"
    assert finding.severity is Severity.BLOCKER


def test_a_container_as_target_is_found(found):
    findings = found("MOD001", {MODEL: ('["query", "value"]', '["query", "intermediate"]')})
    assert "'intermediate' matches" in findings[0].message
    assert findings[0].place.path == MODEL


@pytest.mark.parametrize("targets", ['["query", "dense"]', '"all-linear"', 'r".*\\.(query|value)"', "None"])
def test_targets_that_fit_are_left_alone(found, targets: str):
    assert found("MOD001", {MODEL: ('["query", "value"]', targets)}) == []


def test_one_target_that_matches_nothing_is_a_warning(found):
    findings = found("MOD001", {MODEL: ('["query", "value"]', '["query", "o_proj"]')})
    assert {finding.severity for finding in findings} == {Severity.WARNING}


def test_a_frozen_head_is_found(found, found_causal):
    (finding,) = found("MOD002", {MODEL: ("        task_type=TaskType.SEQ_CLS,\n", "")})
    assert finding.severity is Severity.BLOCKER
    saved = ("task_type=TaskType.SEQ_CLS", 'modules_to_save=["classifier"]')
    assert found("MOD002", {MODEL: saved}) == []
    assert found_causal("MOD002", {MODEL: ('task_type="CAUSAL_LM", ', "")}) == []  # it has no new head


def test_a_head_that_the_code_unfreezes_itself_is_a_warning(found):
    thawed = "    return get_peft_model(base, adapter)\n"
    open_ = "    model = get_peft_model(base, adapter)\n    for p in model.classifier.parameters():\n        p.requires_grad = True\n    return model\n"  # noqa: E501 - one piece of code
    from pathlib import Path

    text = (Path(__file__).parent / "experiment" / MODEL).read_text()
    text = text.replace("        task_type=TaskType.SEQ_CLS,\n", "").replace(thawed, open_)
    assert [finding.severity for finding in found("MOD002", {MODEL: text})] == [Severity.WARNING]


def test_a_quantised_model_that_is_not_prepared_is_found(found_causal):
    quantised = ("torch_dtype=torch.bfloat16", "load_in_4bit=True")
    (finding,) = found_causal("MOD005", {MODEL: quantised})
    assert finding.severity is Severity.WARNING
    prepared = (
        "torch_dtype=torch.bfloat16, cache_dir=CACHE)",
        "load_in_4bit=True)\n    prepare_model_for_kbit_training(base)",
    )
    assert found_causal("MOD005", {MODEL: prepared}) == []
    assert found_causal("MOD005") == []


def test_configured_names_that_no_module_has_are_found(found_causal):
    wrap = "    return get_peft_model(base, adapter)"
    own = (
        "    for name, module in base.named_modules():\n"
        "        if any(target in name for target in cfg.model.target_modules) and isinstance(module, "
        "torch.nn.Linear):\n"
        "            module.requires_grad_(True)\n"
        "    return base"
    )
    wrong = {CAUSAL_RUN: ("[q_proj, v_proj]", "[q_lin, v_lin]"), MODEL: (wrap, own)}
    (finding,) = found_causal("MOD006", wrong)
    assert finding.place.path == CAUSAL_RUN
    assert found_causal("MOD006", {MODEL: (wrap, own)}) == []
