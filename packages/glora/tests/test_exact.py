"""‖G‖_F as the probe measures it, against G made independently: the base weight's own gradient, or an explicit Δ."""

from __future__ import annotations

import copy
import gc
import io
import math
import threading
import weakref
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.pytorch_utils import Conv1D

from glora.adapters import adapted_matrices
from glora.errors import UnsupportedModelError
from glora.exact import GradientProbe

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

NAMES = ["up", "mid", "down"]


def bases(model: Any) -> list[nn.Module]:
    return [matrix.layer.get_base_layer() for matrix in adapted_matrices(model, "default").values()]


def probe_of(model: Any, *, dense: bool = True) -> GradientProbe:
    """Arm a probe; with `dense`, the base weights' own gradients are there to compare with."""
    probe = GradientProbe(list(adapted_matrices(model, "default").values()))
    probe.armed = True
    if dense:
        for base in bases(model):
            base.weight.requires_grad_(True)
    return probe


def dense_norms(model: Any) -> Tensor:
    return torch.stack([base.weight.grad.norm() for base in bases(model)])


def wrapped(base: nn.Module, *, learned: bool = True, **lora: Any) -> Any:
    model = get_peft_model(base, LoraConfig(**{"r": 3, "lora_alpha": 6} | lora))
    if learned:  # a factor is zero at the start, and then a wrong path could look right
        for name, parameter in model.named_parameters():
            if "lora_B" in name or "lora_embedding_A" in name:
                nn.init.normal_(parameter, std=0.3)
    return model


# The smallest matrix, (24, 16), keeps pairs below 9.6 positions, the largest, (32, 24), below 13.7.
@pytest.mark.parametrize("rows", [1, 8, 9, 10, 11, 13, 14, 40])
def test_it_is_the_norm_of_the_dense_gradient(make_model: Callable[..., Any], batch: Any, rows: int) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    nn.functional.cross_entropy(model(batch[0][:rows]), batch[1][:rows]).backward()
    norms = probe.norms()
    assert norms.shape == (3,)
    assert norms.dtype == torch.float32
    torch.testing.assert_close(norms, dense_norms(model), rtol=1e-4, atol=0)


@pytest.mark.parametrize("parts", [(1, 3, 4), (3, 9), (20, 3, 17), (2, 2, 2, 2, 2, 2, 2)])
def test_micro_batches_of_any_size_count_as_their_sum(
    make_model: Callable[..., Any], batch: Any, parts: tuple[int, ...]
) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    for x, y in zip(*(tensor[: sum(parts)].split(parts) for tensor in batch), strict=True):
        nn.functional.cross_entropy(model(x), y, reduction="sum").backward()
    measured, expected = probe.norms(), dense_norms(model)
    torch.testing.assert_close(measured, expected, rtol=1e-4, atol=0)


@pytest.mark.parametrize("rows", [2, 30])
def test_a_layer_that_is_called_twice_counts_twice(rows: int) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(12, 12)

        def forward(self, x: Tensor) -> Tensor:
            return self.layer(torch.tanh(self.layer(x)))

    model = wrapped(Twice(), target_modules=["layer"])
    probe = probe_of(model)
    model(torch.randn(rows, 12)).square().sum().backward()
    torch.testing.assert_close(probe.norms(), dense_norms(model), rtol=1e-4, atol=0)


class Kind(nn.Module):
    """One layer of some kind between trained ones."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.before = nn.Linear(6, 6)
        dimensions = int(kind[4]) if kind.startswith("Conv") and kind[-1] == "d" else 0
        if kind == "Linear":
            self.layer: nn.Module = nn.Linear(6, 9)
        elif kind == "transformers' Conv1D":
            self.layer = Conv1D(9, 6)
        else:
            self.layer = getattr(nn, kind)(3, 9, 3, padding=1, stride=2)
        self.shape = (3, *(4,) * dimensions) if dimensions else ()

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.before(x))
        return self.layer(x.reshape(len(x), *self.shape) if self.shape else x)


@pytest.mark.parametrize("options", [{}, {"use_rslora": True}, {"lora_bias": True}], ids=["plain", "rslora", "bias"])
@pytest.mark.parametrize("kind", ["Linear", "transformers' Conv1D", "Conv1d", "Conv2d", "Conv3d"])
def test_every_kind_of_layer(kind: str, options: dict[str, Any]) -> None:
    fan_in_fan_out = kind == "transformers' Conv1D"
    model = wrapped(Kind(kind), target_modules=["layer"], fan_in_fan_out=fan_in_fan_out, **options)
    probe = probe_of(model)
    dimensions = len(model.get_base_model().shape) - 1
    x = torch.randn(2, 3 * 4**dimensions // 6, 6) if dimensions > 0 else torch.randn(2, 5, 6)
    for scale in (1.0, -0.3):
        torch.tanh(model(scale * x)).sum().backward()
    torch.testing.assert_close(probe.norms(), dense_norms(model), rtol=1e-4, atol=0)


def explicit(model: Any, x: Tensor, *, seed: int) -> tuple[Tensor, Tensor]:
    """Compute the adapted layer's output anew, with an explicit Δ at zero beside its B A; return both."""
    (matrix,) = adapted_matrices(model, "default").values()
    layer, base = matrix.layer, matrix.layer.get_base_layer()
    delta = torch.zeros(matrix.outputs, matrix.inputs, requires_grad=True)
    update = (matrix.scaling * (matrix.b @ matrix.a)).detach() + delta
    torch.manual_seed(seed)
    dropped = layer.lora_dropout["default"](x)
    if "default" not in layer.lora_magnitude_vector:
        return base(x) + dropped @ update.T, delta
    magnitude = layer.lora_magnitude_vector["default"].weight.detach()
    factor = magnitude / (base.weight + update).detach().norm(dim=1)  # DoRA holds the norm constant
    # DoRA drops out the input of the base product too.
    return base.bias + (x - dropped) @ base.weight.T + factor * (dropped @ (base.weight + update).T), delta


@pytest.mark.parametrize("rows", [2, 50])
@pytest.mark.parametrize("options", [{}, {"use_rslora": True}, {"use_dora": True}], ids=["plain", "rslora", "dora"])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_an_explicit_update_has_the_same_gradient(rows: int, options: dict[str, Any], dropout: float) -> None:
    model = wrapped(nn.Sequential(nn.Linear(14, 10)), target_modules=["0"], lora_dropout=dropout, **options)
    if options.get("use_dora"):
        with torch.no_grad():
            model.get_base_model()[0].lora_magnitude_vector["default"].weight.mul_(1.7)
    probe = probe_of(model, dense=False)
    x = torch.randn(rows, 14)
    torch.manual_seed(5)
    output = model(x)
    output.square().sum().backward()
    expected, delta = explicit(model, x, seed=5)
    torch.testing.assert_close(output, expected)  # the same function, or the comparison would mean nothing
    expected.square().sum().backward()
    torch.testing.assert_close(probe.norms()[0], delta.grad.norm(), rtol=1e-4, atol=0)


class Lookup(nn.Module):
    """Adds in place to what the embedding returns, as many models do."""

    def __init__(self, embedding: nn.Module) -> None:
        super().__init__()
        self.words = embedding
        self.head = nn.Linear(6, 2)

    def forward(self, numbers: Tensor) -> Tensor:
        hidden = self.words(numbers)
        hidden += 1.0
        return self.head(torch.tanh(hidden))


class ScaledEmbedding(nn.Embedding):
    """As Gemma's, whose factor PEFT applies to the adapter too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("embed_scale", torch.tensor(2.5), persistent=False)

    def forward(self, numbers: Tensor) -> Tensor:
        return super().forward(numbers) * self.embed_scale


@pytest.mark.parametrize("tokens", [6, 60])  # fewer and more than the table has rows
@pytest.mark.parametrize("kind", [nn.Embedding, ScaledEmbedding])
@pytest.mark.parametrize("padding_idx", [None, 2])
def test_an_embedding_counts_the_tokens_that_meet_in_a_row(
    tokens: int, kind: type[nn.Embedding], padding_idx: int | None
) -> None:
    model = wrapped(Lookup(kind(20, 6, padding_idx=padding_idx)), target_modules=["words"])
    probe = probe_of(model)
    numbers = torch.randint(0, 8, (2, tokens // 2))
    for part in numbers.split(1):
        model(part).square().sum().backward()
    torch.testing.assert_close(probe.norms(), dense_norms(model), rtol=1e-4, atol=0)


def test_an_embedding_whose_adapter_is_off_is_not_measured() -> None:
    model = wrapped(Lookup(nn.Embedding(20, 6)), target_modules=["words"])
    probe = probe_of(model)
    with model.disable_adapter():
        model(torch.randint(0, 8, (2, 3))).sum().backward()
    assert probe.norms().isnan().all()


def test_an_embedding_with_dora_is_refused_with_its_name_and_the_way_round() -> None:
    model = wrapped(Lookup(nn.Embedding(20, 6)), target_modules=["words"], use_dora=True)
    with pytest.raises(UnsupportedModelError, match=r'`words` is an Embedding with DoRA.*signal="delta"'):
        probe_of(model)


@pytest.mark.parametrize("rows", [4, 64])
def test_low_precision_base_weights_under_float32_adapters(make_model: Callable[..., Any], rows: int) -> None:
    model = wrapped(
        nn.Sequential(nn.Linear(12, 24), nn.Tanh(), nn.Linear(24, 16)).bfloat16(), target_modules=["0", "2"]
    )
    assert {p.dtype for name, p in model.named_parameters() if "lora" in name} == {torch.float32}
    probe = probe_of(model)
    x = torch.randn(rows, 12).bfloat16()
    model(x).float().square().sum().backward()
    torch.testing.assert_close(probe.norms(), dense_norms(model).float(), rtol=2e-2, atol=0)


@pytest.mark.parametrize("inside", [False, True], ids=["forward", "forward and backward"])
def test_under_autocast_sums_stay_in_float32(make_model: Callable[..., Any], batch: Any, inside: bool) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
        if inside:
            loss.backward()
    if not inside:
        loss.backward()
    torch.testing.assert_close(probe.norms(), dense_norms(model), rtol=2e-2, atol=0)


@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("rows", [5, 40])
def test_recomputed_layers_are_measured_once(
    make_model: Callable[..., Any], batch: Any, use_reentrant: bool, rows: int
) -> None:
    plain, recomputing = make_model(learned=True), make_model(learned=True)
    base = recomputing.get_base_model()
    for name in NAMES:
        layer = getattr(base, name)
        run = layer.forward
        layer.forward = lambda x, run=run: checkpoint(run, x, use_reentrant=use_reentrant)
    probes = [probe_of(model) for model in (plain, recomputing)]
    x = batch[0][:rows].clone().requires_grad_(True)  # reentrant checkpoints need it
    for model in (plain, recomputing):
        nn.functional.cross_entropy(model(x), batch[1][:rows]).backward()
    expected, measured = (probe.norms() for probe in probes)
    torch.testing.assert_close(expected, dense_norms(plain), rtol=1e-4, atol=0)
    torch.testing.assert_close(measured, expected, rtol=1e-6, atol=0)


def test_recomputed_inputs_are_not_held_between_forward_and_backward(make_model: Callable[..., Any]) -> None:
    model = make_model(learned=True)
    base = model.get_base_model()
    probe = probe_of(model, dense=False)
    seen: list[weakref.ref[Tensor]] = []
    base.mid.lora_A["default"].register_forward_pre_hook(lambda _, args: seen.append(weakref.ref(args[0])))
    output = checkpoint(lambda x: base.mid(torch.tanh(base.up(x))), torch.randn(40, 12), use_reentrant=False)
    gc.collect()
    assert len(seen) == 1
    assert seen[0]() is None
    output.sum().backward()
    assert len(seen) == 2
    assert probe.norms()[:2].isfinite().all()


def test_a_matrix_that_no_gradient_reaches_is_nan_and_the_others_are_measured(
    make_model: Callable[..., Any], batch: Any
) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    base = model.get_base_model()
    base.down(torch.tanh(base.mid(torch.randn(5, 32)))).sum().backward()
    norms = probe.norms()
    assert norms.isnan().tolist() == [True, False, False]
    torch.testing.assert_close(norms[1:], torch.stack([b.weight.grad.norm() for b in bases(model)[1:]]))


def test_evaluations_in_between_are_not_measured(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
    size = probe.size
    model.eval()
    with torch.no_grad():
        model(batch[0])
    model(batch[0])  # with a graph that no backward pass enters
    model.train()
    assert probe.size == size
    torch.testing.assert_close(probe.norms(), dense_norms(model), rtol=1e-4, atol=0)


@pytest.mark.parametrize("rows", [5, 40])
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_gradient_that_is_not_finite_gives_no_finite_norm(
    make_model: Callable[..., Any], batch: Any, bad: float, rows: int
) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    (model(batch[0][:rows]) * bad).sum().backward()
    assert not probe.norms().isfinite().any()
    model(batch[0][:rows]).sum().backward()
    assert probe.norms().isfinite().all()  # nothing of it stays


@pytest.mark.parametrize("scale", [1024.0, torch.tensor(1024.0)], ids=["number", "tensor"])
def test_the_loss_scale_is_divided_out(make_model: Callable[..., Any], batch: Any, scale: Any) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    (nn.functional.cross_entropy(model(batch[0]), batch[1]) * scale).backward()
    torch.testing.assert_close(probe.norms(loss_scale=scale), dense_norms(model) / 1024, rtol=1e-4, atol=0)


def test_nothing_is_kept_unless_armed_and_nothing_after_it_was_asked_for(
    make_model: Callable[..., Any], batch: Any
) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    probe.armed = False
    model(batch[0]).sum().backward()
    assert probe.size == 0
    assert probe.norms().isnan().all()
    probe.armed = True
    model(batch[0]).sum().backward()
    assert probe.size > 0
    probe.norms()
    assert probe.size == 0
    assert probe.norms().isnan().all()


def test_closing_leaves_the_model_as_it_was(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    hooks = [(m._forward_hooks, m._forward_pre_hooks, m._backward_hooks) for m in model.modules()]
    probe = probe_of(model)
    assert any(any(kinds) for kinds in hooks)
    probe.close()
    assert not any(any(kinds) for kinds in hooks)
    assert not probe.armed
    model(batch[0]).sum().backward()
    assert probe.size == 0


def test_measuring_changes_neither_outputs_nor_gradients(make_model: Callable[..., Any], batch: Any) -> None:
    plain, measured = make_model(learned=True, lora_dropout=0.2), make_model(learned=True, lora_dropout=0.2)
    probe_of(measured, dense=False)
    outputs = []
    for model in (plain, measured):
        torch.manual_seed(9)
        outputs.append(model(batch[0]))
        outputs[-1].square().sum().backward()
    assert torch.equal(*outputs)
    for ours, theirs in zip(measured.parameters(), plain.parameters(), strict=True):
        assert (ours.grad is None and theirs.grad is None) or torch.equal(ours.grad, theirs.grad)


def test_only_the_named_adapter_is_measured(make_model: Callable[..., Any], batch: Any) -> None:
    model = make_model(learned=True)
    probe = probe_of(model, dense=False)
    model.add_adapter("other", LoraConfig(r=2, target_modules=NAMES))
    model.set_adapter("other")
    model(batch[0]).sum().backward()
    assert probe.norms().isnan().all()
    model.set_adapter("default")
    model(batch[0]).sum().backward()
    assert probe.norms().isfinite().all()


def test_a_copy_or_a_pickle_of_the_model_does_not_measure_into_the_original(
    make_model: Callable[..., Any], batch: Any
) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    for twin in (copy.deepcopy(model), torch.load(buffer, weights_only=False)):
        twin(batch[0]).sum().backward()
        assert probe.size == 0


class Threads:
    """An all-reduce between threads of one process, each of which is a replica."""

    def __init__(self, count: int) -> None:
        self.barrier = threading.Barrier(count, timeout=20)
        self.tensors: list[Tensor] = []

    def average(self, tensor: Tensor) -> None:
        self.tensors.append(tensor)
        self.barrier.wait()
        mean = torch.stack(self.tensors).mean(dim=0)  # fails if the replicas' tensors differ in shape
        if self.barrier.wait() == 0:
            self.tensors = []
        self.barrier.wait()
        tensor.copy_(mean)


def test_replicas_average_the_gradients_before_the_norm(make_model: Callable[..., Any], batch: Any) -> None:
    # One replica keeps pairs and the other sums, and a third one never reaches `up`.
    rows = [slice(0, 3), slice(3, 40), slice(3, 8)]
    replicas = [make_model(learned=True) for _ in rows]
    probes = [probe_of(model) for model in replicas]
    for k, (model, part) in enumerate(zip(replicas, rows, strict=True)):
        if k < 2:
            nn.functional.cross_entropy(model(batch[0][part]), batch[1][part]).backward()
        else:
            base = model.get_base_model()
            base.down(torch.tanh(base.mid(torch.randn(5, 32)))).sum().backward()
    group, results = Threads(3), [torch.empty(0)] * 3

    def ask(k: int) -> None:
        results[k] = probes[k].norms(all_reduce=group.average)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    grads = [[base.weight.grad for base in bases(model)] for model in replicas]
    expected = torch.stack(
        [
            torch.stack([torch.zeros_like(grads[0][k]) if g[k] is None else g[k] for g in grads]).mean(0).norm()
            for k in range(3)
        ]
    )
    for result in results:
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=0)
    assert all(probe.size == 0 for probe in probes)


def test_a_matrix_that_no_replica_reached_is_nan(make_model: Callable[..., Any]) -> None:
    model = make_model(learned=True)
    probe = probe_of(model, dense=False)
    base = model.get_base_model()
    base.down(torch.randn(5, 24)).sum().backward()
    assert probe.norms(all_reduce=lambda tensor: tensor).isnan().tolist() == [True, True, False]


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_a_compiled_model_is_measured_while_armed_and_only_then(
    make_model: Callable[..., Any], batch: Any, backend: str
) -> None:
    model = make_model(learned=True)
    probe = probe_of(model)
    compiled = torch.compile(model, backend=backend)
    for armed in (True, False, True):
        probe.armed = armed
        model.zero_grad()
        for base in bases(model):
            base.weight.grad = None
        nn.functional.cross_entropy(compiled(batch[0]), batch[1]).backward()
        if armed:
            torch.testing.assert_close(probe.norms(), dense_norms(model), rtol=1e-4, atol=0)
        assert probe.size == 0
    torch.compiler.reset()
