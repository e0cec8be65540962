"""benchmarks.study.bfloat16: a program started by it computes the same."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import torch
from benchmarks.study import bfloat16
from torch.testing import assert_close

ROOT = Path(__file__).parents[2]


def test_the_gradients_of_a_layer_are_those_of_the_program_started_plainly(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        textwrap.dedent("""
            import sys
            import torch
            torch.manual_seed(0)
            layer, x = torch.nn.Linear(64, 32), torch.randn(4, 8, 64, requires_grad=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                y = layer(x)
                (y @ y.transpose(1, 2)).float().square().mean().backward()
            torch.save([y.detach(), x.grad, layer.weight.grad, layer.bias.grad], sys.argv[1])
        """),
        encoding="utf-8",
    )
    found = []
    for start in (["train"], ["benchmarks.study.bfloat16", "train"]):
        path = tmp_path / f"{len(found)}.pt"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-m", *start, str(path)],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        found.append(torch.load(path))
    for plain, widened in zip(*found, strict=True):
        assert widened.dtype == plain.dtype
        assert_close(widened, plain, rtol=0.02, atol=0.02 * float(plain.abs().max()))
    assert ("bfloat16 matrix products" in done.stderr) is not bfloat16.is_quick()


def test_asking_leaves_the_modules_path_as_it_was() -> None:
    before = list(sys.path)
    bfloat16.is_quick()
    assert sys.path == before
