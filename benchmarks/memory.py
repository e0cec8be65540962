"""Peak memory of a training step: what torch's allocator gave out for tensors, exactly, without the interpreter.

On CUDA it keeps count itself. On the CPU the profiler lists every allocation and release of a step, to which are added
the tensors that live from step to step: weights, adapters, the optimizer's state. Scratch space that libraries take
from the system themselves (oneDNN) is in neither.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.profiler import ProfilerActivity, profile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def peak_bytes(step: Callable[[], Any], lasting: Iterable[torch.Tensor], device: torch.device) -> int:
    """Return the peak of one call of `step`.

    Args:
        step: A training step, called once; gradients of the step before must be gone.
        lasting: The tensors that exist before and after it.
        device: Where they are.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return torch.cuda.max_memory_allocated(device)
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in lasting}
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        step()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        recorded.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    given_out: list[int] = [event["args"]["Total Allocated"] for event in events if event.get("name") == "[memory]"]
    return sum(storages.values()) + max(given_out)
