from __future__ import annotations

import pytest

from windtunnel.findings import Severity

MODEL, TRAIN = "src/model.py", "src/train.py"
WRAP = "    return get_peft_model(base, adapter)"
STEP = "            optimizer.step()\n"


def blocks(names: str) -> dict[str, tuple[str, str]]:
    looked = f"    blocks = [m for m in base.modules() if m.__class__.__name__ in {names}]\n    print(len(blocks))\n"
    return {MODEL: (WRAP, looked + WRAP)}


def test_blocks_under_other_names_are_found(found_causal):
    (finding,) = found_causal("MOD031", blocks('{"GPT2Block", "QwenBlock"}'))
    assert "'Qwen3DecoderLayer'" in finding.message
    assert finding.severity is Severity.BLOCKER
    assert [place.path for place in finding.related] == ["config/run/proposed-qwen-gsm8k.yaml"]


@pytest.mark.parametrize("names", ['{"GPT2Block", "Qwen3DecoderLayer"}', '("Linear", "Embedding")', "cfg.model.blocks"])
def test_blocks_that_are_there_are_left_alone(found_causal, names: str):
    assert found_causal("MOD031", blocks(names)) == []


def planner(result: str) -> dict[str, tuple[str, str]]:
    made = (
        "\n\nclass Planner(torch.nn.Module):\n"
        "    def __init__(self):\n        super().__init__()\n        self.net = torch.nn.Linear(1, 1)\n\n"
        f"    def forward(self, entropy):\n        rate = self.net(entropy).exp()\n        return {result}\n"
    )
    used = "    planner = Planner()\n    second = torch.optim.Adam(planner.parameters())\n    for epoch in range(cfg"
    return {
        MODEL: ('CACHE = ".cache/"\n', 'CACHE = ".cache/"\n' + made),
        TRAIN: ("    for epoch in range(cfg", used),
    }


@pytest.mark.parametrize("result", ["rate.item()", "float(rate)", "min(rate.item(), 1.0)"])
def test_a_learned_part_that_gives_a_number_is_found(found_causal, result: str):
    files = planner(result)
    imported = ("from src.model import build\n", "from src.model import Planner, build\n")
    (finding,) = found_causal("MOD032", _with(files, imported))
    assert finding.place.path == MODEL
    assert [place.path for place in finding.related] == [TRAIN]


@pytest.mark.parametrize("result", ["rate", "rate.clamp(max=1.0)"])
def test_a_learned_part_that_gives_a_tensor_is_left_alone(found_causal, result: str):
    imported = ("from src.model import build\n", "from src.model import Planner, build\n")
    assert found_causal("MOD032", _with(planner(result), imported)) == []


def _with(files: dict[str, tuple[str, str]], change: tuple[str, str]) -> dict[str, str | tuple[str, str]]:
    """Both changes of the training module as its new text."""
    from pathlib import Path

    text = (Path(__file__).parent / "language_model" / TRAIN).read_text()
    return files | {TRAIN: text.replace(*files[TRAIN]).replace(*change)}


def test_a_weight_name_without_the_base_layer_is_found(found_causal):
    lookup = 'scores = {}\n            [scores.get(n.split(".lora_")[0] + ".weight", 0.0) for n, _ in model.named_parameters()]'  # noqa: E501 - one piece of code
    (finding,) = found_causal("MOD033", {TRAIN: (STEP, STEP + f"            {lookup}\n")})
    assert "base_layer" in finding.message
    right = lookup.replace('".weight"', '".base_layer.weight"')
    assert found_causal("MOD033", {TRAIN: (STEP, STEP + f"            {right}\n")}) == []


CONTROLLER = (
    "\n\nclass Controller:\n"
    "    def __init__(self, optimizer):\n        self.optimizer, self.steps = optimizer, 0\n\n"
    "    def update(self):\n        self.steps += 1\n{early}"
    '        for group in self.optimizer.param_groups:\n            group["lr"] = 0.1\n'
)


@pytest.mark.parametrize(
    ("early", "scheduled", "found"),
    [
        ("        if self.steps % 30:\n            return\n", True, True),
        ("        if self.steps % 30:\n            return\n", False, False),
        ("", True, False),
    ],
)
def test_a_learning_rate_that_a_scheduler_overwrites_is_found(found_causal, early: str, scheduled: bool, found: bool):
    from pathlib import Path

    text = (Path(__file__).parent / "language_model" / TRAIN).read_text()
    made = "    controller = Controller(optimizer)\n    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1)\n    for epoch in range(cfg"  # noqa: E501 - one piece of code
    stepped = "            controller.update()\n" + STEP + ("            scheduler.step()\n" if scheduled else "")
    text = text.replace("    for epoch in range(cfg", made).replace(STEP, stepped) + CONTROLLER.format(early=early)
    assert len(found_causal("MOD034", {TRAIN: text})) == found


def test_a_class_that_nothing_uses_is_found(found_causal):
    unused = {MODEL: ('CACHE = ".cache/"\n', 'CACHE = ".cache/"\n\n\nclass RankCallback:\n    """Never called."""\n')}
    (finding,) = found_causal("MOD035", unused)
    assert "'RankCallback'" in finding.message
    used = {
        MODEL: ('CACHE = ".cache/"\n', 'CACHE = ".cache/"\n\n\nclass Ranks:\n    """Used."""\n\n\nRANKS = Ranks()\n')
    }
    assert found_causal("MOD035", used) == []
