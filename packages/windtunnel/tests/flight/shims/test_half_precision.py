from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from windtunnel.flight.observer.observer import INSIDE, SHIMS

PREPARED = f"""
import json, sys
sys.path[:0] = [{str(SHIMS)!r}, {str(INSIDE)!r}]
import half_precision
from _windtunnel_observer import importing
importing.install()
told, answer = [], {{}}
half_precision.is_quick_in_bfloat16 = lambda torch: QUICK
half_precision.install("", told.append)
import torch
torch.manual_seed(0)
"""


def run(code: str, *, quick: bool = True) -> Any:
    """The answer of a process; whether its CPU is quick in bfloat16 is as given."""
    prepared = PREPARED.replace("QUICK", repr(quick))
    script = f"{prepared}\n{code}\nanswer['told'] = len(set(told))\nprint('ANSWER' + json.dumps(answer))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "verrid" not in done.stderr  # torch's remark that a kernel was replaced
    return json.loads(done.stdout.rsplit("ANSWER", 1)[1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_products_of_16_bits_are_those_of_float32_rounded(dtype: str) -> None:
    answer = run(
        f"dtype = torch.{dtype}"
        """
a, b, c = (torch.randn(3, 5, 7).to(dtype) for _ in range(3))
for name, found, wide in (
    ("mm", a[0] @ b[0].T, a[0].float() @ b[0].T.float()),
    ("bmm", a @ b.mT, a.float() @ b.mT.float()),
    ("addmm", torch.addmm(c[0, :, :5], a[0], b[0].T, beta=2, alpha=3),
     torch.addmm(c[0, :, :5].float(), a[0].float(), b[0].T.float(), beta=2, alpha=3)),
    ("baddbmm", torch.baddbmm(c[:, :, :5], a, b.mT, alpha=0.5),
     torch.baddbmm(c[:, :, :5].float(), a.float(), b.mT.float(), alpha=0.5)),
):
    answer[name] = [str(found.dtype), bool((found == wide.to(dtype)).all())]
largest = torch.full((2, 2), torch.finfo(dtype).max, dtype=dtype)
answer["overflow"] = bool(torch.isinf(largest @ largest).all())
""",
        quick=False,
    )
    assert answer.pop("told") == 1
    assert answer.pop("overflow")
    assert answer == {name: [f"torch.{dtype}", True] for name in ("mm", "bmm", "addmm", "baddbmm")}


def test_large_products_are_taken_in_parts() -> None:
    answer = run("""
half_precision._PART = 40
a, b, c = torch.randn(3, 9, 7).half(), torch.randn(3, 7, 11).half(), torch.randn(11).half()
for name, found, wide in (
    ("columns", a[0] @ b[0], a[0].float() @ b[0].float()),
    ("rows", b[0].T @ a[0].T, b[0].T.float() @ a[0].T.float()),
    ("batches", a @ b, a.float() @ b.float()),
    ("summand", torch.addmm(c, a[0], b[0]), torch.addmm(c.float(), a[0].float(), b[0].float())),
    ("nothing", a[0, :0] @ b[0], torch.zeros(0, 11)),
):
    answer[name] = bool(found.shape == wide.shape and torch.allclose(found.float(), wide, rtol=1e-3, atol=1e-3))
""")
    assert answer == {"told": 1, **dict.fromkeys(("columns", "rows", "batches", "summand", "nothing"), True)}


def test_bfloat16_is_left_to_a_cpu_that_is_quick_in_it() -> None:
    code = """
a = torch.ones(1, 1024).bfloat16()
answer["sum"] = (a @ a.T).item()
"""
    assert run(code, quick=True) == {"sum": 1024.0, "told": 0}
    assert run(code, quick=False) == {"sum": 1024.0, "told": 1}


def test_the_types_are_told_apart() -> None:
    answer = run(
        """
for dtype in (torch.float16, torch.bfloat16, torch.float16):
    torch.ones(2, 2, dtype=dtype) @ torch.ones(2, 2, dtype=dtype)
answer["all"] = told
""",
        quick=False,
    )
    assert [one.split()[0] for one in answer["all"]] == ["float16", "bfloat16"]


def test_a_backward_pass_goes_through_it() -> None:
    answer = run("""
layer = torch.nn.Linear(6, 4).half()
layer(torch.randn(5, 6).half()).float().sum().backward()
answer["gradient"] = [str(layer.weight.grad.dtype), bool(layer.weight.grad.abs().sum() > 0)]
""")
    assert answer == {"gradient": ["torch.float16", True], "told": 1}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float64", "int64"])
def test_other_numbers_are_left_alone(dtype: str) -> None:
    answer = run(f"""
a = torch.arange(12).reshape(3, 4).to(torch.{dtype})
out = torch.empty(3, 3, dtype=a.dtype)
answer["same"] = bool((a @ a.T == torch.mm(a, a.T, out=out)).all()) and str((a @ a.T).dtype) == "torch.{dtype}"
""")
    assert answer == {"same": True, "told": 0}


def test_mixed_types_and_wrong_shapes_are_refused_as_ever() -> None:
    answer = run("""
def message(a, b):
    try:
        return str(a @ b)
    except RuntimeError as error:
        return str(error)
answer["types"] = message(torch.ones(2, 2).half(), torch.ones(2, 2))
answer["both"] = message(torch.ones(2, 2).half(), torch.ones(2, 2).bfloat16())
answer["shapes"] = message(torch.ones(2, 3).half(), torch.ones(2, 3).half())
""")
    assert "same dtype" in answer["types"]
    assert "same dtype" in answer["both"]
    assert "cannot be multiplied" in answer["shapes"]
