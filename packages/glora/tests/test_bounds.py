from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from glora import AllocationError, ConfigError, GLoRAConfig, RankAllocator
from glora.bounds import budget_total, rank_limits


@dataclass
class Stand:
    """What the bounds need to know of a matrix."""

    name: str
    rank: int = 4
    limit: int = 8
    cost: int = 10
    inputs: int = 8
    outputs: int = 20


MATRICES: Any = [Stand("layers.0.q"), Stand("tower.layers.0.q", rank=2), Stand("layers.0.k", limit=6, cost=7)]


def test_a_matrixs_own_limit_caps_the_setting() -> None:
    assert rank_limits(GLoRAConfig(), MATRICES) == ([0, 0, 0], [8, 8, 6])
    assert rank_limits(GLoRAConfig(min_rank=1, max_rank=7), MATRICES) == ([1, 1, 1], [7, 7, 6])


@pytest.mark.parametrize(
    ("key", "lower"),
    [
        ("layers.0.q", [2, 2, 0]),  # an ending at a dot, as PEFT matches
        (r"^layers\.0\.q", [2, 0, 0]),
        ("q", [2, 2, 0]),
        (r".*\.[qk]", [2, 2, 2]),
    ],
)
def test_single_matrices_are_bounded_by_names_matched_as_peft_does(key: str, lower: list[int]) -> None:
    assert rank_limits(GLoRAConfig(rank_bounds={key: (2, None)}), MATRICES)[0] == lower


def test_the_first_matching_key_counts() -> None:
    config = GLoRAConfig(rank_bounds={"k": (1, 3), r"layers\.0\.[qk]": (2, 5)})
    assert rank_limits(config, MATRICES) == ([2, 2, 1], [5, 5, 3])


def test_a_key_that_matches_nothing_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"rank_bounds\['lm_head'\] matches none of the 3 .* `layers.0.q`"):
        rank_limits(GLoRAConfig(rank_bounds={"lm_head": (1, 2)}), MATRICES)


def test_a_least_rank_above_the_matrix_is_refused_by_name() -> None:
    with pytest.raises(AllocationError, match=r"`layers.0.k` may have a rank of at most 6 \(20 x 8\).*\(7\)"):
        rank_limits(GLoRAConfig(min_rank=7), MATRICES)


def test_the_budget_is_what_the_model_has_unless_it_is_given() -> None:
    assert budget_total(GLoRAConfig(), MATRICES) == (10, None)
    assert budget_total(GLoRAConfig(total_rank=6), MATRICES) == (6, None)
    costs = [10, 10, 7]
    assert budget_total(GLoRAConfig(budget_unit="parameters"), MATRICES) == (88, costs)
    assert budget_total(GLoRAConfig(budget_unit="parameters", total_parameters=50), MATRICES) == (50, costs)


def test_the_allocator_keeps_a_budget_in_parameters(make_model: Any, batch: Any, train_step: Any) -> None:
    import torch

    model = make_model()
    before = sum(p.numel() for p in model.parameters() if p.requires_grad)
    config = GLoRAConfig(budget_unit="parameters", warmup_steps=3, rank_bounds={"mid": (3, 3)})
    allocator = RankAllocator(model, config)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(4):
        train_step(model, optimizer, batch, allocator)
    after = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert before - (32 + 24) < after <= before
    assert allocator.ranks["mid"] == 3
