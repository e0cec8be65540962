from __future__ import annotations

import pytest

ALLOCATOR = """\
    allocator = RankAllocator(model, GLoRAConfig(total_rank=16, warmup_steps={warmup}))
    for epoch in range(cfg.training.epochs):
"""


def allocating(texts: dict[str, str], warmup: str, step: str) -> dict[str, str]:
    text = texts["src/train.py"].replace(
        "import copy\n", "import copy\n\nfrom glora import GLoRAConfig, RankAllocator\n"
    )
    text = text.replace("    for epoch in range(cfg.training.epochs):\n", ALLOCATOR.format(warmup=warmup))
    return {
        "src/train.py": text.replace(
            "            optimizer.step()\n", f"            {step}\n            optimizer.step()\n"
        )
    }


def test_an_allocator_that_no_step_is_told_to_is_found(found, texts):
    (finding,) = found("MOD036", allocating(texts, "10", "pass"))
    assert "RankAllocator" in finding.message
    assert found("MOD036", allocating(texts, "10", "allocator.step(optimizer)")) == []


@pytest.mark.parametrize("warmup", ["10**9", "5_000_000"])
def test_a_warm_up_that_never_ends_is_found(found, texts, warmup: str):
    (finding,) = found("MOD037", allocating(texts, warmup, "allocator.step(optimizer)"))
    assert "warmup_steps" in finding.message


@pytest.mark.parametrize("warmup", ["100", "cfg.training.epochs"])
def test_a_warm_up_within_training_is_left_alone(found, texts, warmup: str):
    assert found("MOD037", allocating(texts, warmup, "allocator.step(optimizer)")) == []
