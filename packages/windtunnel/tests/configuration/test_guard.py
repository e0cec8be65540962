import pytest
from omegaconf import OmegaConf

from windtunnel.configuration.guard import explosion


def doubling(lines: int, form: str) -> dict[str, str]:
    made = {f"a{index}": form.format(index + 1) for index in range(lines)}
    return made | {f"a{lines}": "x" * 10}


def test_strings_that_double_with_every_line_are_found():
    assert "expand to more than" in explosion(OmegaConf.create(doubling(30, "${{a{0}}}${{a{0}}}")))


def test_sections_that_double_with_every_line_are_found():
    tree = {f"a{index}": {"x": f"${{a{index + 1}}}", "y": f"${{a{index + 1}}}"} for index in range(30)} | {
        "a30": {"x": "text"}
    }
    assert "expand to more than" in explosion(OmegaConf.create(tree))


def test_relative_references_that_double_are_found():
    tree = {"s": {f"a{index}": f"${{.a{index + 1}}}${{.a{index + 1}}}" for index in range(30)} | {"a30": "text"}}
    assert "expand to more than" in explosion(OmegaConf.create(tree))


@pytest.mark.parametrize(
    "tree",
    [
        {"a": "${b}", "b": "text"},
        {"a": "${a}"},
        {"a": "${b}", "b": "${a}"},
        {"a": "${now:%Y-%m-%d}/${oc.env:HOME}"},
        {"base": {"x": [1, 2, 3]}, "a": "${base}", "b": "${base.x}"},
    ],
)
def test_ordinary_and_circular_references_are_left_alone(tree):
    assert explosion(OmegaConf.create(tree)) == ""
