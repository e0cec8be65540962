from __future__ import annotations

import dataclasses

import pytest

from glora import ConfigError, GLoRAConfig


def test_the_defaults_are_those_of_the_method() -> None:
    config = GLoRAConfig()
    assert (config.total_rank, config.beta, config.warmup_steps, config.min_rank) == (None, 0.9, 1000, 0)
    assert (config.signal, config.keep) == ("delta", "magnitude")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"total_rank": 0}, r"`total_rank` is 0; it must be at least 1"),
        ({"total_rank": 12.0}, r"`total_rank` is 12.0, not an int; write 12"),
        ({"warmup_steps": 0}, r"`warmup_steps` is 0"),
        ({"warmup_steps": True}, r"`warmup_steps` is True"),
        ({"warmup_steps": "10"}, r"`warmup_steps` is '10', not an int"),
        ({"min_rank": -1}, r"`min_rank` is -1"),
        ({"max_rank": 0}, r"`max_rank` is 0"),
        ({"min_rank": 5, "max_rank": 4}, r"`max_rank` \(4\) is below `min_rank` \(5\)"),
        ({"beta": 1.0}, r"`beta` is 1.0"),
        ({"beta": -0.1}, r"`beta` is -0.1"),
        ({"beta": float("nan")}, r"`beta` is nan"),
        ({"beta": "0.9"}, r"`beta` is '0.9'"),
        ({"cost_exponent": 2.5}, r"`cost_exponent` is 2.5; it must be a number in \[0, 2\]"),
        ({"uniform_share": -0.1}, r"`uniform_share` is -0.1"),
        ({"drop_fraction": 1.0}, r"`drop_fraction` is 1.0; it must be a number in \[0, 1\)"),
        ({"growth": "svd"}, r"`growth` is 'svd'"),
        ({"signal": "exactly"}, r"`signal` is 'exactly'; choose one of 'delta', 'lora_B'"),
        ({"keep": "last"}, r"`keep` is 'last'"),
        ({"seed": -1}, r"`seed` is -1"),
        ({"signal_interval": 0}, r"`signal_interval` is 0"),
        ({"budget_unit": "bytes"}, r"`budget_unit` is 'bytes'; choose one of 'ranks', 'parameters'"),
        ({"total_parameters": 9}, r"`total_parameters` is 9 with `budget_unit='ranks'`; set `total_rank` instead"),
        ({"budget_unit": "parameters", "total_rank": 9}, r"`total_rank` is 9 with .*; set `total_parameters` instead"),
        ({"rank_bounds": {"q": 4}}, r"`rank_bounds\['q'\]` is 4; give a pair"),
        ({"rank_bounds": {"q": (4, 2)}}, r"`rank_bounds\['q'\]` is \(4, 2\); the greatest rank is below the least"),
        ({"rank_bounds": {"q": (-1, None)}}, r"`rank_bounds\['q'\]\[0\]` is -1"),
        ({"rank_bounds": {"q(": (0, 1)}}, r"no regular expression"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_and_value(values: dict[str, object], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        GLoRAConfig(**values)


def test_all_wrong_values_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"warmup_steps.*beta"):
        GLoRAConfig(warmup_steps=0, beta=2.0)


def test_the_config_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        GLoRAConfig().beta = 0.5
