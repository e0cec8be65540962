"""``isinstance`` of what is known: constants, containers, nodes of the configuration, classes of the submission."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("test", "answer"),
    [
        ("isinstance(cfg.mode, str)", True),
        ("isinstance(cfg.mode, (int, float))", False),
        ("isinstance(True, int)", True),
        ("isinstance(1, bool)", False),
        ("isinstance(1.0, int | float)", True),
        ("isinstance(None, dict)", False),
        ("isinstance([1], list)", True),
        ("isinstance((1,), list)", False),
        ("isinstance({}, dict)", True),
        ("isinstance(Store('a'), Store)", True),
        ("isinstance(Store('a'), Path)", False),
        ("isinstance(cfg, dict)", False),
    ],
)
def test_a_branch_on_a_known_type_is_decided(printed, test: str, answer: bool):
    assert printed(f"if {test}:\n    print('yes')\nelse:\n    print('no')\n") == {"yes" if answer else "no": True}


def test_a_type_that_is_not_known_is_not_decided(printed):
    body = "if isinstance(torch.load('x'), dict):\n    print('yes')\nelse:\n    print('no')\n"
    assert printed(body) == {"yes": False, "no": False}
