"""Measurements of GLoRA's cost, run by hand; see README.md."""

import os

# Before torch is imported: its profiler reports on stderr that there is no GPU, and each tensor older than itself.
os.environ.setdefault("KINETO_LOG_LEVEL", "9")
os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
