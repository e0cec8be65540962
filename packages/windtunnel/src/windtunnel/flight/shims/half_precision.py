"""Computes 16-bit matrix products on a CPU in float32, where torch's own kernels take up to a hundred times as long.

Experiments are written for accelerators, which multiply numbers of 16 bits and add the products in float32, fast. Of a
CPU without instructions for them the backward pass of one output layer takes minutes. What is stored, which types may
meet and what overflows stays as it is: only the sum inside a product is taken in float32, as an accelerator takes it.

Runs in flown processes, of any Python since 3.8: standard library only, and nothing of windtunnel but its observer.
"""

from __future__ import annotations

from _windtunnel_observer.importing import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

TOLD = "{} matrix products on the CPU were computed in float32, as an accelerator accumulates them"
_PART = 2**25  # numbers of a part that are held in float32 at a time
_libraries: list[Any] = []  # a registration lasts as long as its library


def install(_hub_url: str, report: Callable[[str], None]) -> None:
    """Have 16-bit products computed in float32 where torch is slow; the first of each type is told to ``report``."""
    after_import("torch", lambda torch: replace(torch, report))


def is_quick_in_bfloat16(torch: Any) -> bool:
    """Whether torch has a fast product of bfloat16 matrices on this CPU; True where this version cannot tell."""
    try:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    except (AttributeError, RuntimeError):
        return True


def replace(torch: Any, report: Callable[[str], None]) -> None:
    """Have it done in this process from now on."""
    library = torch.library.Library("aten", "IMPL")
    types = {torch.float16: "float16"}
    if not is_quick_in_bfloat16(torch):
        types[torch.bfloat16] = "bfloat16"
    told: set[str] = set()

    def of(own: Any) -> Callable[..., Any]:
        """The product of the operator whose variant with ``out`` is ``own``."""

        def product(*tensors: Any, **numbers: Any) -> Any:
            *summand, left, right = tensors
            narrow = types.get(left.dtype)
            if narrow is None or any(tensor.dtype is not left.dtype for tensor in tensors):
                out = torch.empty(0, dtype=tensors[0].dtype)
                return own(*tensors, **numbers, out=out)  # mixed types too, for torch to refuse as it does
            if narrow not in told:
                told.add(narrow)
                report(TOLD.format(narrow))
            if left.dim() != right.dim() or left.shape[-1] != right.shape[-2] or left.shape[:-2] != right.shape[:-2]:
                return own(*tensors, **numbers, out=torch.empty(0, dtype=left.dtype))
            shape = (*left.shape[:-1], right.shape[-1])
            out = torch.empty(shape, dtype=left.dtype)
            added = [tensor.expand(shape) for tensor in summand]
            for where, a, b in _parts(left, right):
                wide = torch.empty(0, dtype=torch.float32)
                out[where] = own(*[one[where].float() for one in added], a.float(), b.float(), **numbers, out=wide)
            return out

        return product

    import warnings  # noqa: PLC0415  # torch has imported it; a flown program shall not find it before

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a kernel is replaced is the purpose
        for name in ("mm", "bmm", "addmm", "baddbmm"):
            library.impl(name, of(getattr(torch.ops.aten, name).out), "CPU")
    _libraries.append(library)


def _parts(left: Any, right: Any) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """The product in parts that take little memory in float32: where each goes, and its factors.

    Args:
        left: (..., rows, inner).
        right: (..., inner, columns).
    """
    rows, columns, inner = left.shape[-2], right.shape[-1], left.shape[-1]
    if left.dim() > 2:
        step = max(1, _PART // max(1, rows * columns, rows * inner, inner * columns))
        for start in range(0, len(left), step):
            part = slice(start, start + step)
            yield (part,), left[part], right[part]
    elif rows >= columns:
        step = max(1, _PART // max(1, columns, inner))
        for start in range(0, rows, step):
            part = slice(start, start + step)
            yield (part,), left[part], right
    else:
        step = max(1, _PART // max(1, rows, inner))
        for start in range(0, columns, step):
            part = slice(start, start + step)
            yield (slice(None), part), left, right[:, part]
