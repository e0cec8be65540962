"""What makes the host wait for the device during the warm-up: nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from glora import GLoRAConfig, RankAllocator

if TYPE_CHECKING:
    from collections.abc import Callable

# Methods that hand values to Python. On the CPU some of them reach no operator, so that only the call can be seen.
METHODS = {
    "__bool__", "__complex__", "__contains__", "__float__", "__index__", "__int__", "__len_hint__", "allclose",
    "cpu", "equal", "is_nonzero", "item", "numpy", "tolist",
}  # fmt: skip
# Operators that read values back, whatever Python called, or whose result has a size that depends on them.
OPERATORS = {
    "_linalg_check_errors", "_local_scalar_dense", "_unique2", "equal", "is_nonzero", "item", "masked_select",
    "nonzero", "unique_consecutive", "unique_dim",
}  # fmt: skip


class Waits(TorchFunctionMode):
    """Lists the places at which the host would wait for an accelerator."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        # By name: a device that was asked of a tensor is the CPU here and would be the accelerator there.
        to_cpu = name == "to" and "cpu" in [value for value in (*args[1:], *kwargs.values()) if isinstance(value, str)]
        # From the host to the device, too: memory that is not pinned is waited for.
        made_from_values = func in {torch.tensor, torch.as_tensor, torch.from_numpy}
        if name in METHODS or to_cpu or made_from_values:
            self.calls.append(name)
        return func(*args, **kwargs)


class Reads(TorchDispatchMode):
    """Lists the operators that read values back, also those inside other operators."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func._schema.name.removeprefix("aten::")
        by_mask = name in {"index", "index_put", "index_put_"} and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool for index in args[1]
        )
        if name in OPERATORS or by_mask:
            self.calls.append(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "wait",
    [
        lambda t: t.sum().item(),
        lambda t: float(t[0]),
        lambda t: bool(t[0] > 0),
        lambda t: t.tolist(),
        lambda t: t.cpu(),
        lambda t: t.to("cpu"),
        lambda t: t.numpy(),
        lambda t: t[t > 0],
        lambda t: t.nonzero(),
        lambda t: torch.linalg.cholesky(t.diag() + 2 * torch.eye(3)),
        lambda t: torch.tensor([1.0, 2.0]) * t[:2],
    ],
)
def test_the_counters_see_what_waits(wait: Callable[[torch.Tensor], Any]) -> None:
    values = torch.ones(3)
    with Waits() as waits, Reads() as reads:
        values * 2 + values.sum()
        assert not waits.calls + reads.calls
        wait(values)
    assert waits.calls + reads.calls


@pytest.mark.parametrize("rows", [4, 40])  # `exact` keeps pairs, or sums
@pytest.mark.parametrize("options", [{}, {"use_dora": True, "lora_dropout": 0.1}], ids=["plain", "dora"])
@pytest.mark.parametrize("signal", ["lora_B", "delta", "exact"])
def test_nothing_waits_for_the_device_before_the_allocation(
    make_model: Callable[..., Any], batch: Any, signal: Any, options: dict[str, Any], rows: int
) -> None:
    model = make_model(**options)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    config = GLoRAConfig(warmup_steps=6, signal=signal, signal_interval=2)
    allocator = RankAllocator(model, config)
    for step in range(1, 7):
        with Waits() as waits, Reads() as reads:
            for part in (slice(0, rows), slice(0, 3)):  # two micro-batches
                model(batch[0][part]).square().mean().backward()
            if step == 3:
                model.get_base_model().mid.lora_B["default"].weight.grad = None
            reallocated = allocator.step(optimizer, loss_scale=torch.ones(()))
        optimizer.step()
        optimizer.zero_grad()
        assert reallocated is (step == 6)
        assert bool(waits.calls + reads.calls) is reallocated, (step, waits.calls, reads.calls)
