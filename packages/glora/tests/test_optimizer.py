from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from accelerate import Accelerator
from torch import nn

from glora import OptimizerError
from glora.optimizer import check_optimizer, unwrap_optimizer
from glora.resize import resize_adapters

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIMIZERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, foreach=False),
    "adamw-foreach": lambda p: torch.optim.AdamW(p, lr=0.01, foreach=True),
    "adamw-fused": lambda p: torch.optim.AdamW(p, lr=0.01, fused=True),
    "adam-amsgrad": lambda p: torch.optim.Adam(p, lr=0.01, amsgrad=True),
    "sgd-momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.01),
}


def trainable(model: Any) -> list[nn.Parameter]:
    return [parameter for parameter in model.parameters() if parameter.requires_grad]


def held(optimizer: Any) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def factors(model: Any, name: str) -> tuple[nn.Parameter, nn.Parameter]:
    layer = getattr(model.get_base_model(), name)
    return layer.lora_A["default"].weight, layer.lora_B["default"].weight


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_state_of_what_stays_is_kept_and_what_is_new_gets_no_first_moment_and_the_mean_of_the_second(
    make_model: Callable[..., Any], batch: Any, train_step: Any, kind: str
) -> None:
    model = make_model(modules_to_save=["head"])
    optimizer = OPTIMIZERS[kind](trainable(model))
    for _ in range(3):
        train_step(model, optimizer, batch)
    before = {name: [dict(optimizer.state.get(p, {})) for p in factors(model, name)] for name in ("up", "mid", "down")}
    head = model.get_base_model().head.modules_to_save["default"].weight
    head_state = optimizer.state.get(head)
    resize_adapters(model, "default", {"up": 7, "mid": 3, "down": 0}, keep="first", optimizer=optimizer)

    assert list(map(id, held(optimizer))) == list(map(id, trainable(model)))
    assert {id(p) for p in optimizer.state} <= {id(p) for p in held(optimizer)}
    assert optimizer.state.get(head) is head_state
    for name, kept in (("up", 4), ("mid", 3)):
        for factor, old, dim in zip(factors(model, name), before[name], (0, 1), strict=True):
            new = optimizer.state.get(factor, {})
            assert new.keys() == old.keys()
            for key, value in old.items():
                if value is None or value.dim() == 0:
                    assert new[key] is value
                    continue
                assert new[key].shape == factor.shape
                assert torch.equal(new[key].narrow(dim, 0, kept), value.narrow(dim, 0, kept))
                added = new[key].narrow(dim, kept, factor.shape[dim] - kept)
                mean = value.narrow(dim, 0, kept).mean(dim, keepdim=True) if "sq" in key else torch.zeros(())
                torch.testing.assert_close(added, mean.expand_as(added).to(added))
    assert train_step(model, optimizer, batch) > 0


@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_new_components_take_steps_of_the_size_of_the_old_ones(make_model: Callable[..., Any], noise: float) -> None:
    """From second moments of zero, with nothing that corrects for the start, they would move several times too far."""
    model = make_model()
    _, b = factors(model, "up")
    optimizer = torch.optim.Adam(trainable(model), lr=1e-3)

    def step() -> None:
        for parameter in trainable(model):
            parameter.grad = 1 + noise * torch.randn_like(parameter)
        optimizer.step()

    for _ in range(300):
        step()
    resize_adapters(model, "default", {"up": 8, "mid": 4, "down": 4}, optimizer=optimizer)
    _, b = factors(model, "up")
    before = b.detach().clone()
    for _ in range(30):
        step()
    moved = (b.detach() - before).norm(dim=0)  # (8,)
    assert moved[4:].max() < 1.3 * moved[:4].max()


def test_a_kept_component_is_updated_as_if_nothing_had_happened(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    """Growing changes neither the function nor the state of the first rows, so their next values are the same."""
    plain, grown = make_model(), make_model()
    optimizers = [torch.optim.AdamW(trainable(model), lr=0.01) for model in (plain, grown)]
    for _ in range(3):
        for model, optimizer in zip((plain, grown), optimizers, strict=True):
            train_step(model, optimizer, batch)
    resize_adapters(grown, "default", {"up": 6, "mid": 8, "down": 5}, optimizer=optimizers[1])
    for model, optimizer in zip((plain, grown), optimizers, strict=True):
        train_step(model, optimizer, batch)
    for name in ("up", "mid", "down"):
        (a, b), (grown_a, grown_b) = factors(plain, name), factors(grown, name)
        torch.testing.assert_close(grown_a[:4], a, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(grown_b[:, :4], b, rtol=1e-4, atol=1e-5)


def test_groups_keep_their_number_order_settings_and_names(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(modules_to_save=["head"])
    named = {name: p for name, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        [
            {"params": [(n, p) for n, p in named.items() if "lora_A" in n], "lr": 0.1},
            {"params": [(n, p) for n, p in named.items() if "down" in n and "lora_B" in n], "weight_decay": 0.5},
            {"params": [(n, p) for n, p in named.items() if "head" in n or ("lora_B" in n and "down" not in n)]},
        ],
        lr=0.01,
    )
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    model(batch[0]).sum().backward()
    optimizer.step()
    scheduler.step()
    resize_adapters(model, "default", {"up": 6, "mid": 2, "down": 0}, optimizer=optimizer)
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 0, 4]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.5, 0.01]
    now = dict(model.named_parameters())
    for group in optimizer.param_groups:
        for name, parameter in zip(group["param_names"], group["params"], strict=True):
            assert now[name] is parameter
    optimizer.step()
    scheduler.step()
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.1 / 3, 0.01 / 3, 0.01 / 3])


def test_a_new_optimizer_of_the_resized_model_loads_the_old_ones_state(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    optimizer = torch.optim.AdamW(trainable(model), lr=0.01)
    train_step(model, optimizer, batch)
    resize_adapters(model, "default", {"up": 6, "mid": 0, "down": 2}, optimizer=optimizer)
    fresh = torch.optim.AdamW(trainable(model), lr=0.01)
    fresh.load_state_dict(optimizer.state_dict())
    for parameter in trainable(model):
        assert torch.equal(fresh.state[parameter]["exp_avg"], optimizer.state[parameter]["exp_avg"])


def test_accelerates_wrapper_is_entered(make_model: Callable[..., Any]) -> None:
    inner = torch.optim.AdamW(trainable(make_model()))
    assert unwrap_optimizer(Accelerator(cpu=True).prepare(inner)) is inner


def test_what_is_no_optimizer_is_refused() -> None:
    with pytest.raises(OptimizerError, match="`optimizer` is a dict"):
        unwrap_optimizer({})


def test_a_parameter_in_no_group_is_refused_and_nothing_is_changed(make_model: Callable[..., Any]) -> None:
    model = make_model()
    optimizer = torch.optim.SGD(list(factors(model, "up")), lr=0.1)
    before = [id(parameter) for parameter in trainable(model)]
    with pytest.raises(OptimizerError, match=r"2 of 4 adapter parameters are in no group.*`mid.lora_A`"):
        resize_adapters(model, "default", {"up": 6, "mid": 2, "down": 4}, optimizer=optimizer)
    assert [id(parameter) for parameter in trainable(model)] == before
    assert model.peft_config["default"].rank_pattern == {}


ADAFACTORS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "transformers": lambda p: transformers.Adafactor(p, lr=0.01, relative_step=False, scale_parameter=False),
    "transformers-momentum": lambda p: transformers.Adafactor(
        p, lr=0.01, relative_step=False, scale_parameter=False, beta1=0.9
    ),
    "torch": lambda p: torch.optim.Adafactor(p, lr=0.01),
}
FACTORED = {"exp_avg_sq_row": "rows", "exp_avg_sq_col": "columns", "row_var": "rows", "col_var": "columns"}


@pytest.mark.parametrize("kind", ADAFACTORS)
def test_factored_moments_are_cut_along_the_rank(
    make_model: Callable[..., Any], batch: Any, train_step: Any, kind: str
) -> None:
    model = make_model()
    optimizer = ADAFACTORS[kind](trainable(model))
    for _ in range(3):
        train_step(model, optimizer, batch)
    before = {name: [dict(optimizer.state[p]) for p in factors(model, name)] for name in ("up", "mid", "down")}
    resize_adapters(model, "default", {"up": 7, "mid": 3, "down": 0}, keep="first", optimizer=optimizer)
    for name, kept in (("up", 4), ("mid", 3)):
        # A (r, in) averages its rows' moments over `in` and its columns' over the rank; B (out, r) the other way round.
        for factor, old, ranked in zip(factors(model, name), before[name], ("rows", "columns"), strict=True):
            new = optimizer.state[factor]
            assert new.keys() == old.keys()
            for key in FACTORED.keys() & old.keys():
                if FACTORED[key] != ranked:
                    assert new[key] is old[key]
                    continue
                values, stays = new[key].flatten(), old[key].flatten()[:kept]
                assert torch.equal(values[:kept], stays)
                assert len(values) == max(kept, 7 if name == "up" else 3)
                torch.testing.assert_close(values[kept:], stays.mean().expand(len(values) - kept))
            if "exp_avg" in old:
                assert new["exp_avg"].shape == factor.shape
    assert all(bool(p.isfinite().all()) for p in trainable(model))
    first = train_step(model, optimizer, batch)
    for _ in range(10):
        last = train_step(model, optimizer, batch)
    assert last < first


class Lion(torch.optim.Optimizer):
    """An optimizer that GLoRA has never heard of, with one moment of the parameter's shape."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": 0.001})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    moment = self.state[parameter].setdefault("moment", torch.zeros_like(parameter))
                    moment.lerp_(parameter.grad, 0.1)
                    parameter.sub_(moment.sign(), alpha=group["lr"])


def test_an_unknown_optimizers_state_is_reset_with_a_warning_that_names_it(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    optimizer = Lion(trainable(model))
    train_step(model, optimizer, batch)
    stays = factors(model, "mid")[0]
    with pytest.warns(UserWarning, match=r"state of Lion for 2 resized parameters is reset.*`up.lora_A`"):
        resize_adapters(model, "default", {"up": 6, "mid": 4, "down": 0}, optimizer=optimizer)
    assert not any(optimizer.state.get(p) for p in factors(model, "up"))
    assert optimizer.state[stays]["moment"].shape == stays.shape
    train_step(model, optimizer, batch)


def test_state_of_an_unknown_form_is_reset_with_a_warning(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    optimizer = torch.optim.AdamW(trainable(model))
    train_step(model, optimizer, batch)
    optimizer.state[factors(model, "up")[0]]["sketch"] = torch.zeros(3, 3)
    with pytest.warns(UserWarning, match=r"`up.lora_A`: `sketch` is a tensor \(3, 3\)"):
        resize_adapters(model, "default", {"up": 6, "mid": 4, "down": 4}, optimizer=optimizer)
    train_step(model, optimizer, batch)


def test_moments_of_mixed_components_are_reset(make_model: Callable[..., Any], batch: Any, train_step: Any) -> None:
    model = make_model()
    optimizer = torch.optim.AdamW(trainable(model))
    train_step(model, optimizer, batch)
    resize_adapters(model, "default", {"up": 2, "mid": 4, "down": 6}, keep="svd", optimizer=optimizer)
    assert [bool(optimizer.state.get(p)) for n in ("up", "mid", "down") for p in factors(model, n)] == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]
    train_step(model, optimizer, batch)


def test_lbfgs_is_refused(make_model: Callable[..., Any]) -> None:
    model = make_model()
    with pytest.raises(OptimizerError, match="LBFGS"):
        check_optimizer(torch.optim.LBFGS(trainable(model)), {})
