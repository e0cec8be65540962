"""Computes float16 matrix products on a CPU in float32, where torch's own kernels take up to a hundred times as long.

Experiments are written for accelerators, which multiply float16 numbers and add the products in float32, fast. Of a CPU
without instructions for them the backward pass of one output layer takes minutes. What is stored, which types may meet
and what overflows stays as it is: only the sum inside a product is taken in float32, as an accelerator takes it.

Runs in flown processes, of any Python since 3.8: standard library only, and nothing of windtunnel but its observer.
"""

from __future__ import annotations

import warnings

from _windtunnel_observer.importing import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TOLD = "float16 matrix products on the CPU were computed in float32, as an accelerator accumulates them"
_libraries: list[Any] = []  # a registration lasts as long as its library


def install(_hub_url: str, report: Callable[[str], None]) -> None:
    """Have products of float16 numbers computed in float32; the first one is told to ``report``."""
    after_import("torch", lambda torch: _replace(torch, report))


def _replace(torch: Any, report: Callable[[str], None]) -> None:
    library = torch.library.Library("aten", "IMPL")
    half = torch.float16

    def of(own: Any) -> Callable[..., Any]:
        """The product of the operator whose variant with ``out`` is ``own``."""

        def product(*tensors: Any, **numbers: Any) -> Any:
            out = torch.empty(0, dtype=tensors[0].dtype)
            if any(tensor.dtype is not half for tensor in tensors):
                return own(*tensors, **numbers, out=out)  # mixed types too, for torch to refuse as it does
            report(TOLD)
            wide = torch.empty(0, dtype=torch.float32)
            return own(*[tensor.float() for tensor in tensors], **numbers, out=wide).to(half)

        return product

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a kernel is replaced is the purpose
        for name in ("mm", "bmm", "addmm", "baddbmm"):
            library.impl(name, of(getattr(torch.ops.aten, name).out), "CPU")
    _libraries.append(library)
