"""Starts a program whose bfloat16 products are computed in float32 and rounded, on a CPU without instructions for them.

That is what the instructions do; without them torch takes a hundred times as long.

    python -m benchmarks.study.bfloat16 src.main run=...      as python -m src.main run=... does
"""

from __future__ import annotations

import importlib
import runpy
import sys
from typing import Any

import torch

from windtunnel.flight.observer.observer import INSIDE, SHIMS


def is_quick() -> bool:
    """Whether torch has a fast product of bfloat16 matrices on this CPU."""
    return bool(_shim().is_quick_in_bfloat16(torch))


def _shim() -> Any:
    """The one that windtunnel's flights have."""
    sys.path[:0] = paths = [str(SHIMS), str(INSIDE)]
    try:
        return importlib.import_module("half_precision")
    finally:
        del sys.path[: len(paths)]


if __name__ == "__main__":
    _shim().replace(torch, lambda told: print(told, file=sys.stderr))
    module, sys.argv = sys.argv[1], sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
