from __future__ import annotations

import io
import itertools
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import PeftModel
from torch import nn

from glora import AllocationError, GLoRAConfig, OptimizerError, RankAllocator, StateError, allocate_ranks
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
def test_a_matrix_without_a_finite_gradient_is_not_observed_in_that_step(
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
    assert second["up"] == pytest.approx(1.9 * first["up"], rel=1e-5)  # 0.1 n, then 0.9 · 0.1 n + 0.1 n
    # The gradients did not change, so no share may: a missed step is not a small gradient.
    assert allocator.scores == pytest.approx(scores, rel=1e-5)


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
