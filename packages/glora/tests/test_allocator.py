from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import PeftModel
from torch import nn

from glora import AllocationError, GLoRAConfig, OptimizerError, RankAllocator, StateError, allocate_ranks
from glora.resize import resize_adapters
from glora.shares import adjusted_shares
from glora.signal import Factors, gradient_norms

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = ("up", "mid", "down")


def adamw(model: Any, lr: float = 0.02) -> torch.optim.AdamW:
    return torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)


def norms_now(model: Any, signal: str) -> list[float]:
    layers = [getattr(model.get_base_model(), name) for name in NAMES]
    parts = [Factors(m.lora_A["default"].weight, m.lora_B["default"].weight, m.scaling["default"]) for m in layers]
    return gradient_norms(parts, signal).tolist()


@pytest.mark.parametrize("signal", ["delta", "lora_B"])
def test_the_average_the_shares_and_the_ranks_follow_the_formula(
    make_model: Callable[..., Any], batch: Any, signal: str
) -> None:
    model = make_model()
    optimizer = adamw(model)
    config = GLoRAConfig(total_rank=20, beta=0.8, warmup_steps=5, signal=signal)
    allocator = RankAllocator(model, config)
    average = [0.0, 0.0, 0.0]
    for step in range(1, 6):
        nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
        average = [0.8 * g + 0.2 * n for g, n in zip(average, norms_now(model, signal), strict=True)]
        assert allocator.step(optimizer) is (step == 5)
        optimizer.step()
        optimizer.zero_grad()
    assert list(allocator.signal.values()) == pytest.approx(average, rel=1e-5)
    assert list(allocator.scores.values()) == pytest.approx([g / sum(average) for g in average], rel=1e-5)
    assert list(allocator.ranks) == list(NAMES)
    assert list(allocator.ranks.values()) == allocate_ranks(average, 20)
    assert len(set(allocator.ranks.values())) > 1
    assert allocator.steps == 5
    assert allocator.reallocated


def test_settings_of_the_shares_decide_the_ranks(make_model: Callable[..., Any], batch: Any) -> None:
    for changed in ({"drop_fraction": 0.34}, {"uniform_share": 1.0}, {"cost_exponent": 2.0}):
        model = make_model()
        config = GLoRAConfig(total_rank=20, warmup_steps=2, **changed)
        allocator = RankAllocator(model, config)
        optimizer = adamw(model)
        for _ in range(2):
            nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
            allocator.step(optimizer)
            optimizer.step()
            optimizer.zero_grad()
        shares = adjusted_shares(list(allocator.scores.values()), [12 + 32, 32 + 24, 24 + 16], config)
        assert list(allocator.ranks.values()) == allocate_ranks(shares, 20)
        assert (0 in allocator.ranks.values()) is ("drop_fraction" in changed)


@pytest.mark.parametrize("total", [None, 1, 3, 12, 40])
def test_the_ranks_sum_to_the_budget_exactly(
    make_model: Callable[..., Any], batch: Any, train_step: Any, total: int | None
) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(total_rank=total, warmup_steps=2))
    for _ in range(3):
        train_step(model, optimizer, batch, allocator)
    assert sum(allocator.ranks.values()) == (12 if total is None else total)
    layers = {name: getattr(model.get_base_model(), name) for name in NAMES}
    present = {name: layer.r["default"] if hasattr(layer, "lora_A") else 0 for name, layer in layers.items()}
    assert present == allocator.ranks


def test_bounds_hold_and_no_rank_exceeds_the_matrix(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(total_rank=50, min_rank=10, warmup_steps=1))
    train_step(model, optimizer, batch, allocator)
    assert min(allocator.ranks.values()) >= 10
    assert allocator.ranks["up"] <= 12  # 12 inputs
    assert sum(allocator.ranks.values()) == 50


def test_it_reallocates_once_and_then_watches_no_more(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2))
    for _ in range(2):
        train_step(model, optimizer, batch, allocator)
    ranks, signal = allocator.ranks, allocator.signal
    for _ in range(3):
        model(batch[0]).sum().backward()
        assert allocator.step(optimizer) is False
    assert (allocator.ranks, allocator.signal, allocator.steps) == (ranks, signal, 2)


def test_training_goes_on_across_the_reallocation(make_model: Callable[..., Any], batch: Any, train_step: Any) -> None:
    model = make_model(modules_to_save=["head"])
    optimizer = adamw(model, lr=0.004)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.0, 1 - step / 120))
    allocator = RankAllocator(model, GLoRAConfig(total_rank=9, warmup_steps=30))
    losses = [train_step(model, optimizer, batch, allocator, scheduler) for _ in range(90)]
    assert allocator.reallocated
    assert losses[29] < 0.7 * losses[0]
    assert losses[-1] < 0.5 * losses[29]
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.004 * 30 / 120)
    assert {id(p) for g in optimizer.param_groups for p in g["params"]} == {
        id(p) for p in model.parameters() if p.requires_grad
    }


def test_the_optimizer_step_of_the_reallocating_batch_is_not_lost(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(total_rank=40, min_rank=5, warmup_steps=1))
    before = model.get_base_model().mid.lora_B["default"].weight.clone()
    train_step(model, optimizer, batch, allocator)
    after = model.get_base_model().mid.lora_B["default"].weight
    assert after.shape[1] >= 5
    assert (after[:, :4] != before).all()
    # New columns have a gradient of zero in this batch and move from the next one on.
    assert not after[:, 4:].any()
    train_step(model, optimizer, batch, allocator)
    assert model.get_base_model().mid.lora_B["default"].weight[:, 4:].any()
    assert {float(optimizer.state[p]["step"]) for p in optimizer.param_groups[0]["params"]} == {2.0}


def test_a_growing_reallocation_keeps_the_function(make_model: Callable[..., Any], batch: Any, train_step: Any) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(total_rank=30, min_rank=5, warmup_steps=4))
    for _ in range(3):
        train_step(model, optimizer, batch, allocator)
    before = model(batch[0])
    before.square().sum().backward()
    assert allocator.step(optimizer)
    torch.testing.assert_close(model(batch[0]), before, rtol=1e-5, atol=1e-6)


def test_nothing_waits_for_the_device_during_warm_up(
    make_model: Callable[..., Any], batch: Any, train_step: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("item", "cpu", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "nonzero"):
        original = getattr(torch.Tensor, name)

        def counted(self: Any, *args: Any, _original: Any = original, _name: str = name, **kwargs: Any) -> Any:
            calls.append(_name)
            return _original(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, counted)
    for signal in ("delta", "lora_B"):
        model = make_model()
        optimizer = adamw(model)
        allocator = RankAllocator(model, GLoRAConfig(warmup_steps=4, signal=signal))
        for step in range(4):
            model(batch[0]).square().mean().backward()
            if step == 1:
                model.get_base_model().mid.lora_B["default"].weight.grad = None
            calls.clear()
            assert allocator.step(optimizer) is (step == 3)
            assert bool(calls) is (step == 3), (signal, step, calls)
            optimizer.step()
            optimizer.zero_grad()


@pytest.mark.parametrize("bad", [None, float("nan"), float("inf")])
def test_a_matrix_without_a_gradient_and_a_step_that_is_not_finite_are_not_observed(
    make_model: Callable[..., Any], batch: Any, bad: float | None
) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=10))
    b = model.get_base_model().mid.lora_B["default"].weight
    model(batch[0]).square().mean().backward()
    allocator.step(optimizer)
    first, scores = allocator.signal, allocator.scores
    if bad is None:
        b.grad = None
    else:
        b.grad[0, 0] = bad
    allocator.step(optimizer)
    second = allocator.signal
    assert second["mid"] == first["mid"]
    # 0.1 n, then 0.9 · 0.1 n + 0.1 n; a step that a scaler would skip is left out as a whole
    assert second["up"] == pytest.approx((1.9 if bad is None else 1.0) * first["up"], rel=1e-5)
    # The gradients did not change, so no share may: a missed step is not a small gradient.
    assert allocator.scores == pytest.approx(scores, rel=1e-5)


def test_a_matrix_that_the_forward_pass_does_not_use_is_named(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2))
    base = model.get_base_model()
    for _ in range(2):
        base.head(torch.tanh(base.up(batch[0])) @ base.mid.base_layer.weight.mT[:, :16]).square().mean().backward()
        base.down(torch.tanh(base.mid(torch.tanh(base.up(batch[0]))))).sum().backward()
        base.mid.lora_B["default"].weight.grad = None
        if allocator.steps == 1:
            with pytest.warns(UserWarning, match=r"1 of 3 adapted matrices had no gradient in the 2 steps .*`mid`"):
                allocator.step(optimizer)
        else:
            allocator.step(optimizer)
        optimizer.zero_grad()
    assert allocator.ranks["mid"] == 0


@pytest.mark.parametrize("interval", [1, 3])
def test_only_every_nth_step_is_observed(
    make_model: Callable[..., Any], batch: Any, train_step: Any, interval: int
) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=100, signal_interval=interval))
    for _ in range(7):
        train_step(model, optimizer, batch, allocator)
    assert allocator.state_dict()["observations"].tolist() == [{1: 7, 3: 3}[interval]] * 3


@pytest.mark.parametrize("signal", ["delta", "exact"])
def test_parameters_that_were_exchanged_after_it_was_made_are_found_again(
    make_model: Callable[..., Any], batch: Any, train_step: Any, signal: Any
) -> None:
    """By ``load_state_dict(assign=True)``, a loaded adapter of other ranks, a cast."""
    model, plain = make_model(), make_model()
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=3, signal=signal))
    model.load_state_dict({key: value.clone() for key, value in model.state_dict().items()}, assign=True)
    for parameter in (p for name, p in model.named_parameters() if "lora" in name):
        parameter.requires_grad_()
    reference = RankAllocator(plain, GLoRAConfig(warmup_steps=3, signal=signal))
    optimizers = adamw(model), adamw(plain)
    for _ in range(4):
        for tuned, optimizer, watcher in zip((model, plain), optimizers, (allocator, reference), strict=True):
            train_step(tuned, optimizer, batch, watcher)
    assert allocator.reallocated
    if signal == "delta":
        assert allocator.ranks == reference.ranks


def test_ranks_that_changed_after_it_was_made_are_the_new_start(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    model = make_model()
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2))
    resize_adapters(model, "default", {"up": 1, "mid": 2, "down": 0})
    optimizer = adamw(model)
    for _ in range(3):
        train_step(model, optimizer, batch, allocator)
    assert sum(allocator.ranks.values()) == 3
    assert set(allocator.ranks) == {"up", "mid"}


@pytest.mark.parametrize(
    ("lora", "words"),
    [
        ({"lora_alpha": 32}, r"scaled `up` by 2, the model does by 8"),
        ({"r": 8, "lora_alpha": 16}, r"was to share 12 ranks, and this model has 24"),
    ],
)
def test_a_run_is_not_resumed_in_a_model_of_another_lora_config(
    make_model: Callable[..., Any], lora: dict[str, Any], words: str
) -> None:
    state = RankAllocator(make_model()).state_dict()
    with pytest.raises(StateError, match=words):
        RankAllocator(make_model(**lora)).load_state_dict(state)


@pytest.mark.parametrize("moment", ["reallocated", "closed"])
def test_nothing_stays_attached_to_the_model(
    make_model: Callable[..., Any], batch: Any, train_step: Any, moment: str
) -> None:
    def hooks() -> int:
        return sum(len(module._forward_hooks) for module in model.modules())

    model = make_model()
    before = hooks()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=1, signal="exact", min_rank=1))
    assert hooks() > before
    if moment == "reallocated":
        train_step(model, optimizer, batch, allocator)
    else:
        allocator.close()
    assert hooks() == before


def test_an_exact_signal_goes_on_where_it_was_resumed(
    make_model: Callable[..., Any], batch: Any, train_step: Any
) -> None:
    config = GLoRAConfig(warmup_steps=100, signal="exact", signal_interval=2)
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, config)
    for _ in range(2):
        train_step(model, optimizer, batch, allocator)
    state = allocator.state_dict()
    allocator.close()
    resumed = RankAllocator(model, config)
    resumed.load_state_dict(state)
    train_step(model, optimizer, batch, resumed)  # the third step is observed, from its forward pass on
    assert resumed.state_dict()["observations"].tolist() == [2, 2, 2]


def test_a_warm_up_without_gradients_is_an_error_that_names_matrices_and_cause(make_model: Callable[..., Any]) -> None:
    model = make_model()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=2))
    assert set(allocator.scores.values()) == {0.0}
    allocator.step(optimizer)
    with pytest.raises(AllocationError, match=r"in 2 steps, from `up` to `down`.*before zero_grad"):
        allocator.step(optimizer)


def test_the_ranks_that_the_model_has_are_always_possible(make_model: Callable[..., Any]) -> None:
    model = make_model(r=30)  # more than the full rank of every matrix
    assert sum(RankAllocator(model, GLoRAConfig()).ranks.values()) == 90


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"min_rank": 5}, "total rank of 12 cannot be shared among 3 matrices"),
        ({"total_rank": 53}, "must be between 1 and 52"),  # 12 + 24 + 16, the full ranks
        ({"total_rank": 10, "max_rank": 3}, "must be between 1 and 9"),
        ({"total_rank": 60, "min_rank": 13}, "`up` may have a rank of at most 12"),
    ],
)
def test_an_impossible_budget_is_known_before_the_warm_up(
    make_model: Callable[..., Any], config: dict[str, int], text: str
) -> None:
    with pytest.raises(AllocationError, match=text):
        RankAllocator(make_model(), GLoRAConfig(**config))


def test_an_optimizer_that_cannot_follow_is_known_in_the_first_two_steps(
    make_model: Callable[..., Any], batch: Any
) -> None:
    model = make_model()
    allocator = RankAllocator(model, GLoRAConfig(warmup_steps=1000))
    with pytest.raises(OptimizerError, match="6 of 6 adapter parameters are in no group"):
        allocator.step(torch.optim.SGD(model.get_base_model().head.parameters(), lr=0.1))
    with pytest.raises(OptimizerError, match="LBFGS keeps one flat history"):
        allocator.step(torch.optim.LBFGS([p for p in model.parameters() if p.requires_grad]))


def with_uneven_gradients(model: Any) -> Any:
    """Let little gradient pass below `down`, so that ranks move far."""
    with torch.no_grad():
        model.get_base_model().down.get_base_layer().weight.mul_(0.05)
    return model


STEPS, WARMUP = 9, 5


class Run:
    """A training run that can be stored and continued in another process' place."""

    def __init__(self, make_model: Callable[..., Any], stored: bytes | None = None) -> None:
        self.model = with_uneven_gradients(make_model(seed=3, modules_to_save=["head"]))
        self.allocator = RankAllocator(self.model, GLoRAConfig(total_rank=9, warmup_steps=WARMUP))
        checkpoint = None if stored is None else torch.load(io.BytesIO(stored), weights_only=True)
        if checkpoint is not None:
            self.allocator.load_state_dict(checkpoint["allocator"])
            self.model.load_state_dict(checkpoint["model"])
        self.optimizer = adamw(self.model, lr=0.002)
        if checkpoint is not None:
            self.optimizer.load_state_dict(checkpoint["optimizer"])

    def store(self) -> bytes:
        file = io.BytesIO()
        parts = {"allocator": self.allocator, "model": self.model, "optimizer": self.optimizer}
        torch.save({name: part.state_dict() for name, part in parts.items()}, file)
        return file.getvalue()


@pytest.mark.parametrize("at", range(STEPS))
def test_a_resumed_run_is_bit_equal_to_an_uninterrupted_one(
    make_model: Callable[..., Any], batch: Any, train_step: Any, at: int
) -> None:
    def go(run: Run, first: int, last: int) -> None:
        for step in range(first, last):
            rows = slice(4 * step, 4 * step + 8)
            train_step(run.model, run.optimizer, (batch[0][rows], batch[1][rows]), run.allocator)

    whole = Run(make_model)
    go(whole, 0, STEPS)
    interrupted = Run(make_model)
    go(interrupted, 0, at)
    torch.manual_seed(1234)  # nothing may come from torch's own generator
    resumed = Run(make_model, interrupted.store())
    go(resumed, at, STEPS)
    ranks = whole.allocator.ranks
    assert min(ranks.values()) == 0
    assert max(ranks.values()) > 4
    assert resumed.allocator.ranks == whole.allocator.ranks
    assert resumed.allocator.signal == whole.allocator.signal
    assert resumed.allocator.scores == whole.allocator.scores
    observations = [run.allocator.state_dict()["observations"].tolist() for run in (resumed, whole)]
    assert observations == [[WARMUP] * 3] * 2
    expected = whole.model.state_dict()
    assert resumed.model.state_dict().keys() == expected.keys()
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_a_state_of_other_matrices_is_refused(make_model: Callable[..., Any]) -> None:
    state = RankAllocator(make_model(), GLoRAConfig()).state_dict()
    fewer = RankAllocator(make_model(target_modules=["up", "mid"]), GLoRAConfig())
    with pytest.raises(StateError, match="`down` has rank 4 in the state but no adapter"):
        fewer.load_state_dict(state)
    with pytest.raises(StateError, match="does not know the adapted matrix `down`"):
        RankAllocator(make_model(), GLoRAConfig()).load_state_dict(fewer.state_dict())


def test_a_state_of_another_version_or_config_is_refused(make_model: Callable[..., Any]) -> None:
    allocator = RankAllocator(make_model(), GLoRAConfig(warmup_steps=7))
    state = allocator.state_dict()
    with pytest.raises(StateError, match="has version 99"):
        allocator.load_state_dict(state | {"version": 99})
    with pytest.raises(StateError, match="`warmup_steps=7` and is now resumed with 8"):
        RankAllocator(make_model(), GLoRAConfig(warmup_steps=8)).load_state_dict(state)


def test_a_state_fits_a_model_that_was_loaded_with_its_final_ranks(
    make_model: Callable[..., Any], batch: Any, train_step: Any, tmp_path: Any
) -> None:
    model = with_uneven_gradients(make_model())
    base = with_uneven_gradients(make_model()).unload()
    optimizer = adamw(model)
    allocator = RankAllocator(model, GLoRAConfig(total_rank=3, warmup_steps=1))
    train_step(model, optimizer, batch, allocator)
    assert 0 in allocator.ranks.values()
    model.save_pretrained(tmp_path)
    loaded = PeftModel.from_pretrained(base, tmp_path, is_trainable=True)
    again = RankAllocator(loaded, GLoRAConfig(total_rank=3, warmup_steps=1))
    again.load_state_dict(allocator.state_dict())
    assert again.ranks == allocator.ranks
    assert torch.equal(loaded(batch[0]), model(batch[0]))


def test_accumulated_gradients_count_as_one_step(make_model: Callable[..., Any], batch: Any) -> None:
    whole, parts = make_model(), make_model()
    allocators = [RankAllocator(model, GLoRAConfig(warmup_steps=9)) for model in (whole, parts)]
    whole(batch[0]).square().sum().backward()
    for start, stop in itertools.pairwise((0, 10, 25, 40)):
        parts(batch[0][start:stop]).square().sum().backward()
    for allocator, model in zip(allocators, (whole, parts), strict=True):
        allocator.step(adamw(model))
    assert allocators[1].signal == pytest.approx(allocators[0].signal, rel=1e-5)
