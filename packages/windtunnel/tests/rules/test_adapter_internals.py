from __future__ import annotations

import pytest

MODEL, TRAIN = "src/model.py", "src/train.py"
WRAP = "    return get_peft_model(base, adapter)"
STEP = "            optimizer.step()\n"


def after_wrapping(*lines: str) -> dict[str, tuple[str, str]]:
    body = "".join(f"    {line}\n" for line in lines)
    return {MODEL: (WRAP, f"    model = get_peft_model(base, adapter)\n{body}    return model")}


@pytest.mark.parametrize(
    "line",
    [
        "[m.lora_B.register_hook(print) for m in model.modules()]",
        "sizes = [m.lora_A.weight.size(0) for m in model.modules()]",
        "norms = [m.lora_B.weight.grad.norm() for m in model.modules()]",
    ],
)
def test_a_container_taken_for_a_layer_is_found(found_causal, line: str):
    (finding,) = found_causal("MOD011", after_wrapping(line))
    assert "container" in finding.message


@pytest.mark.parametrize(
    "lines",
    [
        ['sizes = [m.lora_A["default"].weight.size(0) for m in model.modules()]'],
        ["sizes = [layer.weight for m in model.modules() for layer in m.lora_A.values()]"],
        [
            "class Own(torch.nn.Module):",
            "    def __init__(self):",
            "        self.lora_A = torch.nn.Linear(2, 2)",
            "own = Own().lora_A.weight",
        ],
    ],
)
def test_a_layer_of_the_container_is_left_alone(found_causal, lines: list[str]):
    assert found_causal("MOD011", after_wrapping(*lines)) == []


def test_update_layer_without_its_arguments_is_found(found_causal):
    (finding,) = found_causal("MOD012", after_wrapping("[m.update_layer(r=4) for m in model.modules()]"))
    assert "adapter_name, lora_alpha" in finding.message
    whole = after_wrapping('[m.update_layer("default", 4, lora_alpha=8, config=adapter) for m in model.modules()]')
    assert found_causal("MOD012", whole) == []
    spread = after_wrapping("[m.update_layer(**options) for m in model.modules()]")
    assert found_causal("MOD012", spread) == []


def test_rows_of_b_taken_for_ranks_are_found(found_causal):
    a = 'first = model.layer.lora_A["default"].weight.data[:keep]'
    b = 'second = model.layer.lora_B["default"].weight.data[:keep]'
    (finding,) = found_causal("MOD013", after_wrapping("keep = 4", a, b))
    assert finding.evidence == b
    assert found_causal("MOD013", after_wrapping("keep = 4", a, b.replace("[:keep]", "[:, :keep]"))) == []
    assert found_causal("MOD013", after_wrapping("keep = 4", a)) == []


def test_a_layer_rebuilt_behind_the_optimizer_is_found(found_causal):
    rebuilt = STEP + '            [m.update_layer("default", 4, lora_alpha=8, config=None) for m in model.modules()]\n'
    (finding,) = found_causal("MOD014", {TRAIN: (STEP, rebuilt)})
    assert "never sees" in finding.message
    told = rebuilt + '            optimizer.add_param_group({"params": list(model.parameters())})\n'
    assert found_causal("MOD014", {TRAIN: (STEP, told)}) == []
    before = "    optimizer = torch.optim.AdamW("
    early = '    [m.update_layer("default", 4, lora_alpha=8, config=None) for m in model.modules()]\n' + before
    assert found_causal("MOD014", {TRAIN: (before, early)}) == []


REPLACED = """\
    for module in model.modules():
        if hasattr(module, "lora_A"):
            first = module.lora_A["default"]
            first.weight = torch.nn.Parameter(torch.zeros(4, 4))
"""


def test_a_parameter_replaced_behind_the_optimizer_is_found(found):
    before = "    for epoch in range(cfg.training.epochs):\n"
    (finding,) = found("MOD014", {"src/train.py": (before, REPLACED + before)})
    assert "a parameter is replaced" in finding.message
    built = "    optimizer = torch.optim.AdamW("
    assert found("MOD014", {"src/train.py": (built, REPLACED + built)}) == []
