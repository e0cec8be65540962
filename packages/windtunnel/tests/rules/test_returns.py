from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "code",
    [
        "def total(ranks) -> int:\n    found = sum(ranks)\n",
        "def load(path) -> dict[str, float]:\n    told = open(path).read()\n    if told:\n        return\n",
    ],
)
def test_a_function_that_returns_nothing_is_found(found, code: str):
    (finding,) = found("CMP006", {"src/model.py": ("CACHE = ", f"{code}\n\nCACHE = ")})
    assert finding.place.path == "src/model.py"


@pytest.mark.parametrize(
    "code",
    [
        "def total(ranks) -> int:\n    return sum(ranks)\n",
        "def total(ranks) -> int | None:\n    print(ranks)\n",
        "def say(text) -> None:\n    print(text)\n",
        "def numbers() -> Iterator[int]:\n    yield 1\n",
        "def refuse(text) -> int:\n    raise ValueError(text)\n",
        "def serve() -> NoReturn:\n    print(1)\n",
        "def forever() -> int:\n    while True:\n        print(1)\n",
    ],
)
def test_functions_that_return_or_need_not_are_left_alone(found, code: str):
    assert found("CMP006", {"src/model.py": ("CACHE = ", f"{code}\n\nCACHE = ")}) == []
